//! What a generator and a discriminator are built from: plain structs, defaults in one place, checks that name the setting.
//!
//! The defaults are those of the 64 px baseline, sized so that two CPU cores train on some ninety pictures a second. Where the
//! numbers come from (an experiment file) is not known here.

use crate::GanError;
use crate::modulation::Upsampling;
use serde::{Deserialize, Serialize};

/// The side of the smallest feature map, in cells; every network starts or ends there.
pub const BASE_SIDE: i64 = 4;

/// The sides a picture may have, in pixels.
pub const RESOLUTIONS: [i64; 5] = [16, 32, 64, 128, 256];

/// The shape of a generator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct GeneratorConfig {
    /// Side of the square picture, in pixels; one of [`RESOLUTIONS`].
    pub resolution: i64,
    /// Length of the latent vector z.
    pub latent_dim: i64,
    /// Length of the frozen text encoder's vector.
    pub text_dim: i64,
    /// Length that the trainable head brings the text to.
    pub text_head_dim: i64,
    /// Length of w, which steers every modulation.
    pub style_dim: i64,
    /// Channels at 4x4, 8x8, and so on up to the resolution.
    pub channels: Vec<i64>,
    /// How shortcuts are brought to the next size.
    #[serde(default)]
    pub upsampling: Upsampling,
}

impl Default for GeneratorConfig {
    fn default() -> Self {
        Self {
            resolution: 64,
            latent_dim: 64,
            text_dim: 512,
            text_head_dim: 128,
            style_dim: 128,
            channels: vec![192, 128, 96, 48, 24],
            upsampling: Upsampling::Nearest,
        }
    }
}

impl GeneratorConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first setting outside its range, by name.
    pub fn check(&self) -> Result<(), GanError> {
        check_resolution("generator.resolution", self.resolution)?;
        check_size("generator.latent_dim", self.latent_dim)?;
        check_size("generator.text_dim", self.text_dim)?;
        check_size("generator.text_head_dim", self.text_head_dim)?;
        check_size("generator.style_dim", self.style_dim)?;
        check_channels(
            "generator.channels",
            &self.channels,
            n_halvings(self.resolution) + 1,
        )
    }
}

/// How the discriminator's stages are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stages {
    /// One 4x4 convolution with stride 2 each; the fastest on a CPU.
    Plain,
    /// A 3x3 and a strided 4x4 convolution beside a pooled shortcut, behind a gate that starts at zero.
    Residual,
}

/// What is done to a discriminator's weights before they are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalization {
    /// Nothing.
    #[default]
    None,
    /// Each is divided by its largest singular value (Miyato et al. 2018, arXiv:1802.05957).
    Spectral,
}

/// What a discriminator looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// Pictures.
    #[default]
    Pictures,
    /// Maps that a frozen network makes of them (Sauer et al. 2021, arXiv:2111.01007); making them is the caller's.
    Maps {
        /// Channels of a map.
        channels: i64,
        /// Pixels of the picture a cell of the map, along a side: a power of two.
        stride: i64,
    },
}

/// The shape of a discriminator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct DiscriminatorConfig {
    /// Side of the square picture, in pixels; one of [`RESOLUTIONS`].
    pub resolution: i64,
    /// What it looks at.
    #[serde(default)]
    pub sight: Sight,
    /// Length of the frozen text encoder's vector.
    pub text_dim: i64,
    /// How the stages are built.
    pub stages: Stages,
    /// What is done to every weight.
    #[serde(default)]
    pub normalization: Normalization,
    /// Channels after each halving of what it looks at, down to 4x4.
    pub channels: Vec<i64>,
    /// Length of the feature vector that both heads read.
    pub feature_dim: i64,
}

impl Default for DiscriminatorConfig {
    fn default() -> Self {
        Self {
            resolution: 64,
            sight: Sight::Pictures,
            text_dim: 512,
            stages: Stages::Plain,
            normalization: Normalization::None,
            channels: vec![24, 48, 96, 192],
            feature_dim: 256,
        }
    }
}

