//! The second discriminator's part in a step: what it learns from, and what it adds to the generator's loss.

use idiom_gan::{Batch as Pairs, discriminator_terms, generator_terms};
use tch::{Kind, Tensor};

use super::{Inputs, Stepper};
use crate::TrainError;
use crate::gradients::mean;
use crate::meters::Means;
use crate::projected::{Projected, maps};
use crate::text_to_image::figures;
use crate::text_to_image::guide::Guide;

/// A guide's maps of drawn and of real pictures, `[n, channels, side / 4, side / 4]`.
struct Maps {
    fake: Tensor,
    real: Tensor,
}

impl Stepper {
    /// The gradients of the discriminator over a guide's maps on a part of a batch, and its scores of the real pictures, where there is one.
    pub(super) fn projected_gradients(
        &self,
        inputs: &Inputs,
        means: &mut Means,
    ) -> Result<Option<(Vec<Tensor>, Tensor)>, TrainError> {
        let Some((projected, maps)) = self.projected(inputs)? else {
            return Ok(None);
        };
        let pairs = Pairs {
            real: &maps.real,
            fake: &maps.fake,
            text: &inputs.real.text,
            shift: inputs.step_idx,
            share: None,
        };
        let (judge, objective) = (&projected.judge, &self.objective);
        let judged = || Ok(discriminator_terms(judge, objective, &pairs, None)?);
        let terms = self.arithmetic.pass(judged)?;
        figures::add_projected(&terms, means);
        let gradients = projected.gradients(&terms.loss)?;
        Ok(Some((gradients, terms.scores.real)))
    }

    /// What the discriminator over a guide's maps adds to the generator's loss.
    pub(super) fn projected_loss(
        &self,
        inputs: &Inputs,
        real_scores: &Tensor,
        means: &mut Means,
    ) -> Result<Tensor, TrainError> {
        let weight = self.guide.as_ref().map_or(0.0, Guide::projected);
        let Some((projected, Maps { fake, .. })) = self.projected(inputs)? else {
            return Ok(Tensor::zeros([], (Kind::Float, self.device)));
        };
        let (judge, objective, text) = (&projected.judge, &self.objective, &inputs.real.text);
        let terms = || Ok(generator_terms(judge, objective, &fake, text, real_scores)?);
        let loss = self.arithmetic.pass(terms)?.loss;
        means.add("loss/projected", mean(&loss));
        Ok(loss * weight)
    }

    /// The discriminator over a guide's maps, where there is one, and these of the drawn and of the real pictures.
    fn projected(&self, inputs: &Inputs) -> Result<Option<(&Projected, Maps)>, TrainError> {
        let (Some(projected), Some(seen)) = (&self.players.projected, &inputs.seen) else {
            return Ok(None);
        };
        let maps = |seen| maps(seen, self.experiment.resolution);
        let maps = Maps {
            fake: maps(&seen.drawn)?,
            real: maps(&seen.real)?,
        };
        Ok(Some((projected, maps)))
    }
}
