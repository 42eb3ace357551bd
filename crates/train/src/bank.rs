//! A memory bank: the subject vectors of training pictures as a resting encoder sees them, so that a drawn picture's subject is told
//! apart from thousands of others in its look, not only from the few of its batch.
//!
//! After Wu et al. 2018 (arXiv:1805.01978). The encoder no longer moves once the game begins, so the vectors are made once and never
//! age, and a run that is taken up makes the same ones again: nothing of them is saved.

use std::sync::Arc;

use idiom_gan::PictureEncoder;
use idiom_gan::losses::contrastive::among_others;
use idiom_torch_ext::channels_last;
use tch::{Device, Kind, Tensor};

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
    /// Unit vectors of how each is drawn, `[n, style_dim]`.
    styles: Tensor,
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
        let (mut vectors, mut styles) = (Vec::new(), Vec::new());
        for part in self.rows.chunks(BATCH) {
            let mut bytes = Vec::with_capacity(part.len() * self.pictures.picture_bytes());
            for shown in part {
                bytes.extend_from_slice(&self.pictures.get(shown.row)?.1);
            }
            let pictures = channels_last(&signed(&bytes, side, device)?);
            let encoded = encoder.forward(&pictures)?;
            vectors.push(encoded.subject);
            styles.push(encoded.style);
        }
        let numbers = |of: fn(&Shown) -> i64| -> Result<Tensor, TrainError> {
            let numbers: Vec<i64> = self.rows.iter().map(of).collect();
            Ok(Tensor::f_from_slice(&numbers)?.f_to_device(device)?)
        };
        Ok(Bank {
            vectors: Tensor::f_cat(&vectors, 0)?,
            styles: Tensor::f_cat(&styles, 0)?,
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

    /// Where the pictures of each look and of each subject lie on average; `None` before they were met.
    pub(crate) fn centres(&self) -> Option<Centres> {
        let bank = self.bank.as_ref()?;
        Some(Centres {
            styles: centres(&bank.styles, &bank.looks),
            subjects: centres(&bank.vectors, &bank.subjects),
        })
    }
}

/// Unit vectors in the middle of those of a group; zeros where a group has no picture.
#[derive(Debug)]
pub(crate) struct Centres {
    /// Of each look, `[looks, style_dim]`.
    pub(crate) styles: Tensor,
    /// Of each subject, `[subjects, subject_dim]`.
    pub(crate) subjects: Tensor,
}

/// Means of `vectors [n, dim]` by group, brought to length 1; `groups [n]` counts from 0, below 0 is no group.
fn centres(vectors: &Tensor, groups: &Tensor) -> Tensor {
    let known = groups.greater_equal(0).nonzero().squeeze_dim(1);
    let (vectors, groups) = (
        vectors.index_select(0, &known),
        groups.index_select(0, &known),
    );
    let n_groups = if groups.numel() == 0 {
        0
    } else {
        groups.max().int64_value(&[]) + 1
    };
    let sums = Tensor::zeros(
        [n_groups, vectors.size()[1]],
        (Kind::Float, vectors.device()),
    );
    let sums = sums.index_add(0, &groups, &vectors);
    let lengths = sums
        .square()
        .sum_dim_intlist([1_i64].as_slice(), true, Kind::Float)
        .sqrt();
    &sums / lengths.clamp_min(1e-12)
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
            styles: Tensor::zeros([3, 1], (Kind::Float, Device::Cpu)),
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

    #[test]
    fn a_centre_is_the_direction_of_its_groups_mean() {
        let vectors =
            Tensor::from_slice(&[1.0_f32, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0]).view([4, 2]);
        let found = centres(&vectors, &Tensor::from_slice(&[2_i64, 2, 0, -1]));
        let half = std::f32::consts::FRAC_1_SQRT_2;
        let expected = [0.0, 1.0, 0.0, 0.0, half, half];
        let expected = Tensor::from_slice(&expected).view([3, 2]);
        assert!((found - expected).abs().max().double_value(&[]) < 1e-6);
    }
}
