//! The moving average of a network's weights, which draws better pictures than the weights themselves.
//!
//! Karras et al. 2018 (arXiv:1710.10196), with StyleGAN's half-life in images and its ramp: early on the average forgets faster,
//! so that it is not made of noise for the first part of the training.

use crate::GanError;
use crate::config::setting;
use idiom_torch_ext::{TorchError, lerp_into};
use serde::{Deserialize, Serialize};
use tch::Tensor;
use tch::nn::VarStore;

/// How fast the average forgets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct EmaConfig {
    /// Images after which an old weight counts half, at most; above 0.
    pub half_life_images: f64,
    /// The half-life is at most this share of the images seen so far; above 0.
    pub ramp: f64,
}

impl Default for EmaConfig {
    fn default() -> Self {
        Self {
            half_life_images: 500_000.0,
            ramp: 0.1,
        }
    }
}

impl EmaConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first setting outside its range, by name.
    pub fn check(&self) -> Result<(), GanError> {
        let rules = [
            ("ema.half_life_images", self.half_life_images),
            ("ema.ramp", self.ramp),
        ];
        match rules
            .into_iter()
            .find(|(_, value)| !(value.is_finite() && *value > 0.0))
        {
            Some((key, value)) => Err(setting(key, value.to_string(), "above 0".to_owned())),
            None => Ok(()),
        }
    }

    /// The share of the old average that is kept after a batch of `batch_images`, when `images_seen` (this batch included) have
    /// been seen: `0.5 ^ (batch_images / min(half_life, ramp * images_seen))`.
    #[must_use]
    pub fn decay(&self, images_seen: u64, batch_images: u64) -> f64 {
        let half_life = self.half_life_images.min(self.ramp * images_seen as f64);
        if half_life <= 0.0 {
            return 0.0;
        }
        0.5_f64.powf(batch_images as f64 / half_life)
    }
}

/// Keeps one store's variables as the moving average of another's.
#[derive(Debug)]
pub struct Ema {
    averages: Vec<Tensor>,
    sources: Vec<Tensor>,
}

impl Ema {
    /// Averages `source` into `average`, two stores of the same network, by variable name; copies the values once, now.
    ///
    /// # Errors
    /// Variables that `source` lacks, or of other shapes.
    pub fn start(average: &mut VarStore, source: &VarStore) -> Result<Self, GanError> {
        average.copy(source).map_err(TorchError::from)?;
        Ok(Self::resume(average, source))
    }

    /// As [`Ema::start`], but the average keeps the values it has, for a training that goes on.
    #[must_use]
    pub fn resume(average: &mut VarStore, source: &VarStore) -> Self {
        average.freeze();
        let by_name = source.variables();
        let (averages, sources) = average
            .variables()
            .into_iter()
            .filter_map(|(name, variable)| {
                by_name.get(&name).map(|source| (variable, source.detach()))
            })
            .unzip();
        Self { averages, sources }
    }

    /// Moves the average towards the source, keeping `decay` (see [`EmaConfig::decay`]) of itself.
    ///
    /// # Errors
    /// What libtorch throws.
    pub fn update(&mut self, decay: f64) -> Result<(), GanError> {
        Ok(lerp_into(&self.averages, &self.sources, 1.0 - decay)?)
    }
}

#[cfg(test)]
mod tests {
    use super::{Ema, EmaConfig};
    use tch::{Device, nn::VarStore};

    #[test]
    fn half_of_the_average_is_left_after_the_half_life() {
        let config = EmaConfig {
            half_life_images: 1000.0,
            ramp: 1.0,
        };
        assert!((config.decay(1_000_000, 1000) - 0.5).abs() < 1e-12);
        assert!((config.decay(1_000_000, 100).powi(10) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn early_on_the_ramp_shortens_the_half_life() {
        let config = EmaConfig {
            half_life_images: 500_000.0,
            ramp: 0.1,
        };
        assert!((config.decay(1000, 100) - 0.5).abs() < 1e-12);
        assert!(config.decay(0, 32) == 0.0);
    }

    #[test]
    fn the_average_moves_by_what_is_not_kept() {
        let store = |value: f64| {
            let vs = VarStore::new(Device::Cpu);
            let _ = vs.root().var("weight", &[3], tch::nn::Init::Const(value));
            vs
        };
        let (mut average, source) = (store(1.0), store(2.0));
        let mut ema = Ema::resume(&mut average, &source);
        ema.update(0.75).unwrap();
        ema.update(0.75).unwrap();
        // 1 + (2 - 1) (1 - 0.75^2)
        assert!((average.variables()["weight"].double_value(&[0]) - 1.4375).abs() < 1e-7);
    }
}
