//! The first part of a training, in which no one judges: the generator and an encoder learn to draw the real pictures back.
//!
//! The mathematics is in `idiom_gan::warm_start`. The encoder is saved with the rest and idle afterwards; the discriminator waits.

use idiom_gan::warm_start::{Posterior, loss};
use tch::Tensor;

use super::samples::Batch;
use super::step::{Part, Real, Stepper};
use crate::TrainError;
use crate::gradients::{Fault, Sum, checked_norm, mean};
use crate::meters::Means;
use crate::task::Moment;

impl Stepper {
    /// Whether the step at this moment belongs to the warm start.
    pub(super) fn is_warming_up(&self, moment: Moment) -> bool {
        let said = self.experiment.warm_start.as_ref();
        said.is_some_and(|warm| moment.images_seen < warm.images)
    }

    /// One step of generator and encoder.
    pub(super) fn warm_up(
        &mut self,
        batch: &Batch,
        parts: &[Part],
        means: &mut Means,
    ) -> Result<Option<Fault>, TrainError> {
        let mut sum = Sum::default();
        for part in parts {
            let real = self.real(batch, *part)?;
            let (loss, posterior) = self.evidence(&real)?;
            means.add("loss/warm_start", mean(&loss));
            means.add("loss/divergence", mean(&posterior.divergence()));
            sum.add(Tensor::f_run_backward(
                &[loss],
                &self.players.warm_parameters(),
                false,
                false,
            )?);
        }
        let mut generators = self.ranks.mean(sum.mean())?;
        let encoders = generators.split_off(self.players.generator_adam.names().len());
        let (norm, fault) = checked_norm(&generators, &self.players.generator_adam)?;
        if fault.is_some() {
            return Ok(fault);
        }
        let Some(encoder) = &mut self.players.encoder else {
            return Ok(None);
        };
        let (_, fault) = checked_norm(&encoders, &encoder.adam)?;
        if fault.is_none() {
            self.players.generator_adam.step(&generators)?;
            encoder.adam.step(&encoders)?;
            means.add("gradient/generator", norm);
        }
        Ok(fault)
    }

    fn evidence(&self, real: &Real) -> Result<(Tensor, Posterior), TrainError> {
        let (Some(encoder), Some(said)) = (&self.players.encoder, &self.experiment.warm_start)
        else {
            unreachable!("a warm start has its encoder: both come from one setting");
        };
        let posterior = encoder.network.forward(&real.pictures)?;
        let latent = posterior.sample(&real.latent)?;
        let drawn = self.fake(&latent, &real.noisy_text)?;
        let loss = loss(&drawn, &real.pictures, &posterior, said.divergence_weight)?;
        Ok((loss, posterior))
    }
}
