//! Wasserstein: the difference of mean scores, an estimate of the earth mover's distance.
//!
//! Arjovsky et al. 2017 (arXiv:1701.07875). It bounds nothing by itself: only a critic whose slope is held near one
//! ([`crate::penalties::slope`], arXiv:1704.00028) gives it a meaning.

use crate::scores::Scores;
use tch::{Kind, Tensor};

/// `mean fake - mean real + mismatch_weight * (mean mismatch - mean real)`, minimised.
pub fn discriminator(scores: &Scores, mismatch_weight: f64) -> Tensor {
    let loss = (&scores.fake - &scores.real).mean(Kind::Float);
    if mismatch_weight == 0.0 {
        return loss;
    }
    loss + (&scores.mismatch - &scores.real).mean(Kind::Float) * mismatch_weight
}

/// `-mean fake`, minimised.
pub fn generator(fake: &Tensor) -> Tensor {
    -fake.mean(Kind::Float)
}
