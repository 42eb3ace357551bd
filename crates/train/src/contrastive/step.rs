//! One step: encode the pictures once, compare them with anchors, words and each other, and move all networks together.
//!
//! Each term compares all pictures of the batch; where several processes share it, each encodes its own pictures and words, and the vectors
//! are brought together.

use idiom_gan::losses::contrastive::{anchored, grouped_info_nce};
use idiom_gan::{AugmentConfig, Augmentation, Draws, Encoded};
use idiom_spec::experiment::Experiment;
use idiom_torch_ext::channels_last;
use tch::{Device, Kind, Tensor};

use super::learner::Learner;
use super::samples::Batch;
use crate::arithmetic::Arithmetic;
use crate::captions::{TextTable, noisy};
use crate::gradients::{Fault, checked_norm};
use crate::meters::Means;
use crate::pictures::signed;
use crate::players::augment_config;
use crate::ranks::{Ranks, Share};
use crate::task::Moment;
use crate::{TrainError, schedule};

/// What takes steps.
pub(crate) struct Stepper {
    /// What learns.
    pub(crate) learner: Learner,
    experiment: Experiment,
    table: TextTable,
    ranks: Ranks,
    arithmetic: Arithmetic,
    share: Share,
    augment: AugmentConfig,
    noise: Draws,
    augmentation: Draws,
}

