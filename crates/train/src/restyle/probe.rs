//! How well words that were never trained on land among those of their style: the ceiling of whatever is done with them.

use tch::{Device, Kind, Tensor};

use super::looks::{Looks, Phrase, Phrases};
use super::players::Players;
use crate::TrainError;
use crate::captions::TextTable;

/// The words of all styles, by number in the text table.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) phrases: Phrases,
    n_styles: usize,
}

impl Probe {
    pub(super) fn new(looks: &Looks) -> Self {
        Self {
            phrases: looks.phrases.clone(),
            n_styles: looks.names.len(),
        }
    }

    /// Share of the held-out words whose vector lies closest to the mean vector of their own style's words, 0 to 1; `None` where
    /// nothing is held out.
    ///
    /// # Errors
    /// What libtorch throws.
    pub(super) fn accuracy(
        &self,
        players: &Players,
        table: &TextTable,
    ) -> Result<Option<f64>, TrainError> {
        if self.phrases.held_out.is_empty() {
            return Ok(None);
        }
        let centres = self.centres(players, table)?;
        let held_out = &self.phrases.held_out;
        let vectors = style_vectors(held_out, players, table)?;
        let nearest = vectors.matmul(&centres.transpose(0, 1)).argmax(1, false);
        let is_right = nearest.eq_tensor(&numbers_of_styles(held_out, vectors.device()));
        Ok(Some(
            is_right
                .to_kind(Kind::Double)
                .mean(Kind::Double)
                .double_value(&[]),
        ))
    }

    /// The direction in which the training words of each style lie: unit vectors `[styles, style_dim]`.
    ///
    /// # Errors
    /// What libtorch throws.
    pub(super) fn centres(
        &self,
        players: &Players,
        table: &TextTable,
    ) -> Result<Tensor, TrainError> {
        let trained_on = &self.phrases.trained_on;
        let vectors = style_vectors(trained_on, players, table)?;
        let belongs = numbers_of_styles(trained_on, vectors.device()).one_hot(self.n_styles as i64);
        // Sums, not means: a direction is all that counts, once each is brought to length 1.
        let sums = belongs
            .to_kind(Kind::Float)
            .transpose(0, 1)
            .matmul(&vectors);
        let lengths = sums
            .square()
            .sum_dim_intlist([1_i64].as_slice(), true, Kind::Float)
            .sqrt();
        Ok(sums / lengths)
    }
}

/// Unit style vectors of phrases: `[phrases, style_dim]`.
///
/// # Errors
/// What libtorch throws.
pub(super) fn style_vectors(
    phrases: &[Phrase],
    players: &Players,
    table: &TextTable,
) -> Result<Tensor, TrainError> {
    let texts = sentence_vectors(phrases, table)?;
    Ok(tch::no_grad(|| players.text_head.forward(&texts))?)
}

/// Sentence vectors of phrases: `[phrases, text_dim]`.
///
/// # Errors
/// What libtorch throws.
pub(super) fn sentence_vectors(
    phrases: &[Phrase],
    table: &TextTable,
) -> Result<Tensor, TrainError> {
    let numbers: Vec<i64> = (phrases.iter())
        .map(|phrase| i64::from(phrase.number))
        .collect();
    table.vectors(&numbers)
}

fn numbers_of_styles(phrases: &[Phrase], device: Device) -> Tensor {
    let numbers: Vec<i64> = (phrases.iter())
        .map(|phrase| i64::from(phrase.style))
        .collect();
    Tensor::from_slice(&numbers).to_device(device)
}
