//! Non-saturating: the cross-entropy of real against fake, with the generator's sign turned so that it learns while it loses.
//!
//! Goodfellow et al. 2014 (arXiv:1406.2661), section 3; with R1 it is StyleGAN's (Mescheder et al. 2018, arXiv:1801.04406).

use super::mean_softplus;
use crate::scores::Scores;
use tch::Tensor;

/// `mean softplus(-real) + mean softplus(fake) + mismatch_weight * mean softplus(mismatch)`, minimised.
pub fn discriminator(scores: &Scores, mismatch_weight: f64) -> Tensor {
    let loss = mean_softplus(&-&scores.real) + mean_softplus(&scores.fake);
    if mismatch_weight == 0.0 {
        return loss;
    }
    loss + mean_softplus(&scores.mismatch) * mismatch_weight
}

/// `mean softplus(-fake)`, minimised.
pub fn generator(fake: &Tensor) -> Tensor {
    mean_softplus(&-fake)
}
