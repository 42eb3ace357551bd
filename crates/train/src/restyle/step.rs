//! One step: first the encoder learns what styles and subjects are; then it stands still, and discriminator and generator play.
//!
//! Which of the two it is follows from the pictures seen alone, so that a run can be taken up at any save. All randomness comes
//! from streams keyed by the pictures seen. The mathematics is in `idiom_gan::restyle`; here is its order.

use idiom_gan::restyle::{
    RestyleBatch, RestyleObjective, RestyleWeights, Restyled, Views, discriminator_loss,
    generator_loss, projected_discriminator_loss, projected_generator_loss,
};
use idiom_gan::{AugmentConfig, Augmentation, Draws, EmaConfig, Encoded};
use idiom_spec::experiment::Experiment;
use idiom_torch_ext::channels_last;
use tch::{Device, Kind, Tensor};

use super::players::Players;
use super::probe::Probe;
use super::samples::Batch;
use crate::arithmetic::Arithmetic;
use crate::bank::Rivals;
use crate::captions::TextTable;
use crate::gradients::{Fault, checked_norm, mean};
use crate::meters::Means;
use crate::pictures::signed;
use crate::players::{augment_config, average_config};
use crate::projected::maps;
use crate::task::Moment;
use crate::{TrainError, schedule};

mod encoder;

/// Longest shift of a picture while the encoder learns, as a share of the side.
const ENCODER_SHIFT: f64 = 0.0625;

/// What is known of words.
#[derive(Debug)]
pub(super) struct Words {
    /// Their sentence vectors.
    pub(super) table: TextTable,
    /// How well held-out ones are told apart.
    pub(super) probe: Probe,
}

/// What takes steps.
#[derive(Debug)]
pub(crate) struct Stepper {
    pub(super) players: Players,
    pub(super) words: Words,
    experiment: Experiment,
    device: Device,
    arithmetic: Arithmetic,
    objective: RestyleObjective,
    average: EmaConfig,
    augment: AugmentConfig,
    text_noise: Draws,
    shifts: [Draws; 4],
    augment_draws: Draws,
    rivals: Rivals,
}

/// A batch of the game, on the device.
struct Game {
    source: Tensor,
    target: Tensor,
    real: Tensor,
    is_paired: Tensor,
    is_own: Tensor,
    labels: Tensor,
    subjects: Tensor,
    style: Tensor,
    source_view: Encoded,
    target_view: Encoded,
    reference_view: Encoded,
    /// `[batch]`: whether the real picture is the target; else it is the reference.
    is_target: Tensor,
}

/// What the generator drew of a batch, and what was made of it.
struct Drew<'a> {
    /// As it is, and as the discriminator sees it.
    pictures: [&'a Tensor; 2],
    /// The encoder's view, with its graph.
    view: &'a Encoded,
    /// The discriminator's scores of the real pictures.
    real: &'a Restyled,
    /// What the discriminator over the encoder's maps made of it, where there is one.
    projected: Option<&'a Mapped>,
}

/// The encoder's maps of drawn pictures, with their graph, and the scores of the real ones by the discriminator over such, as they were before.
struct Mapped {
    fake: Tensor,
    real: Restyled,
}

impl Game {
    fn pairs(&self) -> RestyleBatch<'_> {
        RestyleBatch {
            source: &self.source,
            target: &self.target,
            is_paired: &self.is_paired,
            is_own: &self.is_own,
            real: &self.real,
            style: &self.style,
            labels: &self.labels,
        }
    }
}

impl Stepper {
    pub(super) fn new(
        experiment: &Experiment,
        players: Players,
        words: Words,
        rivals: Rivals,
        (device, arithmetic): (Device, Arithmetic),
    ) -> Self {
        let (seed, said) = (experiment.train.seed, &experiment.restyle);
        let weights = &said.weights;
        Self {
            players,
            words,
            rivals,
            device,
            arithmetic,
            objective: RestyleObjective {
                weights: RestyleWeights {
                    adversarial: weights.adversarial,
                    projected: weights.projected,
                    agreement: weights.agreement,
                    style: weights.style,
                    moments: weights.moments,
                    style_moments: weights.style_moments,
                    content: weights.content,
                    subject: weights.subject,
                    features: weights.features,
                    pooled_colour: weights.pooled_colour,
                    pixels: weights.pixels,
                    identity: weights.identity,
                    total_variation: weights.total_variation,
                },
                mismatch: said.mismatch,
                temperature: said.temperature,
            },
            average: average_config(&experiment.ema),
            augment: augment_config(&experiment.augment),
            text_noise: Draws::new(seed, "text_noise"),
            shifts: [0, 1, 2, 3].map(|view| Draws::new(seed, &format!("shift{view}"))),
            augment_draws: Draws::new(seed, "augment"),
            experiment: experiment.clone(),
        }
    }

