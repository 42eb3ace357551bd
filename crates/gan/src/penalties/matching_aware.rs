//! MA-GP: the discriminator should be flat at real pictures with *matching* texts, in the picture and in the text.
//!
//! DF-GAN (Tao et al. 2022, arXiv:2008.05865), equation 3 with k = 2 (the caller's weight) and p = 6. As in the authors' code, the
//! norm is that of both gradients joined, not the sum of two norms.

use super::{gradients_of, squared_norms};
use tch::{Kind, Tensor};

/// Added under the root, so that a flat spot has a finite second derivative.
const EPSILON: f64 = 1e-12;

/// `mean (||d scores / d (pictures, text)||)^exponent`; `scores [batch]`, `pictures [batch, 3, side, side]`, `text [batch,
/// text_dim]`.
pub fn matching_aware(scores: &Tensor, pictures: &Tensor, text: &Tensor, exponent: f64) -> Tensor {
    let gradients = gradients_of(scores, &[pictures, text]);
    let squared: Tensor = gradients.iter().map(squared_norms).sum();
    // The power of the square spares the root.
    (squared + EPSILON)
        .pow_tensor_scalar(exponent / 2.0)
        .mean(Kind::Float)
}
