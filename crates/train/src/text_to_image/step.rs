//! One step: the discriminator learns, then the generator, then the average follows.
//!
//! The drawn pictures are made once and used by both; real and drawn ones go through the same augmentation, draw for draw. All
//! randomness comes from streams keyed by the number of pictures seen. A step in which a gradient is not finite moves no weight
//! of that network and reports the layer. With `train.accumulate` above 1 a batch goes through in parts, one after another, whose gradients
//! are averaged: less memory, and the drawn pictures are made once more for the generator's part. The mathematics is in
//! `idiom-gan`; here is its order.

use idiom_gan::augment::adaptive::{AdaptiveConfig, mean_sign};
use idiom_gan::{
    AugmentConfig, Augmentation, Batch as Pairs, DiscriminatorTerms, Draws, EmaConfig, Objective,
    discriminator_terms, generator_terms,
};
use idiom_spec::experiment::Experiment;
use idiom_torch_ext::channels_last;
use tch::{Device, Kind, Tensor};

use super::guide::{Guide, Shown};
use super::names::{adaptive_of, check_warm_start, objective_of};
use super::players::Players;
use super::samples::Batch;
use crate::captions::TextTable;
use crate::gradients::{Fault, Sum, checked_norm, mean};
use crate::meters::Means;
use crate::ranks::{Ranks, Share};
use crate::task::Moment;
use crate::watch::{DIVERSITY, ORDER};
use crate::{TrainError, schedule};

/// Side to which drawn and real pictures are pooled for the colour term.
const COLOUR_SIDE: i64 = 8;

/// What takes steps.
pub(crate) struct Stepper {
    pub(crate) players: Players,
    pub(super) experiment: Experiment,
    table: TextTable,
    /// Learns first and then helps, where there is one.
    pub(super) guide: Option<Guide>,
    device: Device,
    pub(super) ranks: Ranks,
    share: Share,
    objective: Objective,
    augment: AugmentConfig,
    adaptive: Option<AdaptiveConfig>,
    average: EmaConfig,
    streams: Streams,
}

/// What is known of words.
pub(crate) struct Words {
    /// The sentences' vectors.
    pub(crate) table: TextTable,
    /// What learns of them first, where there is such.
    pub(crate) guide: Option<Guide>,
}

/// Where each draw of a step comes from.
struct Streams {
    latent: Draws,
    noise: Draws,
    augment: Draws,
    share: Draws,
}

/// Consecutive samples of a batch that go through the networks together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// Pictures seen before its first sample.
    first: u64,
    /// Its place in this process's share of the batch.
    offset: usize,
    len: usize,
    /// Steps before this one.
    step_idx: u64,
}

/// The samples of a part, on the device.
pub(super) struct Real {
    /// `[n, 3, side, side]` in `[-1, 1]`
    pub(super) pictures: Tensor,
    /// The sentences' own vectors, `[n, text_dim]`.
    sentences: Tensor,
    /// What the players hear of them, `[n, text_dim]` or more with a guide.
    text: Tensor,
    /// The same of sentences with noise.
    pub(super) noisy_text: Tensor,
    /// What is shown, by number, where a guide asks.
    shown: Option<Shown>,
    /// `[n, latent_dim]`
    pub(super) latent: Tensor,
}

/// What both networks' steps work on.
struct Inputs {
    real: Real,
    /// The real pictures, augmented.
    real_seen: Tensor,
    /// `[n, 3, side, side]`, with the generator's graph
    fake: Tensor,
    /// The same, augmented.
    fake_seen: Tensor,
    /// `[n]` in `[0, 1)`
    share: Tensor,
    step_idx: u64,
}

/// What the discriminator's step leaves for the generator's.
struct Judged {
    /// The real pictures' scores as they were before, by part.
    real_scores: Vec<Tensor>,
    /// The inputs, where they serve again.
    inputs: Option<Inputs>,
    /// The mean sign of the scores, by which augmentation adapts.
    mean_sign: f64,
}

