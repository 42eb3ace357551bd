//! Relativistic pairing: is this real picture more real than that fake?
//!
//! Jolicoeur-Martineau 2018 (arXiv:1807.00734), in the pairing form of R3GAN (Huang et al. 2024, arXiv:2501.05441), which proves
//! local convergence together with R1 and R2 ([`crate::penalties::zero_centred`]). Only differences of scores count, so the
//! level of the scores is free. A tie costs ln 2. The mismatched pair is judged against the same real picture.

use super::mean_softplus;
use crate::scores::Scores;
use tch::Tensor;

/// `mean softplus(fake - real) + mismatch_weight * mean softplus(mismatch - real)`, minimised.
pub fn discriminator(scores: &Scores, mismatch_weight: f64) -> Tensor {
    let loss = mean_softplus(&(&scores.fake - &scores.real));
    if mismatch_weight == 0.0 {
        return loss;
    }
    loss + mean_softplus(&(&scores.mismatch - &scores.real)) * mismatch_weight
}

/// `mean softplus(real - fake)`, minimised; sample i is paired with sample i.
pub fn generator(fake: &Tensor, real: &Tensor) -> Tensor {
    mean_softplus(&(real - fake))
}
