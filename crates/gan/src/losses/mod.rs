//! Adversarial losses: what the scores should be, for the discriminator and for the generator.
//!
//! Each loss has a file and two functions of score tensors `[batch]`; both return a scalar to be *minimised*, averaged over the
//! batch. Higher scores mean more real. `mismatch` scores are those of real pictures with another picture's text; their weight is
//! the caller's. Penalties on gradients are in [`crate::penalties`]. [`contrastive`] and [`perceptual`] stand apart: they compare vectors
//! and feature maps, not scores.

pub mod contrastive;
pub mod hinge;
pub mod non_saturating;
pub mod perceptual;
pub mod relativistic;
pub mod wasserstein;

use crate::scores::Scores;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// The losses by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adversarial {
    /// [`relativistic`]: each fake is paired with a real picture.
    Relativistic,
    /// [`hinge`]: margins of one.
    Hinge,
    /// [`non_saturating`]: the first GAN's.
    NonSaturating,
    /// [`wasserstein`]: the difference of mean scores.
    Wasserstein,
}

impl Adversarial {
    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Relativistic => "relativistic",
            Self::Hinge => "hinge",
            Self::NonSaturating => "non_saturating",
            Self::Wasserstein => "wasserstein",
        }
    }

    /// What the discriminator minimises; `mismatch_weight` of 0 leaves the mismatched pairs out.
    pub fn discriminator(self, scores: &Scores, mismatch_weight: f64) -> Tensor {
        match self {
            Self::Relativistic => relativistic::discriminator(scores, mismatch_weight),
            Self::Hinge => hinge::discriminator(scores, mismatch_weight),
            Self::NonSaturating => non_saturating::discriminator(scores, mismatch_weight),
            Self::Wasserstein => wasserstein::discriminator(scores, mismatch_weight),
        }
    }

    /// What the generator minimises; only [`relativistic`] reads `real`, through which no gradient should flow.
    pub fn generator(self, fake: &Tensor, real: &Tensor) -> Tensor {
        match self {
            Self::Relativistic => relativistic::generator(fake, real),
            Self::Hinge => hinge::generator(fake),
            Self::NonSaturating => non_saturating::generator(fake),
            Self::Wasserstein => wasserstein::generator(fake),
        }
    }
}

/// The mean of `softplus(margin)` = ln(1 + e^margin).
fn mean_softplus(margin: &Tensor) -> Tensor {
    margin.softplus().mean(Kind::Float)
}