impl Stepper {
    pub(crate) fn new(
        experiment: &Experiment,
        players: Players,
        words: Words,
        ranks: Ranks,
    ) -> Result<Self, TrainError> {
        let objective = objective_of(experiment);
        objective.check()?;
        let adaptive = adaptive_of(experiment)?;
        check_warm_start(experiment)?;
        let seed = experiment.train.seed;
        let said = &experiment.augment;
        Ok(Self {
            players,
            experiment: experiment.clone(),
            device: words.table.device(),
            table: words.table,
            guide: words.guide,
            share: ranks.share(&experiment.train)?,
            ranks,
            objective,
            augment: AugmentConfig {
                translation: said.translation,
                cutout: said.cutout,
                colour: said.colour,
            },
            adaptive,
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
        if let (Some(guide), Some(pairs)) = (&mut self.guide, &batch.pairs) {
            return guide.learn(pairs, moment, means);
        }
        // The game's own schedules begin with the game.
        let begun = Moment {
            images_seen: moment.images_seen - self.guide_images(),
            ..moment
        };
        self.set_rates(begun)?;
        let parts = self.parts(moment.images_seen);
        let fault = if self.is_warming_up(begun) {
            self.warm_up(batch, &parts, means)?
        } else {
            self.play(batch, &parts, begun, means)?
        };
        if fault.is_none() {
            let n = self.experiment.train.batch_size;
            let decay = self.average.decay(begun.images_seen + n, n);
            tch::no_grad(|| self.players.ema.update(decay))?;
        }
        Ok(fault)
    }

    /// Pictures that a guide learns from before the game begins.
    pub(super) fn guide_images(&self) -> u64 {
        self.guide.as_ref().map_or(0, Guide::images)
    }

    /// The averaged generator's pictures of latents `[n, latent_dim]` and sentence vectors `[n, text_dim]`.
    pub(super) fn draw(&self, latents: &Tensor, texts: &Tensor) -> Result<Tensor, TrainError> {
        Ok((self.players.average).forward(latents, &self.heard(texts)?)?)
    }

    /// What the players hear of sentences.
    fn heard(&self, sentences: &Tensor) -> Result<Tensor, TrainError> {
        match &self.guide {
            Some(guide) => guide.hear(sentences),
            None => Ok(sentences.shallow_clone()),
        }
    }

    /// Both networks' steps.
    fn play(
        &mut self,
        batch: &Batch,
        parts: &[Part],
        moment: Moment,
        means: &mut Means,
    ) -> Result<Option<Fault>, TrainError> {
        let gamma = schedule::gamma(&self.experiment.objective.penalty, moment.images_seen);
        means.add("penalty/gamma", gamma);
        let (judged, fault) = self.discriminator_step(batch, parts, gamma, means)?;
        if fault.is_some() {
            return Ok(fault);
        }
        if let Some(adaptive) = self.adaptive {
            let n = self.experiment.train.batch_size;
            let mean_sign = self.ranks.mean_numbers(vec![judged.mean_sign])?[0];
            let now = adaptive.next(self.players.probability(), mean_sign, n);
            self.players.set_probability(now);
            means.add("augment/probability", now);
            means.add("augment/mean_sign", mean_sign);
        }
        self.generator_step(batch, parts, judged, means)
    }

    fn parts(&self, images_seen: u64) -> Vec<Part> {
        let train = &self.experiment.train;
        let len = (self.share.len / train.accumulate) as usize;
        let part = |idx: u64| Part {
            first: images_seen + self.share.first + idx * len as u64,
            offset: idx as usize * len,
            len,
            step_idx: images_seen / train.batch_size,
        };
        (0..train.accumulate).map(part).collect()
    }

    fn set_rates(&mut self, moment: Moment) -> Result<(), TrainError> {
        let n = self.experiment.train.batch_size;
        let said = &self.experiment.optimizer;
        let rate = |adam| schedule::learning_rate(adam, moment.images_seen, n) * moment.rate_scale;
        let (generator, discriminator) = (rate(&said.generator), rate(&said.discriminator));
        self.players.set_rates(generator, discriminator)
    }

    pub(super) fn real(&self, batch: &Batch, part: Part) -> Result<Real, TrainError> {
        let (n, side) = (part.len as i64, self.experiment.resolution);
        let picture_bytes = batch.pixels.len() / batch.captions.len();
        let pixels =
            &batch.pixels[part.offset * picture_bytes..(part.offset + part.len) * picture_bytes];
        let bytes = Tensor::f_from_slice(pixels)?
            .f_view([n, 3, side, side])?
            .f_to_device(self.device)?;
        let captions = &batch.captions[part.offset..part.offset + part.len];
        let sentences = self.table.vectors(captions)?;
        let noise = (self.streams.noise).normals(part.first, n, sentences.size()[1]);
        let noisy = &sentences + noise.to_device(self.device) * self.experiment.captions.noise;
        let latent_dim = self.experiment.generator.latent_dim;
        let numbers = |all: &[i64]| {
            let part = &all[part.offset..part.offset + part.len];
            Ok::<_, TrainError>(Tensor::f_from_slice(part)?.f_to_device(self.device)?)
        };
        let shown = self.guide.as_ref().map(|_| {
            Ok::<_, TrainError>(Shown {
                subjects: numbers(&batch.shown[0])?,
                looks: numbers(&batch.shown[1])?,
            })
        });
        Ok(Real {
            pictures: channels_last(&(bytes.to_kind(Kind::Float) / 127.5 - 1.0)),
            noisy_text: self.heard(&noisy)?,
            text: self.heard(&sentences)?,
            sentences,
            shown: shown.transpose()?,
            latent: (self.streams.latent)
                .normals(part.first, n, latent_dim)
                .to_device(self.device),
        })
    }

    fn inputs(&self, batch: &Batch, part: Part) -> Result<Inputs, TrainError> {
        let real = self.real(batch, part)?;
        let n = part.len as i64;
        let fake = (self.players.generator).forward(&real.latent, &real.noisy_text)?;
        let probability = self.adaptive.map_or(1.0, |_| self.players.probability());
        let augmentation = Augmentation::draw_some(
            &self.augment,
            &self.streams.augment,
            part.first,
            [n, self.experiment.resolution],
            probability,
        )
        .to_device(self.device);
        let share = self.streams.share.uniforms(part.first, n, 1).view([n]);
        Ok(Inputs {
            real_seen: augmentation.apply(&real.pictures),
            fake_seen: augmentation.apply(&fake),
            real,
            fake,
            share: share.to_device(self.device),
            step_idx: part.step_idx,
        })
    }

    fn discriminator_step(
        &mut self,
        batch: &Batch,
        parts: &[Part],
        gamma: f64,
        means: &mut Means,
    ) -> Result<(Judged, Option<Fault>), TrainError> {
        let mut judged = Judged {
            real_scores: Vec::new(),
            inputs: None,
            mean_sign: 0.0,
        };
        let mut sum = Sum::default();
        for part in parts {
            let inputs = self.inputs(batch, *part)?;
            let terms = self.discriminator_terms(&inputs, gamma)?;
            sum.add(self.players.discriminator_adam.gradients(&terms.loss)?);
            add_figures(&terms, &inputs, means);
            judged.mean_sign +=
                mean_sign(self.objective.adversarial, &terms.scores) / parts.len() as f64;
            judged.real_scores.push(terms.scores.real);
            judged.inputs = (parts.len() == 1).then_some(inputs);
        }
        let gradients = self.ranks.mean(sum.mean())?;
        let (norm, fault) = checked_norm(&gradients, &self.players.discriminator_adam)?;
        if fault.is_none() {
            self.players.discriminator_adam.step(&gradients)?;
            means.add("gradient/discriminator", norm);
        }
        Ok((judged, fault))
    }

    fn discriminator_terms(
        &self,
        inputs: &Inputs,
        gamma: f64,
    ) -> Result<DiscriminatorTerms, TrainError> {
        let every = self.experiment.objective.penalty.every;
        let due = inputs.step_idx.is_multiple_of(every);
        let pairs = Pairs {
            real: &inputs.real_seen,
            fake: &inputs.fake_seen,
            text: &inputs.real.text,
            shift: inputs.step_idx,
            share: Some(&inputs.share),
        };
        let weight = due.then_some(gamma * every as f64);
        Ok(discriminator_terms(
            &self.players.discriminator,
            &self.objective,
            &pairs,
            weight,
        )?)
    }

    fn generator_step(
        &mut self,
        batch: &Batch,
        parts: &[Part],
        judged: Judged,
        means: &mut Means,
    ) -> Result<Option<Fault>, TrainError> {
        let mut sum = Sum::default();
        let mut kept = judged.inputs;
        for (part, real_scores) in parts.iter().zip(&judged.real_scores) {
            let inputs = match kept.take() {
                Some(inputs) => inputs,
                None => self.inputs(batch, *part)?,
            };
            let loss = self.generator_loss(&inputs, real_scores, means)?;
            sum.add(self.players.generator_adam.gradients(&loss)?);
        }
        let gradients = self.ranks.mean(sum.mean())?;
        let (norm, fault) = checked_norm(&gradients, &self.players.generator_adam)?;
        if fault.is_none() {
            self.players.generator_adam.step(&gradients)?;
            means.add("gradient/generator", norm);
        }
        Ok(fault)
    }

    fn generator_loss(
        &self,
        inputs: &Inputs,
        real_scores: &Tensor,
        means: &mut Means,
    ) -> Result<Tensor, TrainError> {
        let terms = generator_terms(
            &self.players.discriminator,
            &self.objective,
            &inputs.fake_seen,
            &inputs.real.text,
            real_scores,
        )?;
        means.add("loss/generator", mean(&terms.loss));
        let real = &inputs.real;
        let guided = match (&self.guide, &real.shown) {
            (Some(guide), Some(shown)) => {
                let pictures = [&inputs.fake, &real.pictures];
                &terms.loss + guide.loss(pictures, &real.sentences, shown, means)?
            }
            _ => terms.loss,
        };
        let weight = self.experiment.objective.pooled_colour_weight;
        if weight == 0.0 {
            return Ok(guided);
        }
        let colour = colour_distance(&inputs.fake, &inputs.real.pictures);
        means.add("loss/colour", mean(&colour));
        // Not `+=`, which would also change the figure that is logged.
        Ok(guided + colour * weight)
    }
}

/// Figures of one part of the discriminator's step. Those that watch the game cost a pass over the pictures, and so come with
/// the penalty only.
fn add_figures(terms: &DiscriminatorTerms, inputs: &Inputs, means: &mut Means) {
    let scores = &terms.scores;
    means.add("loss/discriminator", mean(&terms.adversarial));
    means.add("score/real", mean(&scores.real));
    means.add("score/fake", mean(&scores.fake));
    means.add("score/mismatch", mean(&scores.mismatch));
    means.add(
        ORDER,
        mean(&scores.real.gt_tensor(&scores.fake).to_kind(Kind::Float)),
    );
    if let Some(penalty) = &terms.penalty {
        means.add("penalty/value", mean(penalty));
        let real = deviation(&inputs.real.pictures);
        means.add(DIVERSITY, deviation(&inputs.fake) / real.max(1e-6));
    }
}

/// How much the pictures of a batch differ among themselves: the root of the mean variance of a pixel.
fn deviation(pictures: &Tensor) -> f64 {
    let variance = pictures.detach().var_dim([0_i64].as_slice(), false, false);
    mean(&variance).sqrt()
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

    #[test]
    fn one_picture_over_and_over_has_no_deviation() {
        let one = Tensor::rand([1, 3, 8, 8], (Kind::Float, Device::Cpu));
        assert!(deviation(&one.repeat([4, 1, 1, 1])) < 1e-6);
        let two = Tensor::cat(&[one.zeros_like(), one.ones_like()], 0);
        assert!((deviation(&two) - 0.5).abs() < 1e-6);
    }
}
