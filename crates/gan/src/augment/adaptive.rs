//! Adaptive augmentation: as much of it as the discriminator's overfitting asks for.
//!
//! Karras et al. 2020 (arXiv:2006.06676, ADA): each operation happens to a picture with a probability that rises while the
//! share of real pictures with a positive score says that the discriminator knows them by heart, and falls while it does not. Here it
//! moves a little at every step instead of every fourth, so that the probability alone is all that has to be saved.

use crate::GanError;
use crate::config::setting;
use crate::losses::Adversarial;
use crate::scores::Scores;
use serde::{Deserialize, Serialize};
use tch::Kind;

/// How the probability follows the scores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct AdaptiveConfig {
    /// The mean sign that is aimed at, above -1 and below 1; the paper takes 0.6.
    pub target: f64,
    /// Pictures in which the probability could go from 0 to 1, above 0; the paper takes 500,000.
    pub rise_images: f64,
}

impl Default for AdaptiveConfig {
    fn default() -> Self {
        Self {
            target: 0.6,
            rise_images: 500_000.0,
        }
    }
}

impl AdaptiveConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first setting outside its range, by name.
    pub fn check(&self) -> Result<(), GanError> {
        if !(self.target > -1.0 && self.target < 1.0) {
            return Err(setting(
                "augment.adaptive.target",
                self.target.to_string(),
                "above -1 and below 1".to_owned(),
            ));
        }
        if !(self.rise_images.is_finite() && self.rise_images > 0.0) {
            return Err(setting(
                "augment.adaptive.rise_images",
                self.rise_images.to_string(),
                "above 0".to_owned(),
            ));
        }
        Ok(())
    }

    /// The probability after `n_images` more with this mean sign, from 0 to 1.
    #[must_use]
    pub fn next(&self, probability: f64, mean_sign: f64, n_images: u64) -> f64 {
        let change = n_images as f64 / self.rise_images;
        let direction = if mean_sign > self.target { 1.0 } else { -1.0 };
        (probability + direction * change).clamp(0.0, 1.0)
    }
}

/// The paper's r: the mean sign of the real pictures' scores, from -1 to 1.
///
/// The relativistic and the Wasserstein loss leave the level of the scores free, so that their sign says nothing; there it is the mean
/// sign of real minus fake, pair by pair.
pub fn mean_sign(adversarial: Adversarial, scores: &Scores) -> f64 {
    let margin = match adversarial {
        Adversarial::Relativistic | Adversarial::Wasserstein => &scores.real - &scores.fake,
        Adversarial::Hinge | Adversarial::NonSaturating => scores.real.shallow_clone(),
    };
    margin.sign().mean(Kind::Double).double_value(&[])
}

#[cfg(test)]
mod tests {
    use super::{AdaptiveConfig, Adversarial, Scores, mean_sign};
    use tch::Tensor;

    #[test]
    fn the_probability_rises_above_the_target_and_falls_below_it() {
        let config = AdaptiveConfig::default();
        // 64 pictures of 500,000 are 0.000128 of the way.
        assert!((config.next(0.5, 0.7, 64) - 0.500_128).abs() < 1e-12);
        assert!((config.next(0.5, 0.5, 64) - 0.499_872).abs() < 1e-12);
    }

    #[test]
    fn a_probability_stays_one() {
        let config = AdaptiveConfig {
            rise_images: 10.0,
            ..AdaptiveConfig::default()
        };
        assert_eq!(config.next(0.9, 1.0, 64), 1.0);
        assert_eq!(config.next(0.1, -1.0, 64), 0.0);
    }

    #[test]
    fn where_the_level_is_free_pairs_are_compared() {
        let scores = Scores {
            real: Tensor::from_slice(&[-3.0_f32, -1.0, -2.0, -5.0]),
            fake: Tensor::from_slice(&[-4.0_f32, -2.0, -3.0, -4.0]),
            mismatch: Tensor::from_slice(&[0.0_f32; 4]),
        };
        assert_eq!(mean_sign(Adversarial::Hinge, &scores), -1.0);
        assert_eq!(mean_sign(Adversarial::Relativistic, &scores), 0.5);
    }

    #[test]
    fn a_target_that_cannot_be_missed_is_refused() {
        let config = AdaptiveConfig {
            target: 1.0,
            ..AdaptiveConfig::default()
        };
        assert_eq!(
            config.check().unwrap_err().to_string(),
            "`augment.adaptive.target` is 1, but must be above -1 and below 1"
        );
    }
}
