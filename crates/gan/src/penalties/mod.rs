//! Penalties on the discriminator's gradient by its inputs.
//!
//! Each has a file and is a function of scores and of the inputs they came from; the inputs must require gradients before the scores are
//! computed. The result is a scalar to be minimised that can itself be differentiated, without its weight. Penalties cost a second
//! backward pass, so they run every 8th step with 8 times the weight ("lazy", StyleGAN2, arXiv:1912.04958); the counting is the caller's.

pub mod matching_aware;
pub mod slope;
pub mod zero_centred;

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// The penalties by name.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Penalty {
    /// [`zero_centred`] on real pictures.
    R1,
    /// [`zero_centred`] on generated pictures.
    R2,
    /// [`zero_centred`] on real and on generated pictures.
    R1AndR2,
    /// [`matching_aware`] on real pictures and their texts, DF-GAN's.
    MatchingAware {
        /// The power the gradient's norm is raised to; the paper takes 6.
        exponent: f64,
    },
    /// [`slope`] between real and generated pictures, WGAN-GP's.
    Slope,
}

impl Penalty {
    /// The name used in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::R1 => "r1",
            Self::R2 => "r2",
            Self::R1AndR2 => "r1_and_r2",
            Self::MatchingAware { .. } => "matching_aware",
            Self::Slope => "slope",
        }
    }
}

/// The gradients of the summed `scores` by `inputs`, kept in the graph so that they can be differentiated again.
fn gradients_of(scores: &Tensor, inputs: &[&Tensor]) -> Vec<Tensor> {
    Tensor::run_backward(&[scores.sum(Kind::Float)], inputs, true, true)
}

/// The squared Euclidean norm of each sample's gradient, `[batch]`.
fn squared_norms(gradient: &Tensor) -> Tensor {
    let dims: Vec<i64> = (1..i64::try_from(gradient.dim()).unwrap_or(1)).collect();
    gradient
        .square()
        .sum_dim_intlist(dims.as_slice(), false, Kind::Float)
}
