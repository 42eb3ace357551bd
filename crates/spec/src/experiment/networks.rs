//! Sizes of the two networks. Which lists of channels go with which resolution is checked where the networks are built.

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
    pub text_head_dim: i64,
    /// Entries of the style vector that modulates every block, 1 to 2048.
    #[garde(custom(between(1, 2048)))]
    pub style_dim: i64,
    /// Channels at 4x4, 8x8 and so on up to the resolution (five at 64 px), each 1 to 1024.
    #[garde(length(min = 2, max = 8), custom(each(between(1, 1024))))]
    pub channels: Vec<i64>,
    /// How the blocks' shortcuts are brought to the next size.
    #[garde(skip)]
    pub upsampling: Upsampling,
}

/// How a shortcut is brought to twice its side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Upsampling {
    /// Every cell four times.
    Nearest,
    /// In slopes from cell to cell (StyleGAN2's skips, arXiv:1912.04958): no squares in smooth places.
    Bilinear,
}

/// The discriminator: picture and sentence -> a score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Discriminator {
    /// What it looks through.
    #[garde(skip)]
    pub trunk: Trunk,
    /// How the stages are built.
    #[garde(skip)]
    pub stages: Stages,
    /// What is done to every weight before it is used.
    #[garde(skip)]
    pub normalization: Normalization,
    /// Channels after each halving, from half the resolution down to 4x4 (four at 64 px), each 1 to 1024; with a trunk, whose maps are
    /// a quarter as wide, two fewer.
    #[garde(length(min = 1, max = 8), custom(each(between(1, 1024))))]
    pub channels: Vec<i64>,
    /// Entries of the feature vector that meets the sentence, 1 to 2048.
    #[garde(custom(between(1, 2048)))]
    pub feature_dim: i64,
}

/// What the discriminator looks through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trunk {
    /// Its own stages see the pictures.
    #[default]
    None,
    /// Frozen MobileNetV2 sees the pictures, the stages see its features (Sauer et al. 2021), and penalties are taken at them.
    MobilenetV2,
}

/// How the discriminator's stages are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stages {
    /// One strided convolution each; the fastest on a CPU.
    Plain,
    /// Two convolutions beside a shortcut.
    Residual,
}

/// What is done to every weight of the discriminator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Normalization {
    /// Nothing.
    None,
    /// Each is divided by its largest singular value (Miyato et al. 2018).
    Spectral,
}
