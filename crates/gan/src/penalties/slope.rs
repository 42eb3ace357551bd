//! WGAN-GP's penalty: between real and generated pictures the critic's slope should be one.
//!
//! Gulrajani et al. 2017 (arXiv:1704.00028), weight 10. The caller scores the mixture that [`between`] makes.

use super::{gradients_of, squared_norms};
use tch::{Kind, Tensor};

/// Added under the root, so that a flat spot has a finite second derivative.
const EPSILON: f64 = 1e-12;

/// A point on the line from each fake to its real picture: `fake + share (real - fake)`, cut off from the graph and requiring a
/// gradient; `share [batch]` in `[0, 1)`.
pub fn between(real: &Tensor, fake: &Tensor, share: &Tensor) -> Tensor {
    let share = share.view([-1, 1, 1, 1]);
    tch::no_grad(|| fake + share * (real - fake))
        .detach()
        .set_requires_grad(true)
}

/// `mean (||d scores / d pictures|| - 1)^2`; `scores [batch]`, `pictures [batch, 3, side, side]`.
pub fn slope(scores: &Tensor, pictures: &Tensor) -> Tensor {
    let [gradient] = &gradients_of(scores, &[pictures])[..] else {
        unreachable!("one input gives one gradient")
    };
    ((squared_norms(gradient) + EPSILON).sqrt() - 1.0)
        .square()
        .mean(Kind::Float)
}
