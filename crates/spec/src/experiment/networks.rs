//! Sizes of the two networks. The picture's side follows from the number of widths: `4 * 2^(n - 1)` pixels.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::range::{between, each};

/// The generator: latent and sentence -> style vector -> picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Generator {
    /// Entries of the latent vector, 1 to 1024.
    #[garde(custom(between(1, 1024)))]
    pub latent_dim: i64,
    /// Entries the sentence vector is mapped to before it joins the latent, 1 to 1024.
    #[garde(custom(between(1, 1024)))]
    pub text_dim: i64,
    /// Entries of the style vector that modulates every block, 1 to 2048.
    #[garde(custom(between(1, 2048)))]
    pub style_dim: i64,
    /// Channels of each block, from 4x4 pixels upward; one block a resolution, 2 to 8 of them, each 1 to 1024.
    #[garde(length(min = 2, max = 8), custom(each(between(1, 1024))))]
    pub widths: Vec<i64>,
}

/// The discriminator: picture and sentence -> a score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Discriminator {
    /// Channels at each resolution, from the full picture down to 4x4; as many as the generator has, each 1 to 1024.
    #[garde(length(min = 2, max = 8), custom(each(between(1, 1024))))]
    pub widths: Vec<i64>,
    /// Entries of the feature vector that meets the sentence, 1 to 2048.
    #[garde(custom(between(1, 2048)))]
    pub feature_dim: i64,
}

impl Generator {
    /// Side of the drawn picture in pixels.
    #[must_use]
    pub fn resolution(&self) -> u32 {
        side_of(self.widths.len())
    }
}

impl Discriminator {
    /// Side of the judged picture in pixels.
    #[must_use]
    pub fn resolution(&self) -> u32 {
        side_of(self.widths.len())
    }
}

/// 4x4 doubles with every further width.
fn side_of(n_widths: usize) -> u32 {
    4 << n_widths.saturating_sub(1).min(16)
}