impl DiscriminatorConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first setting outside its range, by name.
    pub fn check(&self) -> Result<(), GanError> {
        check_resolution("discriminator.resolution", self.resolution)?;
        check_size("discriminator.text_dim", self.text_dim)?;
        check_size("discriminator.feature_dim", self.feature_dim)?;
        let [_, side] = self.input();
        if let Sight::Maps { channels, stride } = self.sight {
            check_size("discriminator.sight.channels", channels)?;
            if !(stride > 0 && side >= 2 * BASE_SIDE && side * stride == self.resolution) {
                return Err(setting(
                    "discriminator.sight.stride",
                    stride.to_string(),
                    format!(
                        "a power of two that leaves maps of 8x8 or more at {} pixels",
                        self.resolution
                    ),
                ));
            }
        }
        check_channels("discriminator.channels", &self.channels, n_halvings(side))
    }

    /// Channels and side of what it looks at.
    #[must_use]
    pub fn input(&self) -> [i64; 2] {
        match self.sight {
            Sight::Pictures => [3, self.resolution],
            Sight::Maps { channels, stride } => [channels, self.resolution / stride.max(1)],
        }
    }
}

/// How often a picture of this side is halved until it is 4x4.
pub(crate) fn n_halvings(resolution: i64) -> usize {
    (resolution / BASE_SIDE).ilog2() as usize
}

pub(crate) fn check_resolution(key: &str, resolution: i64) -> Result<(), GanError> {
    if RESOLUTIONS.contains(&resolution) {
        return Ok(());
    }
    Err(setting(
        key,
        resolution.to_string(),
        "one of 16, 32, 64, 128, 256".to_owned(),
    ))
}

pub(crate) fn check_size(key: &str, size: i64) -> Result<(), GanError> {
    if (1..=65_536).contains(&size) {
        return Ok(());
    }
    Err(setting(key, size.to_string(), "from 1 to 65536".to_owned()))
}

pub(crate) fn check_channels(key: &str, channels: &[i64], n_stages: usize) -> Result<(), GanError> {
    if channels.len() != n_stages {
        return Err(setting(
            key,
            format!("{channels:?}"),
            format!("a list of {n_stages} numbers at this resolution"),
        ));
    }
    match channels.iter().find(|count| !(1..=4096).contains(*count)) {
        Some(count) => Err(setting(
            key,
            count.to_string(),
            "a list of numbers from 1 to 4096".to_owned(),
        )),
        None => Ok(()),
    }
}

pub(crate) fn setting(key: &str, found: String, allowed: String) -> GanError {
    GanError::Setting {
        key: key.to_owned(),
        found,
        allowed,
    }
}

#[cfg(test)]
mod tests {
    use super::{DiscriminatorConfig, GeneratorConfig, RESOLUTIONS, n_halvings};

    #[test]
    fn the_defaults_pass_their_own_checks() {
        assert!(GeneratorConfig::default().check().is_ok());
        assert!(DiscriminatorConfig::default().check().is_ok());
    }

    #[test]
    fn sixty_four_pixels_are_halved_four_times() {
        assert_eq!(RESOLUTIONS.map(n_halvings), [2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_resolution_that_is_no_power_of_two_is_named() {
        let error = GeneratorConfig {
            resolution: 48,
            ..GeneratorConfig::default()
        }
        .check()
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "`generator.resolution` is 48, but must be one of 16, 32, 64, 128, 256"
        );
    }

    #[test]
    fn a_channel_list_of_the_wrong_length_says_how_many_it_takes() {
        let error = DiscriminatorConfig {
            channels: vec![8, 16],
            ..DiscriminatorConfig::default()
        }
        .check()
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "`discriminator.channels` is [8, 16], but must be a list of 4 numbers at this resolution"
        );
    }
}
