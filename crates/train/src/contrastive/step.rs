//! One step: encode the pictures once, compare them with anchors, words and each other, and move all networks together.

use idiom_gan::losses::contrastive::{anchored, grouped_info_nce};
use idiom_gan::{AugmentConfig, Augmentation, Draws, Encoded};
use idiom_spec::experiment::Experiment;
use idiom_torch_ext::channels_last;
use tch::{Device, Kind, Tensor};

use super::learner::Learner;
use super::samples::Batch;
use crate::captions::TextTable;
use crate::gradients::{Fault, checked_norm};
use crate::meters::Means;
use crate::pictures::signed;
use crate::players::augment_config;
use crate::task::Moment;
use crate::{TrainError, schedule};

/// What takes steps.
pub(crate) struct Stepper {
    /// What learns.
    pub(crate) learner: Learner,
    experiment: Experiment,
    table: TextTable,
    device: Device,
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
        device: Device,
    ) -> Self {
        let seed = experiment.train.seed;
        Self {
            learner,
            experiment: experiment.clone(),
            table,
            device,
            augment: augment_config(&experiment.augment),
            noise: Draws::new(seed, "text_noise"),
            augmentation: Draws::new(seed, "augment"),
        }
    }

    /// Where it computes.
    pub(crate) fn device(&self) -> Device {
        self.device
    }

    /// Learns from one batch; adds its figures to `means`. Gives the layer where a gradient was not finite.
    pub(crate) fn step(
        &mut self,
        batch: &Batch,
        moment: Moment,
        means: &mut Means,
    ) -> Result<Option<Fault>, TrainError> {
        self.set_rate(moment)?;
        let pictures = self.pictures(batch, moment.images_seen)?;
        let encoded = self.learner.networks.encoder.forward(&pictures)?;
        let mut terms = self.style_terms(batch, &encoded, moment.images_seen)?;
        terms.extend(self.subject_terms(batch, &encoded, moment.images_seen)?);
        if terms.is_empty() {
            return Err(TrainError::NothingToLearn);
        }
        let mut loss = Tensor::zeros([], (Kind::Float, self.device));
        for (name, weight, value) in &terms {
            means.add(name, value.double_value(&[]));
            loss += value * *weight;
        }
        means.add("loss/contrastive", loss.double_value(&[]));
        let gradients = self.learner.adam.gradients(&loss)?;
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
    fn pictures(&self, batch: &Batch, images_seen: u64) -> Result<Tensor, TrainError> {
        let (n, side) = (batch.subjects.len() as i64, self.experiment.resolution);
        let augmentation =
            Augmentation::draw(&self.augment, &self.augmentation, images_seen, [n, side])
                .to_device(self.device);
        let pictures = signed(&batch.pixels, side, self.device)?;
        Ok(channels_last(&augmentation.apply(&pictures)))
    }

    /// Text vectors `[n, dim]` with noise.
    fn text(&self, numbers: &[i64], images_seen: u64) -> Result<Tensor, TrainError> {
        let text = self.table.vectors(numbers)?;
        let size = text.size();
        let noise = self.noise.normals(images_seen, size[0], size[1]);
        Ok(&text + noise.to_device(self.device) * self.experiment.captions.noise)
    }

    /// Against anchors and phrases; pictures without a look take no part.
    fn style_terms(
        &self,
        batch: &Batch,
        encoded: &Encoded,
        images_seen: u64,
    ) -> Result<Vec<Term>, TrainError> {
        let said = &self.experiment.contrastive;
        let known: Vec<i64> = (0..batch.looks.len() as i64)
            .filter(|row| batch.looks[*row as usize] >= 0)
            .collect();
        let mut terms = Vec::new();
        if known.is_empty() {
            return Ok(terms);
        }
        let known = Tensor::from_slice(&known).to_device(self.device);
        let looks = Tensor::from_slice(&batch.looks).to_device(self.device);
        let (style, looks) = (
            encoded.style.index_select(0, &known),
            looks.index_select(0, &known),
        );
        let networks = &self.learner.networks;
        if let Some(anchors) = &networks.anchors {
            let directions = anchors.directions();
            let value = anchored(&style, &directions, &looks, said.style_temperature)?;
            terms.push(("loss/looks", said.looks, value));
        }
        if let Some(head) = &networks.style_head {
            let words = head.forward(&self.text(&batch.phrases, images_seen)?)?;
            let words = words.index_select(0, &known);
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
        images_seen: u64,
    ) -> Result<Vec<Term>, TrainError> {
        let said = &self.experiment.contrastive;
        let temperature = said.subject_temperature;
        let subjects = Tensor::from_slice(&batch.subjects).to_device(self.device);
        let mut terms = Vec::new();
        if said.subject_pairs > 0.0 {
            let of_pair = |tensor: &Tensor, place: i64| {
                let last = *tensor.size().last().unwrap_or(&1);
                tensor.view([-1, 2, last]).select(1, place)
            };
            let labels = of_pair(&subjects.unsqueeze(1), 0).squeeze_dim(1);
            let (first, second) = (of_pair(&encoded.subject, 0), of_pair(&encoded.subject, 1));
            let value = grouped_info_nce(&first, &second, &labels, temperature)?;
            terms.push(("loss/subject_pairs", said.subject_pairs, value));
        }
        if let Some(head) = &self.learner.networks.subject_head {
            let words = head.forward(&self.text(&batch.captions, images_seen)?)?;
            let value = grouped_info_nce(&encoded.subject, &words, &subjects, temperature)?;
            terms.push(("loss/subject_words", said.subject_words, value));
        }
        Ok(terms)
    }
}
