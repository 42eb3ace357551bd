//! A memory bank: the subject vectors of training pictures as a resting encoder sees them, so that a drawn picture's subject is told
//! apart from thousands of others in its look, not only from the few of its batch.
//!
//! After Wu et al. 2018 (arXiv:1805.01978). The encoder no longer moves once the game begins, so the vectors are made once and never
//! age, and a run that is taken up makes the same ones again: nothing of them is saved.

use std::sync::Arc;

use idiom_gan::PictureEncoder;
use idiom_gan::losses::contrastive::among_others;
use idiom_torch_ext::channels_last;
use tch::{Device, Tensor};

use crate::TrainError;
use crate::pictures::{Pictures, signed};

/// Pictures encoded at once.
const BATCH: usize = 64;

/// A row of the training split and what it shows: its subject's number and its look's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) row: u64,
    pub(crate) subject: i64,
    pub(crate) look: i64,
}

/// The training pictures that a drawn one's subject could be taken for.
#[derive(Debug)]
pub(crate) struct Rivals {
    pictures: Arc<Pictures>,
    rows: Vec<Shown>,
    bank: Option<Bank>,
}

/// Their vectors.
#[derive(Debug)]
struct Bank {
    /// Unit vectors `[n, subject_dim]`.
    vectors: Tensor,
    /// `[n]`
    subjects: Tensor,
    /// `[n]`
    looks: Tensor,
}

impl Rivals {
    /// At most `most` of `rows`, evenly spread; none is looked at yet.
    pub(crate) fn new(pictures: Arc<Pictures>, rows: &[Shown], most: u64) -> Self {
        let every = rows.len().div_ceil(most.max(1) as usize).max(1);
        Self {
            pictures,
            rows: rows.iter().copied().step_by(every).collect(),
            bank: None,
        }
    }

    /// Has `encoder`, which rests from now on, look at them; again costs nothing.
    ///
    /// # Errors
    /// A picture cannot be read.
    pub(crate) fn meet(
        &mut self,
        encoder: &PictureEncoder,
        device: Device,
    ) -> Result<(), TrainError> {
        if self.bank.is_none() {
            self.bank = Some(self.fill(encoder, device)?);
        }
        Ok(())
    }

    fn fill(&self, encoder: &PictureEncoder, device: Device) -> Result<Bank, TrainError> {
        let _guard = tch::no_grad_guard();
        let side = encoder.config().resolution;
        let mut vectors = Vec::new();
        for part in self.rows.chunks(BATCH) {
            let mut bytes = Vec::with_capacity(part.len() * self.pictures.picture_bytes());
            for shown in part {
                bytes.extend_from_slice(&self.pictures.get(shown.row)?.1);
            }
            let pictures = channels_last(&signed(&bytes, side, device)?);
            vectors.push(encoder.forward(&pictures)?.subject);
        }
        let numbers = |of: fn(&Shown) -> i64| -> Result<Tensor, TrainError> {
            let numbers: Vec<i64> = self.rows.iter().map(of).collect();
            Ok(Tensor::f_from_slice(&numbers)?.f_to_device(device)?)
        };
        Ok(Bank {
            vectors: Tensor::f_cat(&vectors, 0)?,
            subjects: numbers(|shown| shown.subject)?,
            looks: numbers(|shown| shown.look)?,
        })
    }

    /// How surely the subject vectors `drawn [n, dim]` are told from those of other subjects in the same look, their own being `wanted
    /// [n, dim]`; `subjects` and `looks` `[n]` say by number what each is to show. `None` before they were met.
    ///
    /// # Errors
    /// Tensors of other shapes.
    pub(crate) fn loss(
        &self,
        [drawn, wanted]: [&Tensor; 2],
        [subjects, looks]: [&Tensor; 2],
        temperature: f64,
    ) -> Result<Option<Tensor>, TrainError> {
        let loss = |bank: &Bank| bank.loss([drawn, wanted], [subjects, looks], temperature);
        self.bank.as_ref().map(loss).transpose()
    }
}

impl Bank {
    fn loss(
        &self,
        pair: [&Tensor; 2],
        [subjects, looks]: [&Tensor; 2],
        temperature: f64,
    ) -> Result<Tensor, TrainError> {
        let same = |own: &Tensor, theirs: &Tensor| own.unsqueeze(1).eq_tensor(&theirs.unsqueeze(0));
        let is_other = same(subjects, &self.subjects).logical_not();
        let rivals = same(looks, &self.looks).logical_and(&is_other);
        Ok(among_others(pair, &self.vectors, &rivals, temperature)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rivals_are_other_subjects_in_the_same_look() {
        // A rival of subject 3 in look 1; subject 3 itself there; another subject in another look.
        let bank = Bank {
            vectors: Tensor::from_slice(&[0.5_f32, 0.0, 1.0, 0.0, 1.0, 0.0]).view([3, 2]),
            subjects: Tensor::from_slice(&[7_i64, 3, 9]),
            looks: Tensor::from_slice(&[1_i64, 1, 2]),
        };
        let drawn = Tensor::from_slice(&[1.0_f32, 0.0]).view([1, 2]);
        let wanted = Tensor::from_slice(&[0.8_f32, 0.6]).view([1, 2]);
        let number = |number: i64| Tensor::from_slice(&[number]);
        let loss = |subject, look| {
            let shown = [number(subject), number(look)];
            let loss = bank.loss([&drawn, &wanted], [&shown[0], &shown[1]], 0.5);
            loss.unwrap().double_value(&[])
        };
        // exp(.8 / .5) against exp(.5 / .5); then against nobody: the only other in that look shows the same.
        let expected = (1.0 + (1.0_f64 - 1.6).exp()).ln();
        assert!((loss(3, 1) - expected).abs() < 1e-6);
        assert!(loss(9, 2).abs() < 1e-6);
    }
}
