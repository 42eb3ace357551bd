//! How well a score tells matching pairs from two kinds of mismatched ones, and how honest the probability made of it is.
//!
//! One negative is the same picture with another look's words, the other the same picture with another subject's: an AUC each, since a
//! score that sees only one of the two would hide behind their mean.

use super::calibration::{Calibration, Shift, expected_error};
use super::rank::auc;
use crate::EvaluateError;
use serde::{Deserialize, Serialize};

/// Bins of the calibration error.
const BINS: usize = 15;

/// Scores of pairs; each list may be empty where the data has no such pairs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pairs {
    /// The picture with its own words.
    pub matched: Vec<f64>,
    /// The picture with another look's words.
    pub other_look: Vec<f64>,
    /// The picture with another subject's words.
    pub other_subject: Vec<f64>,
}

impl Pairs {
    fn labelled(&self) -> (Vec<f64>, Vec<bool>) {
        let wrong = self.other_look.iter().chain(&self.other_subject);
        let scores: Vec<f64> = self.matched.iter().chain(wrong).copied().collect();
        let labels = (0..scores.len()).map(|idx| idx < self.matched.len());
        let labels = labels.collect();
        (scores, labels)
    }
}

/// What a score is worth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// AUC against other looks' words.
    pub auc_other_look: Option<f64>,
    /// AUC against other subjects' words.
    pub auc_other_subject: Option<f64>,
    /// Calibration error on the pairs it is read on.
    pub calibration_error: f64,
    /// From score to probability, fitted on the pairs kept apart.
    pub calibration: Calibration,
}

/// Fits the probability on `fitted`, and reads AUCs and calibration error on `read`.
///
/// # Errors
/// A side without matching or without mismatched pairs.
pub fn agreement(fitted: &Pairs, read: &Pairs) -> Result<Agreement, EvaluateError> {
    let (scores, labels) = fitted.labelled();
    let calibration = Calibration::fit(&scores, &labels, Shift::Free)?;
    let (scores, labels) = read.labelled();
    let probabilities: Vec<f64> = scores
        .iter()
        .map(|score| calibration.probability(*score))
        .collect();
    Ok(Agreement {
        auc_other_look: auc(&read.matched, &read.other_look),
        auc_other_subject: auc(&read.matched, &read.other_subject),
        calibration_error: expected_error(&probabilities, &labels, BINS),
        calibration,
    })
}
