//! How far apart two pictures look to a network that was trained to name things.
//!
//! Zhang et al. 2018 (arXiv:1801.03924), without their learnt weights of channels: at each depth the features of a cell are brought to unit
//! length and compared by squared distance. Which network makes the features is the caller's.

use tch::{Kind, Tensor};

/// Added to a squared length, so that a cell without any feature has a gradient.
const EPSILON: f64 = 1e-8;

/// The squared distance of unit feature vectors `[batch, channels, height, width]`, 0 to 4, averaged over cells, pictures and depths;
/// the two lists hold tensors of equal shapes. A scalar; gradients flow to both.
pub fn perceptual(drawn: &[Tensor], real: &[Tensor]) -> Tensor {
    let depths = drawn.iter().zip(real).map(|(drawn, real)| {
        (unit(drawn) - unit(real))
            .square()
            .sum_dim_intlist([1_i64].as_slice(), false, Kind::Float)
            .mean(Kind::Float)
    });
    depths.sum::<Tensor>() / drawn.len().max(1) as f64
}

fn unit(features: &Tensor) -> Tensor {
    let squares = features
        .square()
        .sum_dim_intlist([1_i64].as_slice(), true, Kind::Float);
    features / (squares + EPSILON).sqrt()
}