    /// Learns from one batch; adds its figures to `means`. Gives the layer where a gradient was not finite.
    pub(super) fn step(
        &mut self,
        batch: &Batch,
        moment: Moment,
        means: &mut Means,
    ) -> Result<Option<Fault>, TrainError> {
        if moment.images_seen < self.experiment.restyle.encoder.images {
            return self.encoder_step(batch, moment, means);
        }
        self.set_rates(moment)?;
        if self.objective.weights.subject > 0.0 {
            self.rivals.meet(&self.players.encoder, self.device)?;
        }
        let game = self.game(batch, moment.images_seen)?;
        self.play(&game, moment.images_seen, means)
    }

    /// Where it computes.
    pub(super) fn device(&self) -> Device {
        self.device
    }

    /// Steps between two applications of the penalty.
    pub(super) fn penalty_every(&self) -> u64 {
        self.experiment.restyle.penalty_every
    }

    fn set_rates(&mut self, moment: Moment) -> Result<(), TrainError> {
        let n = self.experiment.train.batch_size;
        let said = &self.experiment.optimizer;
        let begun = moment.images_seen - self.experiment.restyle.encoder.images;
        let left = schedule::cooldown(said.cooldown_images, begun) * moment.rate_scale;
        let rate = |adam| schedule::learning_rate(adam, begun, n) * left;
        let players = &mut self.players;
        (players.generator_adam).set_learning_rate(rate(&said.generator))?;
        (players.discriminator_adam).set_learning_rate(rate(&said.discriminator))?;
        if let Some(projected) = &mut players.projected {
            projected.set_rate(rate(&said.discriminator))?;
        }
        Ok(())
    }

    /// Brings a batch to the device and gives each picture its style vector: its own, a reference's, or that of words.
    fn game(&self, batch: &Batch, seen: u64) -> Result<Game, TrainError> {
        let n = batch.style.len() as i64;
        let source = self.pictures(&batch.source)?;
        let target = self.pictures(&batch.target)?;
        let reference = self.pictures(&batch.reference)?;
        // Where cells and pixels meet differs from step to step, for all pictures of a sample alike: the generator cannot draw for a grid.
        let shifted = |view| self.shifted(view, seen, 0);
        let views = [
            shifted(&source),
            shifted(&target),
            // A discriminator over maps would tell what is shifted from what is not.
            match self.players.projected {
                Some(_) => shifted(&reference),
                None => reference.shallow_clone(),
            },
        ];
        let view = tch::no_grad(|| self.look_at(&Tensor::cat(&views, 0)))?;
        let (is_own, by_reference) = (
            self.floats(&batch.is_own)?,
            self.floats(&batch.by_reference)?,
        );
        let words = tch::no_grad(|| self.word_styles(&self.numbers(&batch.words)?, seen))?;
        let (own, of_reference) = (is_own.view([n, 1]), by_reference.view([n, 1]));
        let asked =
            view.style.narrow(0, 2 * n, n) * &of_reference + words * (1.0_f64 - of_reference);
        let style = view.style.narrow(0, 0, n) * &own + asked * (1.0_f64 - own);
        let scale = (style.size()[1] as f64).sqrt();
        // Half of what the discriminator takes for real are targets, half anything in the style.
        let half = (Tensor::arange(n, (Kind::Int64, self.device)).remainder(2)).view([n, 1, 1, 1]);
        let real = &target * &half + &reference * (1_i64 - &half);
        Ok(Game {
            source_view: part(&view, 0, n),
            target_view: part(&view, n, n),
            reference_view: part(&view, 2 * n, n),
            is_target: half.flatten(0, -1).to_kind(Kind::Bool),
            is_paired: self.floats(&batch.is_paired)?,
            labels: self.numbers(&batch.style)?,
            subjects: self.numbers(&batch.subjects[0])?,
            style: style * scale,
            source,
            target,
            real,
            is_own,
        })
    }

