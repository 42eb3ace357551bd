//! From a score to a probability that means what it says, and how far off it is.
//!
//! Platt 1999: p = 1 / (1 + e^-(slope * score + intercept)), fitted by maximum likelihood on pairs that are kept apart from those it is read
//! on. With the intercept held at 0 it is temperature scaling (Guo et al. 2017, arXiv:1706.04599).

use crate::EvaluateError;
use serde::{Deserialize, Serialize};

/// Newton steps; a sound fit takes fewer than ten.
const MOST_STEPS: usize = 100;
/// A pull of the slope towards 0, so small that it only matters where the data are separable and the fit has no end.
const RIDGE: f64 = 1e-6;

/// Whether the fit may shift scores, or only stretch them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shift {
    /// Platt's: slope and intercept.
    Free,
    /// Temperature scaling: the slope alone.
    Held,
}

/// Turns a score into a probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// What a score is multiplied by: one over the temperature.
    pub slope: f64,
    /// What is added.
    pub intercept: f64,
}

impl Calibration {
    /// Fits on scores and whether each is a match.
    ///
    /// # Errors
    /// Lists of other lengths, only matches or none, or scores that are not finite.
    pub fn fit(scores: &[f64], matches: &[bool], shift: Shift) -> Result<Self, EvaluateError> {
        let n_matches = matches.iter().filter(|is_match| **is_match).count();
        let is_sound = scores.len() == matches.len()
            && n_matches > 0
            && n_matches < matches.len()
            && scores.iter().all(|score| score.is_finite());
        if !is_sound {
            return Err(EvaluateError::Calibration {
                n: scores.len(),
                n_matches,
            });
        }
        let mut fit = Self {
            slope: 0.0,
            intercept: 0.0,
        };
        for _ in 0..MOST_STEPS {
            let (step, is_done) = fit.newton_step(scores, matches, shift);
            fit.slope -= step[0];
            fit.intercept -= step[1];
            if is_done {
                break;
            }
        }
        Ok(fit)
    }

    /// The probability of a match.
    #[must_use]
    pub fn probability(&self, score: f64) -> f64 {
        1.0 / (1.0 + (-(self.slope * score + self.intercept)).exp())
    }

    fn newton_step(&self, scores: &[f64], matches: &[bool], shift: Shift) -> ([f64; 2], bool) {
        let (mut gradient, mut hessian) = ([RIDGE * self.slope, 0.0], [RIDGE, 0.0, 0.0]);
        for (score, is_match) in scores.iter().zip(matches) {
            let p = self.probability(*score);
            let error = p - f64::from(u8::from(*is_match));
            let weight = p * (1.0 - p);
            gradient[0] += error * score;
            gradient[1] += error;
            hessian[0] += weight * score * score;
            hessian[1] += weight * score;
            hessian[2] += weight;
        }
        let step = match shift {
            Shift::Held => [gradient[0] / hessian[0].max(1e-12), 0.0],
            Shift::Free => {
                let determinant = (hessian[0] * hessian[2] - hessian[1].powi(2)).max(1e-12);
                [
                    (hessian[2] * gradient[0] - hessian[1] * gradient[1]) / determinant,
                    (hessian[0] * gradient[1] - hessian[1] * gradient[0]) / determinant,
                ]
            }
        };
        // A long step overshoots where the curve is flat; it is cut to what a score can bear.
        let cut = step.map(|part| part.clamp(-20.0, 20.0));
        (cut, cut.iter().all(|part| part.abs() < 1e-10))
    }
}

/// Expected calibration error (Naeini et al. 2015): in `n_bins` equal bins of the probability, the distance between its mean and the share
/// of matches, weighted by how many fall there. 0 is best.
#[must_use]
pub fn expected_error(probabilities: &[f64], matches: &[bool], n_bins: usize) -> f64 {
    let mut bins = vec![(0.0, 0.0); n_bins.max(1)];
    for (p, is_match) in probabilities.iter().zip(matches) {
        let bin = ((p * bins.len() as f64) as usize).min(bins.len() - 1);
        bins[bin].0 += p;
        bins[bin].1 += f64::from(u8::from(*is_match));
    }
    let gaps: f64 = bins.iter().map(|(sum, hits)| (sum - hits).abs()).sum();
    gaps / probabilities.len().max(1) as f64
}
