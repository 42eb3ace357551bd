//! One step: the discriminator learns, then the generator, then the average follows.
//!
//! The drawn pictures are made once and used by both; real and drawn ones go through the same augmentation, draw for draw. All
//! randomness comes from streams keyed by the number of pictures seen. A step in which a gradient is not finite moves no weight
//! of that network and reports the layer. With `train.accumulate` above 1 a batch goes through in parts, one after another, whose gradients
//! are averaged: less memory, and the drawn pictures are made once more for the generator's part. The mathematics is in
//! `idiom-gan`; here is its order.

use std::rc::Rc;

use idiom_gan::augment::adaptive::{AdaptiveConfig, mean_sign};
use idiom_gan::losses::perceptual::perceptual;
use idiom_gan::{
    AugmentConfig, Augmentation, Batch as Pairs, DiscriminatorTerms, Draws, EmaConfig, Objective,
    discriminator_terms, generator_terms,
};
use idiom_spec::experiment::{Experiment, Trunk};
use idiom_torch_ext::channels_last;
use tch::{Device, Kind, Tensor};

use super::figures;
use super::guide::{Guide, Seen, Shown};
use super::names::{adaptive_of, objective_of};
use super::players::Players;
use super::samples::Batch;
use crate::arithmetic::Arithmetic;
use crate::captions::{TextTable, noisy};
use crate::gradients::{Fault, Sum, checked_norm, mean};
use crate::meters::Means;
use crate::pictures::signed;
use crate::players::{augment_config, average_config};
use crate::ranks::{Ranks, Share};
use crate::request::Source;
use crate::task::Moment;
use crate::vision::Vision;
use crate::{TrainError, schedule};

mod projected;

/// Half a cell of the grids that pictures are compared on: no cell is always the same part of a picture.
const SHIFTED: AugmentConfig = AugmentConfig {
    translation: 0.0625,
    cutout: 0.0,
    colour: 0.0,
};

/// What takes steps.
pub(crate) struct Stepper {
    pub(crate) players: Players,
    pub(super) experiment: Experiment,
    table: TextTable,
    /// Learns first and then helps, where there is one.
    pub(super) guide: Option<Guide>,
    device: Device,
    pub(super) ranks: Ranks,
    pub(super) arithmetic: Arithmetic,
    vision: Option<Rc<Vision>>,
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
    shift: Draws,
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
    /// The sentences' own vectors ([`TextTable::vectors`]).
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
    /// Drawn and real pictures moved alike, before they are compared cell by cell.
    moved: [Tensor; 2],
    /// What a guide sees in these, where there is one: it rests, so that both networks' steps may read it.
    seen: Option<Seen>,
    /// `[n]` in `[0, 1)`
    share: Tensor,
    step_idx: u64,
}

