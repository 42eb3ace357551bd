//! R1 and R2: the discriminator should be flat where it is given real (R1) or generated (R2) pictures.
//!
//! Mescheder et al. 2018 (arXiv:1801.04406): half the mean squared gradient norm. R3GAN (arXiv:2501.05441) needs both with its
//! relativistic loss. Which of the two it is depends only on which pictures are given.

use super::{gradients_of, squared_norms};
use tch::{Kind, Tensor};

/// `1/2 mean ||d scores / d pictures||^2`, summed over the given tensors of pictures; `scores [batch]`, each of `pictures` `[n, 3, side,
/// side]`. Real and generated pictures given together make R1 + R2 in one pass.
pub fn zero_centred(scores: &Tensor, pictures: &[&Tensor]) -> Tensor {
    gradients_of(scores, pictures)
        .iter()
        .map(|gradient| squared_norms(gradient).mean(Kind::Float) * 0.5)
        .sum()
}
