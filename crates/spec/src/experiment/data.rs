//! How pictures and captions reach the networks.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::range::{above_up_to, between};

/// Differentiable augmentation of real and drawn pictures alike (Zhao et al. 2020).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Augment {
    /// What is applied, in this order; at most 4, an empty list for nothing.
    #[garde(length(max = 4))]
    pub policies: Vec<AugmentPolicy>,
    /// Largest shift as a share of the side, 0 to 0.5.
    #[garde(custom(between(0.0, 0.5)))]
    pub translation: f64,
    /// Side of the square that is blanked as a share of the picture's, above 0 and at most 0.9.
    #[garde(custom(above_up_to(0.0, 0.9)))]
    pub cutout: f64,
}

/// One kind of augmentation. Mirroring is not here: captions say left and right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AugmentPolicy {
    /// Brightness, saturation and contrast; wrong where captions name colours.
    Color,
    /// A shift in both directions.
    Translation,
    /// A blanked square.
    Cutout,
}

/// Which caption is drawn for a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Captions {
    /// Share of draws that take a composed sentence, subject and look together, where the picture has one; 0 to 1.
    #[garde(custom(between(0.0, 1.0)))]
    pub composed_share: f64,
    /// Languages to draw from, by tag (`en`, `zh`, ...); empty for all.
    #[garde(length(max = 64))]
    pub languages: Vec<String>,
    /// Standard deviation of the noise on the sentence vector, whose entries have unit variance; 0 to 2.
    #[garde(custom(between(0.0, 2.0)))]
    pub noise: f64,
}

/// How pictures are read; changes speed and memory, never the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Loader {
    /// Threads that read and decode, 1 to 64.
    #[garde(custom(between(1, 64)))]
    pub workers: usize,
    /// Batches made ahead of need, 1 to 64.
    #[garde(custom(between(1, 64)))]
    pub prefetch: usize,
    /// Memory for decoded pictures in MiB, 0 to 1048576; beyond it pictures are kept compressed.
    #[garde(custom(between(0, 1_048_576)))]
    pub cache_mb: u64,
}
