//! A step of the first part of a run, in which the encoder learns what styles and subjects are.

use idiom_gan::losses::contrastive::grouped_info_nce;
use tch::{Kind, Tensor};

use super::Stepper;
use crate::gradients::{Fault, checked_norm, mean};
use crate::meters::Means;
use crate::restyle::samples::Batch;
use crate::task::Moment;
use crate::{TrainError, schedule};

/// Pictures between two looks at how well held-out words are told apart.
const PROBE_EVERY: u64 = 4096;
impl Stepper {
    /// Learning rate of the encoder, which falls evenly to a tenth over its part of the run.
    fn encoder_rate(&self, moment: Moment) -> f64 {
        let said = &self.experiment.restyle.encoder;
        let done = moment.images_seen as f64 / said.images as f64;
        said.learning_rate * (1.0 - 0.9 * done) * moment.rate_scale
    }

    pub(super) fn encoder_step(
        &mut self,
        batch: &Batch,
        moment: Moment,
        means: &mut Means,
    ) -> Result<Option<Fault>, TrainError> {
        let rate = self.encoder_rate(moment);
        self.players.encoder_adam.set_learning_rate(rate)?;
        let temperature = self.experiment.restyle.encoder.temperature;
        let n = batch.style.len() as i64;
        let is_paired = self.floats(&batch.is_paired)?.view([n, 1, 1, 1]);
        let source = self.pictures(&batch.source)?;
        let other = self.pictures(&batch.target)? * &is_paired + &source * (1.0_f64 - &is_paired);
        let reference = self.pictures(&batch.reference)?;
        // Two views of each subject: drawn twice where there is a pair, shifted twice where there is none.
        let views = [&source, &reference, &other, &reference];
        let views: Vec<Tensor> = (views.into_iter().enumerate())
            .map(|(idx, view)| self.shifted(view, moment.images_seen, idx))
            .collect();
        let seen = self.look_at(&Tensor::cat(&views, 0))?;
        let numbers = |numbers: &[i64]| self.numbers(numbers);
        let (own, wanted) = (numbers(&batch.own_style)?, numbers(&batch.style)?);
        let labels = Tensor::cat(&[own, wanted], 0);
        let words: Vec<i64> = batch.rounds.as_flattened().concat();
        let words = self.word_styles(&numbers(&words)?, moment.images_seen)?;
        let subjects = numbers(&batch.subjects.concat())?;
        let (seen_styles, seen_subjects) = (&seen.style, &seen.subject);
        let seen_styles = seen_styles.narrow(0, 0, 2 * n);
        let rounds = words.chunk(batch.rounds.len() as i64, 0).into_iter();
        let losses: Result<Vec<Tensor>, _> = rounds
            .map(|words| grouped_info_nce(&seen_styles, &words, &labels, temperature))
            .collect();
        let style_loss = Tensor::stack(&losses?, 0).mean(Kind::Float);
        let subject_loss = grouped_info_nce(
            &seen_subjects.narrow(0, 0, 2 * n),
            &seen_subjects.narrow(0, 2 * n, 2 * n),
            &subjects,
            temperature,
        )?;
        let gradients = (self.players.encoder_adam).gradients(&(&style_loss + &subject_loss))?;
        let (norm, fault) = checked_norm(&gradients, &self.players.encoder_adam)?;
        if fault.is_some() {
            return Ok(fault);
        }
        self.players.encoder_adam.step(&gradients)?;
        means.add("loss/encoder_style", mean(&style_loss));
        means.add("loss/encoder_subject", mean(&subject_loss));
        means.add("gradient/encoder", norm);
        let n_seen = moment.images_seen + n as u64;
        if schedule::is_due(PROBE_EVERY, n_seen, n as u64)
            && let Some(accuracy) = self
                .words
                .probe
                .accuracy(&self.players, &self.words.table)?
        {
            means.add("words/held_out_accuracy", accuracy);
        }
        Ok(None)
    }
}