/// What the discriminator's step leaves for the generator's.
struct Judged {
    /// The real pictures' scores as they were before, by part.
    real_scores: Vec<Tensor>,
    /// The same by the discriminator over a guide's maps, where there is one.
    projected_scores: Vec<Tensor>,
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
        source: &Source,
    ) -> Result<Self, TrainError> {
        let objective = objective_of(experiment);
        let adaptive = adaptive_of(experiment)?;
        let seed = experiment.train.seed;
        Ok(Self {
            players,
            experiment: experiment.clone(),
            device: words.table.device(),
            table: words.table,
            guide: words.guide,
            share: source.ranks.share(&experiment.train)?,
            ranks: source.ranks.clone(),
            arithmetic: source.arithmetic,
            vision: source.vision.clone(),
            objective,
            augment: augment_config(&experiment.augment),
            adaptive,
            average: average_config(&experiment.ema),
            streams: Streams {
                latent: Draws::new(seed, "latent"),
                noise: Draws::new(seed, "text_noise"),
                augment: Draws::new(seed, "augment"),
                shift: Draws::new(seed, "shift"),
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
        let begins = moment.images_seen == self.guide_images();
        if let Some(guide) = &mut self.guide {
            guide.rest(begins)?;
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

    /// The averaged generator's pictures of latents `[n, latent_dim]` and sentence vectors ([`TextTable::vectors`]).
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
        let left = schedule::cooldown(said.cooldown_images, moment.images_seen);
        let rate =
            |adam| schedule::learning_rate(adam, moment.images_seen, n) * left * moment.rate_scale;
        let (generator, discriminator) = (rate(&said.generator), rate(&said.discriminator));
        self.players.set_rates(generator, discriminator)
    }

    pub(super) fn real(&self, batch: &Batch, part: Part) -> Result<Real, TrainError> {
        let n = part.len as i64;
        let picture_bytes = batch.pixels.len() / batch.captions.len();
        let pixels =
            &batch.pixels[part.offset * picture_bytes..(part.offset + part.len) * picture_bytes];
        let captions = &batch.captions[part.offset..part.offset + part.len];
        let sentences = self.table.vectors(captions)?;
        let deviation = self.experiment.captions.noise;
        let noisy = noisy(&sentences, &self.streams.noise, part.first, deviation);
        let latent_dim = self.experiment.generator.latent_dim;
        let numbers = |all: &[i64]| {
            let part = &all[part.offset..part.offset + part.len];
            Ok::<_, TrainError>(Tensor::f_from_slice(part)?.f_to_device(self.device)?)
        };
        let shown = self.guide.as_ref().map(|_| {
            Ok::<_, TrainError>(Shown {
                subjects: numbers(&batch.shown[0])?,
                looks: numbers(&batch.shown[1])?,
                said_looks: numbers(&batch.shown[2])?,
            })
        });
        Ok(Real {
            pictures: channels_last(&signed(pixels, self.experiment.resolution, self.device)?),
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
        let fake = self.fake(&real.latent, &real.noisy_text)?;
        let probability = self.adaptive.map_or(1.0, |_| self.players.probability());
        let augmentation = Augmentation::draw_some(
            &self.augment,
            &self.streams.augment,
            part.first,
            [n, self.experiment.resolution],
            probability,
        )
        .to_device(self.device);
        let shift = Augmentation::draw(
            &SHIFTED,
            &self.streams.shift,
            part.first,
            [n, self.experiment.resolution],
        );
        let shift = shift.to_device(self.device);
        let moved = [&fake, &real.pictures].map(|pictures| shift.apply(pictures));
        let look_at = |guide: &Guide| guide.look_at(moved.each_ref());
        let share = self.streams.share.uniforms(part.first, n, 1).view([n]);
        Ok(Inputs {
            real_seen: augmentation.apply(&real.pictures),
            fake_seen: augmentation.apply(&fake),
            real,
            fake,
            seen: self.guide.as_ref().map(look_at).transpose()?,
            moved,
            share: share.to_device(self.device),
            step_idx: part.step_idx,
        })
    }

    /// What the generator draws for what it hears, as `f32`, with its graph.
    pub(super) fn fake(&self, latent: &Tensor, text: &Tensor) -> Result<Tensor, TrainError> {
        let generator = &self.players.generator;
        let drawn = (self.arithmetic).pass(|| Ok(generator.forward(latent, text)?))?;
        Ok(drawn.to_kind(Kind::Float))
    }

    /// What the discriminator is given of pictures.
    fn seen(&self, pictures: &Tensor) -> Result<Tensor, TrainError> {
        match (&self.vision, self.experiment.discriminator.trunk) {
            (Some(vision), Trunk::MobilenetV2) => Ok(vision.maps(pictures)?.to_kind(Kind::Float)),
            _ => Ok(pictures.shallow_clone()),
        }
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
            projected_scores: Vec::new(),
            inputs: None,
            mean_sign: 0.0,
        };
        let (mut sum, mut projected_sum) = (Sum::default(), Sum::default());
        for part in parts {
            let inputs = self.inputs(batch, *part)?;
            let terms = self.discriminator_terms(&inputs, gamma)?;
            sum.add(self.players.discriminator_adam.gradients(&terms.loss)?);
            if let Some((gradients, scores)) = self.projected_gradients(&inputs, means)? {
                projected_sum.add(gradients);
                judged.projected_scores.push(scores);
            }
            figures::add(&terms, [&inputs.fake, &inputs.real.pictures], means);
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
        if let (None, Some(projected)) = (&fault, &mut self.players.projected) {
            let gradients = self.ranks.mean(projected_sum.mean())?;
            let fault = projected.step(&gradients, means)?;
            return Ok((judged, fault));
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
        let weight = due.then_some(gamma * every as f64);
        let terms = || {
            let pairs = Pairs {
                real: &self.seen(&inputs.real_seen)?,
                fake: &self.seen(&inputs.fake_seen.detach())?,
                text: &inputs.real.text,
                shift: inputs.step_idx,
                share: Some(&inputs.share),
            };
            let (judge, objective) = (&self.players.discriminator, &self.objective);
            Ok(discriminator_terms(judge, objective, &pairs, weight)?)
        };
        if due {
            terms()
        } else {
            self.arithmetic.pass(terms)
        }
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
        for (idx, part) in parts.iter().enumerate() {
            let inputs = match kept.take() {
                Some(inputs) => inputs,
                None => self.inputs(batch, *part)?,
            };
            let mut loss = self.generator_loss(&inputs, &judged.real_scores[idx], means)?;
            if let Some(real_scores) = judged.projected_scores.get(idx) {
                loss = &loss + self.projected_loss(&inputs, real_scores, means)?;
            }
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
        let (judge, objective) = (&self.players.discriminator, &self.objective);
        let real = &inputs.real;
        let mut loss = (self.arithmetic)
            .pass(|| {
                let seen = self.seen(&inputs.fake_seen)?;
                Ok(generator_terms(
                    judge,
                    objective,
                    &seen,
                    &real.text,
                    real_scores,
                )?)
            })?
            .loss;
        means.add("loss/generator", mean(&loss));
        let [drawn, pictures] = &inputs.moved;
        // Not `+=`, which would also change the figure that is logged.
        let guided = self.guide.as_ref().zip(inputs.seen.as_ref());
        if let (Some((guide, seen)), Some(shown)) = (guided, &real.shown) {
            let begun = inputs.step_idx * self.experiment.train.batch_size - guide.images();
            loss = &loss + guide.loss(seen, &real.sentences, shown, begun, means)?;
        }
        let said = &self.experiment.objective;
        if said.pooled_colour_weight > 0.0 {
            let colour = figures::colour_distance(drawn, pictures);
            means.add("loss/colour", mean(&colour));
            loss = &loss + colour * said.pooled_colour_weight;
        }
        if let (Some(vision), true) = (&self.vision, said.perceptual_weight > 0.0) {
            let depths = |pictures| (self.arithmetic).pass(|| vision.depths(pictures));
            let distance = perceptual(&depths(&inputs.fake)?, &depths(&real.pictures)?);
            means.add("loss/perceptual", mean(&distance));
            loss = &loss + distance * said.perceptual_weight;
        }
        Ok(loss)
    }
}
