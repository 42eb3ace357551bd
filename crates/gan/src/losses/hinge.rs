//! Hinge: scores beyond a margin of one cost nothing.
//!
//! Lim & Ye 2017 (arXiv:1705.02894); with mismatched pairs as in DF-GAN (Tao et al. 2022, arXiv:2008.05865), where fake and mismatched pairs
//! share the weight of the real ones half and half.

use crate::scores::Scores;
use tch::{Kind, Tensor};

/// `mean max(0, 1 - real) + (1 - m) mean max(0, 1 + fake) + m mean max(0, 1 + mismatch)`, minimised; DF-GAN's m is 0.5.
pub fn discriminator(scores: &Scores, mismatch_weight: f64) -> Tensor {
    let real = mean_relu(&(1.0 - &scores.real));
    let fake = mean_relu(&(1.0 + &scores.fake)) * (1.0 - mismatch_weight);
    if mismatch_weight == 0.0 {
        return real + fake;
    }
    real + fake + mean_relu(&(1.0 + &scores.mismatch)) * mismatch_weight
}

/// `-mean fake`, minimised.
pub fn generator(fake: &Tensor) -> Tensor {
    -fake.mean(Kind::Float)
}

fn mean_relu(margin: &Tensor) -> Tensor {
    margin.relu().mean(Kind::Float)
}
