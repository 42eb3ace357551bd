//! One step: the discriminator learns, then the generator, then the average follows.
//!
//! The drawn pictures are made once and used by both; real and drawn ones go through the same augmentation, draw for draw. All
//! randomness comes from streams keyed by the number of pictures seen. A step in which a gradient is not finite moves no weight
//! of that network and reports the layer. The mathematics is in `idiom-gan`; here is its order.

use idiom_gan::{
    Adversarial, AugmentConfig, Augmentation, Batch as Pairs, Draws, EmaConfig, Objective, Penalty,
    discriminator_terms, generator_terms,
};
use idiom_spec::experiment::{Experiment, ObjectiveKind, PenaltyKind};
use idiom_torch_ext::channels_last;
use tch::{Device, Kind, Tensor};

use super::players::Players;
use super::samples::Batch;
use crate::captions::TextTable;
use crate::gradients::{Fault, checked_norm, mean};
use crate::meters::Means;
use crate::task::Moment;
use crate::{TrainError, schedule};

/// Side to which drawn and real pictures are pooled for the colour term.
const COLOUR_SIDE: i64 = 8;

/// What takes steps.
pub(crate) struct Stepper {
    pub(crate) players: Players,
    experiment: Experiment,
    table: TextTable,
    device: Device,
    objective: Objective,
    augment: AugmentConfig,
    average: EmaConfig,
    streams: Streams,
}

/// Where each draw of a step comes from.
struct Streams {
    latent: Draws,
    noise: Draws,
    augment: Draws,
    share: Draws,
}

/// What a step works on, on the device.
struct Inputs {
    /// `[n, 3, side, side]` in `[-1, 1]`
    real: Tensor,
    /// The same, augmented.
    real_seen: Tensor,
    /// `[n, 3, side, side]`, with the generator's graph
    fake: Tensor,
    /// The same, augmented.
    fake_seen: Tensor,
    /// `[n, text_dim]`
    text: Tensor,
    /// `[n]` in `[0, 1)`
    share: Tensor,
    /// Steps before this one.
    step_idx: u64,
}

impl Stepper {
    pub(crate) fn new(
        experiment: &Experiment,
        players: Players,
        table: TextTable,
        device: Device,
    ) -> Result<Self, TrainError> {
        let objective = objective_of(experiment);
        objective.check()?;
        let seed = experiment.train.seed;
        let said = &experiment.augment;
        Ok(Self {
            players,
            experiment: experiment.clone(),
            table,
            device,
            objective,
            augment: AugmentConfig {
                translation: said.translation,
                cutout: said.cutout,
                colour: said.colour,
            },
            average: EmaConfig {
                half_life_images: experiment.ema.half_life_images as f64,
                ramp: experiment.ema.ramp,
            },
            streams: Streams {
                latent: Draws::new(seed, "latent"),
                noise: Draws::new(seed, "text_noise"),
                augment: Draws::new(seed, "augment"),
                share: Draws::new(seed, "share"),
            },
        })
    }

    /// Learns from one batch; adds its figures to `means`. Gives the layer where a gradient was not finite.
    pub(crate) fn step(
        &mut self,
        batch: &Batch,
        moment: Moment,
        means: &mut Means,
    ) -> Result<Option<Fault>, TrainError> {
        let n = self.experiment.train.batch_size;
        let images_seen = moment.images_seen;
        self.set_rates(moment)?;
        let inputs = self.inputs(batch, images_seen)?;
        let (real_scores, fault) = self.discriminator_step(&inputs, images_seen, means)?;
        if fault.is_some() {
            return Ok(fault);
        }
        let fault = self.generator_step(&inputs, &real_scores, means)?;
        if fault.is_none() {
            let decay = self.average.decay(images_seen + n, n);
            tch::no_grad(|| self.players.ema.update(decay))?;
        }
        Ok(fault)
    }

    fn set_rates(&mut self, moment: Moment) -> Result<(), TrainError> {
        let n = self.experiment.train.batch_size;
        let said = &self.experiment.optimizer;
        let rate = |adam| schedule::learning_rate(adam, moment.images_seen, n) * moment.rate_scale;
        self.players
            .generator_adam
            .set_learning_rate(rate(&said.generator))?;
        self.players
            .discriminator_adam
            .set_learning_rate(rate(&said.discriminator))?;
        Ok(())
    }

    fn inputs(&self, batch: &Batch, seen: u64) -> Result<Inputs, TrainError> {
        let (n, side) = (batch.captions.len() as i64, self.experiment.resolution);
        let device = self.device;
        let bytes = Tensor::f_from_slice(&batch.pixels)?
            .f_view([n, 3, side, side])?
            .f_to_device(device)?;
        let real = channels_last(&(bytes.to_kind(Kind::Float) / 127.5 - 1.0));
        let text = self.table.vectors(&batch.captions)?;
        let latent = self
            .streams
            .latent
            .normals(seen, n, self.experiment.generator.latent_dim)
            .to_device(device);
        let noise = self
            .streams
            .noise
            .normals(seen, n, text.size()[1])
            .to_device(device);
        let fake = self
            .players
            .generator
            .forward(&latent, &(&text + noise * self.experiment.captions.noise))?;
        let augmentation =
            Augmentation::draw(&self.augment, &self.streams.augment, seen, [n, side])
                .to_device(device);
        let share = self
            .streams
            .share
            .uniforms(seen, n, 1)
            .view([n])
            .to_device(device);
        Ok(Inputs {
            real_seen: augmentation.apply(&real),
            fake_seen: augmentation.apply(&fake),
            real,
            fake,
            text,
            share,
            step_idx: seen / n as u64,
        })
    }

