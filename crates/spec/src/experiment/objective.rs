//! What is optimised: the adversarial loss, its penalty, the optimisers and the running average.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::range::{above_up_to, between, from_below};

/// The adversarial game.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Objective {
    /// How scores become a loss.
    #[garde(skip)]
    pub kind: ObjectiveKind,
    /// Weight of the pair (real picture, another picture's caption) in the discriminator's loss, 0 to 1.
    #[garde(custom(between(0.0, 1.0)))]
    pub mismatch: f64,
    /// Weight of the mean distance between drawn and real picture, both pooled to 8x8, in the generator's loss, 0 to
    /// 100. It carries colour early on, when the discriminator has little to say.
    #[garde(custom(between(0.0, 100.0)))]
    pub pooled_colour_weight: f64,
    /// Weight of the distance between drawn and real picture as frozen MobileNetV2 sees them (Zhang et al. 2018), in the generator's
    /// loss, 0 to 100.
    #[garde(custom(between(0.0, 100.0)))]
    pub perceptual_weight: f64,
    /// What keeps the discriminator smooth.
    #[garde(dive)]
    pub penalty: Penalty,
}

/// How scores become a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObjectiveKind {
    /// `softplus(fake - real)`: each drawn picture against a real one (Jolicoeur-Martineau 2018).
    Relativistic,
    /// Hinge at +-1, as in DF-GAN (Tao et al. 2022).
    Hinge,
    /// `softplus(-score)` (Goodfellow et al. 2014).
    NonSaturating,
    /// The difference of mean scores (Arjovsky et al. 2017); goes with the penalty `slope`.
    Wasserstein,
}

/// A gradient penalty, applied lazily: every `every` steps, that many times as strong (StyleGAN2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Penalty {
    /// Which gradients are penalised.
    #[garde(skip)]
    pub kind: PenaltyKind,
    /// Strength at the start, 0 to 1000. For `matching_aware` it is DF-GAN's k, 2 there.
    #[garde(custom(between(0.0, 1000.0)))]
    pub gamma: f64,
    /// Strength after `anneal_images`, 0 to 1000; between them it moves in equal ratios (equal differences where one is 0).
    #[garde(custom(between(0.0, 1000.0)))]
    pub gamma_final: f64,
    /// Pictures seen until `gamma_final` is reached, 1 to 1e12.
    #[garde(custom(between(1, 1_000_000_000_000)))]
    pub anneal_images: u64,
    /// Steps between two applications, 1 to 64.
    #[garde(custom(between(1, 64)))]
    pub every: u64,
    /// Exponent of the gradient's length, 1 to 12; used by `matching_aware` only, 6 in DF-GAN.
    #[garde(custom(between(1.0, 12.0)))]
    pub exponent: f64,
}

/// Which gradients are penalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PenaltyKind {
    /// No penalty.
    None,
    /// The score's gradient at real pictures (Mescheder et al. 2018).
    R1,
    /// The score's gradient at drawn pictures.
    R2,
    /// At real and at drawn pictures (Huang et al. 2024).
    R1AndR2,
    /// At matching pairs, towards picture and sentence alike: DF-GAN's matching-aware penalty.
    MatchingAware,
    /// The distance of the gradient's length from one, between real and drawn pictures (Gulrajani et al. 2017).
    Slope,
}

/// The beginning of a run as a conditional variational autoencoder (Kingma and Welling 2014): the generator learns to draw real
/// pictures back from what an encoder says of them, before anyone judges it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct WarmStart {
    /// Pictures seen until the game begins, 1 to 1e12; fewer than `train.images`.
    #[garde(custom(between(1, 1_000_000_000_000)))]
    pub images: u64,
    /// Weight of the latent's divergence from the standard normal against the squared distance of the pictures, 0 to 1000.
    #[garde(custom(between(0.0, 1000.0)))]
    pub divergence_weight: f64,
}

/// The optimisers of both networks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Optimizers {
    /// The generator's.
    #[garde(dive)]
    pub generator: Adam,
    /// The discriminator's.
    #[garde(dive)]
    pub discriminator: Adam,
    /// Pictures seen until both step sizes have fallen to 0 along half a cosine, 0 to 1e12; 0 leaves them level.
    #[garde(custom(between(0, 1_000_000_000_000)))]
    pub cooldown_images: u64,
}

/// Adam (Kingma and Ba 2015), without weight decay. Where the block is given, it must name its step size, since the
/// two networks have different defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Adam {
    /// Step size, above 0 and at most 1.
    #[garde(custom(above_up_to(0.0, 1.0)))]
    pub learning_rate: f64,
    /// Memory of the gradient, at least 0 and below 1.
    #[garde(custom(from_below(0.0, 1.0)))]
    #[serde(default = "super::defaults::beta1")]
    pub beta1: f64,
    /// Memory of the squared gradient, at least 0 and below 1.
    #[garde(custom(from_below(0.0, 1.0)))]
    #[serde(default = "super::defaults::beta2")]
    pub beta2: f64,
    /// Pictures over which the step size rises from 0, 0 to 1e12.
    #[garde(custom(between(0, 1_000_000_000_000)))]
    #[serde(default)]
    pub warmup_images: u64,
}

/// The running average of the generator's weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Ema {
    /// Longest half-life, in pictures seen, 1 to 1e12.
    #[garde(custom(between(1, 1_000_000_000_000)))]
    pub half_life_images: u64,
    /// Half-life as a share of the pictures seen so far, above 0 and at most 1; the smaller of the two holds.
    #[garde(custom(above_up_to(0.0, 1.0)))]
    pub ramp: f64,
}
