//! How pictures and captions reach the networks.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::range::between;

/// Differentiable augmentation of real and drawn pictures alike (Zhao et al. 2020); 0 switches a part off. Mirroring is not
/// here: captions say left and right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Augment {
    /// Longest shift as a share of the side, 0 to 0.5.
    #[garde(custom(between(0.0, 0.5)))]
    pub translation: f64,
    /// Side of a blanked square as a share of the picture's, 0 to 1.
    #[garde(custom(between(0.0, 1.0)))]
    pub cutout: f64,
    /// How far brightness, saturation and contrast move, 0 to 1; wrong where captions name colours.
    #[garde(custom(between(0.0, 1.0)))]
    pub colour: f64,
    /// How often each part that is on happens to a picture; left out for always.
    #[garde(dive)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adaptive: Option<Adaptive>,
}

/// Adaptive augmentation (Karras et al. 2020): from never towards always while the discriminator is too sure of real pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Adaptive {
    /// Mean sign of the real pictures' scores (of real minus drawn, for the relativistic and the Wasserstein loss) that is aimed
    /// at, -0.99 to 0.99.
    #[garde(custom(between(-0.99, 0.99)))]
    pub target: f64,
    /// Pictures in which it could go from never to always, 1 to 1e12.
    #[garde(custom(between(1, 1_000_000_000_000)))]
    pub rise_images: u64,
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
    /// Which of the data set's phrases name a look in training; read by `restyle` and `contrastive`.
    #[garde(skip)]
    pub phrases: PhraseKinds,
    /// Standard deviation of the noise on the sentence vector, whose entries have unit variance; 0 to 2.
    #[garde(custom(between(0.0, 2.0)))]
    pub noise: f64,
}

/// Kinds of phrases, as the phrase table names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhraseKinds {
    /// All of them.
    All,
    /// Those of the kind `formal`: the names that a textbook has for looks.
    Formal,
    /// Those of the kind `colloquial`: as people speak.
    Colloquial,
}

impl PhraseKinds {
    /// Whether phrases of this kind are taken.
    #[must_use]
    pub fn admit(self, kind: &str) -> bool {
        match self {
            Self::All => true,
            Self::Formal => kind == "formal",
            Self::Colloquial => kind == "colloquial",
        }
    }
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