    /// Moves the discriminator; gives the scores of the real pictures as they were before.
    fn discriminator_step(
        &mut self,
        inputs: &Inputs,
        images_seen: u64,
        means: &mut Means,
    ) -> Result<(Tensor, Option<Fault>), TrainError> {
        let said = &self.experiment.objective.penalty;
        let due = inputs.step_idx.is_multiple_of(said.every);
        let gamma = schedule::gamma(said, images_seen);
        let pairs = Pairs {
            real: &inputs.real_seen,
            fake: &inputs.fake_seen,
            text: &inputs.text,
            shift: inputs.step_idx,
            share: Some(&inputs.share),
        };
        let weight = due.then_some(gamma * said.every as f64);
        let terms =
            discriminator_terms(&self.players.discriminator, &self.objective, &pairs, weight)?;
        let gradients = self.players.discriminator_adam.gradients(&terms.loss)?;
        let (norm, fault) = checked_norm(&gradients, &self.players.discriminator_adam)?;
        if fault.is_some() {
            return Ok((terms.scores.real, fault));
        }
        self.players.discriminator_adam.step(&gradients)?;
        means.add("loss/discriminator", mean(&terms.adversarial));
        means.add("score/real", mean(&terms.scores.real));
        means.add("score/fake", mean(&terms.scores.fake));
        means.add("score/mismatch", mean(&terms.scores.mismatch));
        means.add("gradient/discriminator", norm);
        means.add("penalty/gamma", gamma);
        if let Some(penalty) = &terms.penalty {
            means.add("penalty/value", mean(penalty));
        }
        Ok((terms.scores.real, None))
    }

    fn generator_step(
        &mut self,
        inputs: &Inputs,
        real_scores: &Tensor,
        means: &mut Means,
    ) -> Result<Option<Fault>, TrainError> {
        let discriminator = &self.players.discriminator;
        let terms = generator_terms(
            discriminator,
            &self.objective,
            &inputs.fake_seen,
            &inputs.text,
            real_scores,
        )?;
        let weight = self.experiment.objective.pooled_colour_weight;
        let mut loss = terms.loss.shallow_clone();
        if weight > 0.0 {
            let colour = colour_distance(&inputs.fake, &inputs.real);
            means.add("loss/colour", mean(&colour));
            // Not `+=`, which would also change the figure that is logged.
            loss = &terms.loss + colour * weight;
        }
        let gradients = self.players.generator_adam.gradients(&loss)?;
        let (norm, fault) = checked_norm(&gradients, &self.players.generator_adam)?;
        if fault.is_some() {
            return Ok(fault);
        }
        self.players.generator_adam.step(&gradients)?;
        means.add("loss/generator", mean(&terms.loss));
        means.add("gradient/generator", norm);
        Ok(None)
    }
}

/// The objective in the terms of the networks' crate.
fn objective_of(experiment: &Experiment) -> Objective {
    let said = &experiment.objective;
    Objective {
        adversarial: match said.kind {
            ObjectiveKind::Relativistic => Adversarial::Relativistic,
            ObjectiveKind::Hinge => Adversarial::Hinge,
            ObjectiveKind::NonSaturating => Adversarial::NonSaturating,
            ObjectiveKind::Wasserstein => Adversarial::Wasserstein,
        },
        mismatch: said.mismatch,
        penalty: match said.penalty.kind {
            PenaltyKind::None => None,
            PenaltyKind::R1 => Some(Penalty::R1),
            PenaltyKind::R1AndR2 => Some(Penalty::R1AndR2),
            PenaltyKind::MatchingAware => Some(Penalty::MatchingAware {
                exponent: said.penalty.exponent,
            }),
            PenaltyKind::Slope => Some(Penalty::Slope),
        },
    }
}

/// Mean absolute difference of two batches of pictures `[n, 3, side, side]`, both averaged over the cells of an 8x8 grid.
fn colour_distance(drawn: &Tensor, real: &Tensor) -> Tensor {
    let pooled = |pictures: &Tensor| pictures.adaptive_avg_pool2d([COLOUR_SIDE, COLOUR_SIDE]);
    (pooled(drawn) - pooled(real)).abs().mean(Kind::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colour_term_compares_averages_not_pixels() {
        // A chequerboard and a plain grey have the same average in every cell of the grid.
        let plain = Tensor::zeros([1, 3, 16, 16], (Kind::Float, Device::Cpu));
        let board = (Tensor::arange(256, (Kind::Float, Device::Cpu)).view([1, 1, 16, 16]))
            .expand([1, 3, 16, 16], false);
        let board = (board.remainder(2.0) - 0.5) * 2.0;
        assert!(colour_distance(&board, &plain).double_value(&[]).abs() < 1e-6);
        assert!(
            (colour_distance(&(plain.shallow_clone() + 0.25), &plain).double_value(&[]) - 0.25)
                .abs()
                < 1e-6
        );
    }
}