    fn play(
        &mut self,
        game: &Game,
        images_seen: u64,
        means: &mut Means,
    ) -> Result<Option<Fault>, TrainError> {
        let redraw = || Ok((self.players.generator).forward(&game.source, &game.style)?);
        let fake = self.arithmetic.pass(redraw)?.to_kind(Kind::Float);
        let n = self.experiment.train.batch_size;
        let size = [n as i64, self.experiment.resolution];
        let augmentation =
            Augmentation::draw(&self.augment, &self.augment_draws, images_seen, size)
                .to_device(self.device);
        let real_seen = augmentation.apply(&game.real);
        let fake_seen = augmentation.apply(&fake);
        let pairs = RestyleBatch {
            real: &real_seen,
            ..game.pairs()
        };
        let drawn = self.look_at(&self.shifted(&fake, images_seen, 0))?;
        let (real, fault) = self.discriminator_step(&pairs, &fake_seen, images_seen, means)?;
        if fault.is_some() {
            return Ok(fault);
        }
        let (projected, fault) = self.projected_step(game, &drawn, means)?;
        if fault.is_some() {
            return Ok(fault);
        }
        let drew = Drew {
            pictures: [&fake, &fake_seen],
            view: &drawn,
            real: &real,
            projected: projected.as_ref(),
        };
        let fault = self.generator_step(game, &pairs, &drew, means)?;
        if fault.is_none() {
            let begun = images_seen + n - self.experiment.restyle.encoder.images;
            let decay = self.average.decay(begun, n);
            tch::no_grad(|| self.players.ema.update(decay))?;
        }
        Ok(fault)
    }

    /// Gives the scores of the real pictures as they were before the discriminator moved.
    fn discriminator_step(
        &mut self,
        pairs: &RestyleBatch<'_>,
        fake_seen: &Tensor,
        images_seen: u64,
        means: &mut Means,
    ) -> Result<(Restyled, Option<Fault>), TrainError> {
        let said = &self.experiment.restyle;
        let step_idx = images_seen / self.experiment.train.batch_size;
        let is_due = step_idx.is_multiple_of(said.penalty_every);
        let weight = is_due.then_some(said.gamma * said.penalty_every as f64);
        let players = &mut self.players;
        let judge = || {
            let (judge, objective) = (&players.discriminator, &self.objective);
            Ok(discriminator_loss(
                judge, objective, pairs, fake_seen, weight,
            )?)
        };
        let judged = if is_due {
            judge()?
        } else {
            self.arithmetic.pass(judge)?
        };
        let gradients = players.discriminator_adam.gradients(&judged.loss)?;
        let (norm, fault) = checked_norm(&gradients, &players.discriminator_adam)?;
        if fault.is_some() {
            return Ok((judged.real, fault));
        }
        players.discriminator_adam.step(&gradients)?;
        means.add("loss/discriminator", mean(&judged.adversarial));
        means.add("loss/discriminator_agreement", mean(&judged.agreement));
        means.add("score/real", mean(&judged.real.mean()));
        means.add("score/fake", mean(&judged.fake.mean()));
        means.add("gradient/discriminator", norm);
        if let Some(penalty) = &judged.penalty {
            means.add("penalty/value", mean(penalty));
        }
        Ok((judged.real, None))
    }

    /// The step of the discriminator over the encoder's maps, where there is one.
    fn projected_step(
        &mut self,
        game: &Game,
        drawn: &Encoded,
        means: &mut Means,
    ) -> Result<(Option<Mapped>, Option<Fault>), TrainError> {
        let Some(projected) = &mut self.players.projected else {
            return Ok((None, None));
        };
        let maps = |seen| maps(seen, self.experiment.resolution);
        let fake = maps(drawn)?;
        let is_target = game.is_target.view([-1, 1, 1, 1]);
        let real = maps(&game.target_view)?.where_self(&is_target, &maps(&game.reference_view)?);
        let (loss, [real, scored]) = self.arithmetic.pass(|| {
            let (judge, objective) = (&projected.judge, &self.objective);
            Ok(projected_discriminator_loss(
                judge,
                objective,
                &game.pairs(),
                [&real, &fake],
            )?)
        })?;
        let gradients = projected.gradients(&loss)?;
        let fault = projected.step(&gradients, means)?;
        means.add("projected/real", mean(&real.mean()));
        means.add("projected/fake", mean(&scored.mean()));
        Ok((Some(Mapped { fake, real }), fault))
    }