/// A term of the loss: its name in the log, its weight, its value.
type Term = (&'static str, f64, Tensor);

impl Stepper {
    pub(crate) fn new(
        experiment: &Experiment,
        learner: Learner,
        table: TextTable,
        (ranks, arithmetic): (&Ranks, Arithmetic),
    ) -> Result<Self, TrainError> {
        let seed = experiment.train.seed;
        Ok(Self {
            learner,
            experiment: experiment.clone(),
            table,
            share: ranks.share(&experiment.train)?,
            ranks: ranks.clone(),
            arithmetic,
            augment: augment_config(&experiment.augment),
            noise: Draws::new(seed, "text_noise"),
            augmentation: Draws::new(seed, "augment"),
        })
    }

    /// Where it computes.
    pub(crate) fn device(&self) -> Device {
        self.table.device()
    }

    /// What the encoder says of pictures, in the run's digits.
    ///
    /// # Errors
    /// As [`idiom_gan::PictureEncoder::forward`].
    pub(crate) fn look_at(&self, pictures: &Tensor) -> Result<Encoded, TrainError> {
        let encoder = &self.learner.networks.encoder;
        self.arithmetic.pass(|| Ok(encoder.forward(pictures)?))
    }

    /// The sentences' vectors.
    pub(crate) fn table(&self) -> &TextTable {
        &self.table
    }

    /// Learns from one batch; adds its figures to `means`. Gives the layer where a gradient was not finite.
    pub(crate) fn step(
        &mut self,
        batch: &Batch,
        moment: Moment,
        means: &mut Means,
    ) -> Result<Option<Fault>, TrainError> {
        self.set_rate(moment)?;
        let first = moment.images_seen + self.share.first;
        let pictures = self.pictures(batch, first)?;
        let encoded = self.look_at(&pictures)?;
        let mut terms = self.style_terms(batch, &encoded, first)?;
        terms.extend(self.subject_terms(batch, &encoded, first)?);
        if terms.is_empty() {
            return Err(TrainError::NothingToLearn);
        }
        let mut loss = Tensor::zeros([], (Kind::Float, self.device()));
        for (name, weight, value) in &terms {
            means.add(name, value.double_value(&[]));
            loss += value * *weight;
        }
        means.add("loss/contrastive", loss.double_value(&[]));
        let loss = self.ranks.of_whole(&loss);
        let gradients = self.ranks.mean(self.learner.adam.gradients(&loss)?)?;
        let (norm, fault) = checked_norm(&gradients, &self.learner.adam)?;
        means.add("gradient/contrastive", norm);
        if fault.is_none() {
            self.learner.adam.step(&gradients)?;
        }
        Ok(fault)
    }

    fn set_rate(&mut self, moment: Moment) -> Result<(), TrainError> {
        let (said, n) = (
            &self.experiment.contrastive,
            self.experiment.train.batch_size,
        );
        let warm = schedule::learning_rate(&said.optimizer, moment.images_seen, n);
        let left = schedule::cooldown(said.cooldown_images, moment.images_seen);
        let rate = warm * left * moment.rate_scale;
        Ok(self.learner.adam.set_learning_rate(rate)?)
    }

    /// `[n, 3, side, side]` in `[-1, 1]`, augmented: each picture of a pair differently.
    fn pictures(&self, batch: &Batch, first: u64) -> Result<Tensor, TrainError> {
        let (n, side) = (batch.subjects.len() as i64, self.experiment.resolution);
        let augmentation = Augmentation::draw(&self.augment, &self.augmentation, first, [n, side])
            .to_device(self.device());
        let pictures = signed(&batch.pixels, side, self.device())?;
        Ok(channels_last(&augmentation.apply(&pictures)))
    }

    /// Text vectors ([`TextTable::vectors`]) with noise.
    fn text(&self, numbers: &[i64], first: u64) -> Result<Tensor, TrainError> {
        let text = self.table.vectors(numbers)?;
        let deviation = self.experiment.captions.noise;
        Ok(noisy(&text, &self.noise, first, deviation))
    }

    /// Of all processes, in the batch's order.
    fn numbers(&self, own: &[i64]) -> Result<Tensor, TrainError> {
        let own = Tensor::f_from_slice(own)?.f_to_device(self.device())?;
        self.ranks.of_batch(&own)
    }

    /// Against anchors and phrases; pictures without a look take no part.
    fn style_terms(
        &self,
        batch: &Batch,
        encoded: &Encoded,
        first: u64,
    ) -> Result<Vec<Term>, TrainError> {
        let said = &self.experiment.contrastive;
        let looks = self.numbers(&batch.looks)?;
        let known = looks.greater_equal(0).nonzero().squeeze_dim(1);
        let mut terms = Vec::new();
        if known.size()[0] == 0 {
            return Ok(terms);
        }
        let style = self.ranks.of_batch(&encoded.style)?;
        let (style, looks) = (style.index_select(0, &known), looks.index_select(0, &known));
        let networks = &self.learner.networks;
        if let Some(anchors) = &networks.anchors {
            let directions = self.ranks.once(&anchors.directions());
            let value = anchored(&style, &directions, &looks, said.style_temperature)?;
            terms.push(("loss/looks", said.looks, value));
        }
        if let Some(head) = &networks.style_head {
            let words = head.forward(&self.text(&batch.phrases, first)?)?;
            let words = self.ranks.of_batch(&words)?.index_select(0, &known);
            let value = grouped_info_nce(&style, &words, &looks, said.style_temperature)?;
            terms.push(("loss/style_words", said.style_words, value));
        }
        Ok(terms)
    }

    /// Against the other picture of the pair, and against captions.
    fn subject_terms(
        &self,
        batch: &Batch,
        encoded: &Encoded,
        first: u64,
    ) -> Result<Vec<Term>, TrainError> {
        let said = &self.experiment.contrastive;
        let temperature = said.subject_temperature;
        let subjects = self.numbers(&batch.subjects)?;
        let seen = self.ranks.of_batch(&encoded.subject)?;
        let mut terms = Vec::new();
        if said.subject_pairs > 0.0 {
            let of_pair = |tensor: &Tensor, place: i64| {
                let last = *tensor.size().last().unwrap_or(&1);
                tensor.view([-1, 2, last]).select(1, place)
            };
            let labels = of_pair(&subjects.unsqueeze(1), 0).squeeze_dim(1);
            let (one, other) = (of_pair(&seen, 0), of_pair(&seen, 1));
            let value = grouped_info_nce(&one, &other, &labels, temperature)?;
            terms.push(("loss/subject_pairs", said.subject_pairs, value));
        }
        if let Some(head) = &self.learner.networks.subject_head {
            let words = head.forward(&self.text(&batch.captions, first)?)?;
            let words = self.ranks.of_batch(&words)?;
            let value = grouped_info_nce(&seen, &words, &subjects, temperature)?;
            terms.push(("loss/subject_words", said.subject_words, value));
        }
        Ok(terms)
    }
}
