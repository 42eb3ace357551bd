//! Differentiable augmentation: the discriminator never sees a picture unshifted, real or generated, so that it cannot learn few pictures
//! by heart (DiffAugment, Zhao et al. 2020, arXiv:2006.10738).
//!
//! What is done to each sample is drawn once from a seed ([`Augmentation::draw`]) and applied to as many tensors as wanted: real
//! and generated pictures of a pair share their parameters, and gradients flow through to the generator. Each operation has a file and takes
//! explicit parameters. Leave colour off where captions name colours.

pub mod adaptive;
pub mod colour;
pub mod cutout;
pub mod translation;

use crate::GanError;
use crate::config::setting;
use crate::draws::Draws;
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

/// Which augmentations run and how far they go; zeros switch them off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct AugmentConfig {
    /// The longest shift, as a share of the side, from 0 to 0.5; the paper takes 0.125.
    pub translation: f64,
    /// The side of the square that is blanked, as a share of the picture's side, from 0 to 1; the paper takes 0.5.
    pub cutout: f64,
    /// How far brightness, saturation and contrast move, from 0 to 1; the paper takes 1.
    pub colour: f64,
}

impl Default for AugmentConfig {
    fn default() -> Self {
        Self {
            translation: 0.0625,
            cutout: 0.0,
            colour: 0.0,
        }
    }
}

impl AugmentConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first setting outside its range, by name.
    pub fn check(&self) -> Result<(), GanError> {
        let rules = [
            (
                "augment.translation",
                self.translation,
                0.5,
                "from 0 to 0.5",
            ),
            ("augment.cutout", self.cutout, 1.0, "from 0 to 1"),
            ("augment.colour", self.colour, 1.0, "from 0 to 1"),
        ];
        match rules
            .into_iter()
            .find(|(_, value, most, _)| !(0.0..=*most).contains(value))
        {
            Some((key, value, _, allowed)) => {
                Err(setting(key, value.to_string(), allowed.to_owned()))
            }
            None => Ok(()),
        }
    }
}

/// The parameters drawn for one batch; `None` where an operation is off.
#[derive(Debug, Default)]
pub struct Augmentation {
    colour: Option<colour::Jitter>,
    translation: Option<translation::Shifts>,
    cutout: Option<cutout::Holes>,
}

impl Augmentation {
    /// Draws parameters for `n_samples` pictures of `side` pixels, the first of which is the training's sample `first_sample`.
    #[must_use]
    pub fn draw(config: &AugmentConfig, draws: &Draws, first_sample: u64, size: [i64; 2]) -> Self {
        Self::draw_some(config, draws, first_sample, size, 1.0)
    }

    /// As [`Augmentation::draw`], but each operation happens to a picture with this probability only, each by a draw of its own.
    #[must_use]
    pub fn draw_some(
        config: &AugmentConfig,
        draws: &Draws,
        first_sample: u64,
        [n_samples, side]: [i64; 2],
        probability: f64,
    ) -> Self {
        let mut samples: Vec<_> = (0..u64::try_from(n_samples).unwrap_or(0))
            .map(|idx| draws.sample(first_sample + idx))
            .collect();
        // Every operation takes its draws whether it is on or not, so that switching one on leaves the others as they were.
        let mut uniforms = |n: usize| -> Vec<Vec<f64>> {
            samples
                .iter_mut()
                .map(|sample| (0..n).map(|_| sample.uniform()).collect())
                .collect()
        };
        let (mut colour, mut translation, cutout) = (uniforms(3), uniforms(2), uniforms(2));
        let gates = uniforms(3);
        let left_out = |operation: usize| -> Vec<bool> {
            let gate = |sample: &Vec<f64>| sample[operation] >= probability;
            gates.iter().map(gate).collect()
        };
        // The middle of each range of colours and of shifts changes nothing.
        for (operation, values) in [(0, &mut colour), (1, &mut translation)] {
            for (sample, _) in values
                .iter_mut()
                .zip(left_out(operation))
                .filter(|(_, left_out)| *left_out)
            {
                sample.fill(0.5);
            }
        }
        Self {
            colour: (config.colour > 0.0)
                .then(|| colour::Jitter::from_uniforms(&colour, config.colour)),
            translation: (config.translation > 0.0).then(|| {
                translation::Shifts::from_uniforms(&translation, config.translation, side)
            }),
            cutout: (config.cutout > 0.0).then(|| {
                cutout::Holes::from_uniforms(&cutout, config.cutout, side).without(&left_out(2))
            }),
        }
    }

    /// The same parameters with their tensors on `device`.
    #[must_use]
    pub fn to_device(&self, device: Device) -> Self {
        Self {
            colour: self.colour.as_ref().map(|jitter| jitter.to_device(device)),
            translation: self
                .translation
                .as_ref()
                .map(|shifts| shifts.to_device(device)),
            cutout: self.cutout.as_ref().map(|holes| holes.to_device(device)),
        }
    }

    /// Applies colour, translation and cutout, in this order, to `pictures [batch, 3, side, side]`; gradients flow through.
    pub fn apply(&self, pictures: &Tensor) -> Tensor {
        let coloured = self
            .colour
            .as_ref()
            .map_or_else(|| pictures.shallow_clone(), |jitter| jitter.apply(pictures));
        let shifted = self.translation.as_ref().map_or_else(
            || coloured.shallow_clone(),
            |shifts| shifts.apply(&coloured),
        );
        self.cutout
            .as_ref()
            .map_or_else(|| shifted.shallow_clone(), |holes| holes.apply(&shifted))
    }
}