    fn generator_step(
        &mut self,
        game: &Game,
        pairs: &RestyleBatch<'_>,
        drew: &Drew<'_>,
        means: &mut Means,
    ) -> Result<Option<Fault>, TrainError> {
        let mut views = Views {
            drawn: drew.view,
            target: &game.target_view,
            source: &game.source_view,
            real: drew.real,
            found: None,
            projected: None,
        };
        let wanted = views.wanted_subject(&game.is_paired);
        let shown = [&game.subjects, &game.labels];
        let temperature = self.experiment.restyle.temperature;
        let found = (self.rivals).loss([&drew.view.subject, &wanted], shown, temperature)?;
        views.found = found.as_ref();
        let players = &mut self.players;
        let projected = players.projected.as_ref().zip(drew.projected);
        let projected = projected.map(|(projected, Mapped { fake, real })| {
            let judge = &projected.judge;
            let loss = || Ok(projected_generator_loss(judge, &game.style, fake, real)?);
            self.arithmetic.pass(loss)
        });
        let projected = projected.transpose()?;
        views.projected = projected.as_ref();
        let redrawn = self.arithmetic.pass(|| {
            let (judge, objective) = (&players.discriminator, &self.objective);
            Ok(generator_loss(
                judge,
                objective,
                pairs,
                drew.pictures,
                &views,
            )?)
        })?;
        let gradients = players.generator_adam.gradients(&redrawn.loss)?;
        let (norm, fault) = checked_norm(&gradients, &players.generator_adam)?;
        if fault.is_some() {
            return Ok(fault);
        }
        players.generator_adam.step(&gradients)?;
        means.add("loss/generator", mean(&redrawn.loss));
        means.add("gradient/generator", norm);
        for (name, term) in &redrawn.terms {
            means.add(key_of(name), mean(term));
        }
        Ok(None)
    }

    /// Unit style vectors of texts by number `[n]`, with noise on the sentences.
    fn word_styles(&self, numbers: &Tensor, seen: u64) -> Result<Tensor, TrainError> {
        let texts = self.words.table.select(numbers)?;
        let size = texts.size();
        let noise = self.text_noise.normals(seen, size[0], size[1]);
        let deviation = if seen < self.experiment.restyle.encoder.images {
            self.experiment.restyle.encoder.text_noise
        } else {
            self.experiment.captions.noise
        };
        Ok(
            (self.players.text_head)
                .forward(&(texts + noise.to_device(self.device) * deviation))?,
        )
    }

    /// What the encoder says of pictures, in the run's digits.
    fn look_at(&self, pictures: &Tensor) -> Result<Encoded, TrainError> {
        let encoder = &self.players.encoder;
        self.arithmetic.pass(|| Ok(encoder.forward(pictures)?))
    }

    fn shifted(&self, pictures: &Tensor, seen: u64, view_idx: usize) -> Tensor {
        let config = AugmentConfig {
            translation: ENCODER_SHIFT,
            cutout: 0.0,
            colour: 0.0,
        };
        let size = [pictures.size()[0], self.experiment.resolution];
        Augmentation::draw(&config, &self.shifts[view_idx], seen, size)
            .to_device(self.device)
            .apply(pictures)
    }

    pub(super) fn pictures(&self, bytes: &[u8]) -> Result<Tensor, TrainError> {
        let side = self.experiment.resolution;
        Ok(channels_last(&signed(bytes, side, self.device)?))
    }

    fn numbers(&self, numbers: &[i64]) -> Result<Tensor, TrainError> {
        Ok(Tensor::f_from_slice(numbers)?.f_to_device(self.device)?)
    }

    fn floats(&self, numbers: &[f32]) -> Result<Tensor, TrainError> {
        Ok(Tensor::f_from_slice(numbers)?.f_to_device(self.device)?)
    }
}

/// The encoder's view of some of a batch.
fn part(view: &Encoded, first: i64, length: i64) -> Encoded {
    let rows = |values: &Tensor| values.narrow(0, first, length);
    Encoded {
        stages: view.stages.iter().map(rows).collect(),
        style: rows(&view.style),
        subject: rows(&view.subject),
    }
}

/// The log's name of a term.
fn key_of(term: &str) -> &'static str {
    match term {
        "adversarial" => "loss/adversarial",
        "agreement" => "loss/agreement",
        "style" => "loss/style",
        "moments" => "loss/moments",
        "style_moments" => "loss/style_moments",
        "content" => "loss/content",
        "subject" => "loss/subject",
        "features" => "loss/features",
        "pooled_colour" => "loss/pooled_colour",
        "projected" => "loss/projected",
        "pixels" => "loss/pixels",
        "identity" => "loss/identity",
        _ => "loss/total_variation",
    }
}
