//! What a guide's heads do between its pictures' part and the game: they read, many sentences at once, and no picture is looked at.
//!
//! Beside pictures, which cost far more, a head meets a few sentences a step; held-out words then mean to it what the few
//! said. By itself it can read hundreds of thousands within seconds. What a sentence is to mean is where the pictures of its look
//! and of its subject lie on average, among all looks and all subjects of the training rows. The pictures' encoder rests meanwhile.

use idiom_gan::losses::contrastive::anchored;
use idiom_gan::{Draws, TextHead, is_there};
use idiom_spec::experiment::Experiment;
use idiom_torch_ext::FusedAdam;
use tch::Tensor;

use super::guide::{STYLE_HEAD, SUBJECT_HEAD};
use crate::bank::Centres;
use crate::captions::TextTable;
use crate::contrastive::samples::{Batch, Paired};
use crate::contrastive::step::Stepper;
use crate::gradients::checked_norm;
use crate::players::adam_config;
use crate::{TrainError, schedule};

/// Sentences at once.
const BATCH: u64 = 256;
/// Rows of noise, made once: fresh numbers for every sentence would take most of the time.
const N_NOISES: u64 = 8192;

/// The reading.
pub(super) struct Study<'a> {
    /// Where sentences come from.
    pub(super) lessons: &'a Paired,
    /// What they are to mean.
    pub(super) centres: &'a Centres,
    /// The guide's settings.
    pub(super) experiment: &'a Experiment,
    /// Sentences to read.
    pub(super) n_sentences: u64,
}

impl Study<'_> {
    /// Has the heads of `guide` read; what they learn depends on the seed alone, in every process alike.
    ///
    /// # Errors
    /// What libtorch throws.
    pub(super) fn run(&self, guide: &Stepper) -> Result<(), TrainError> {
        let networks = &guide.learner.networks;
        let heads = [
            (STYLE_HEAD, &networks.style_head, Matter::Look),
            (SUBJECT_HEAD, &networks.subject_head, Matter::Subject),
        ];
        let heads = heads.into_iter().filter_map(|(name, head, matter)| {
            let head = head.as_ref()?;
            Some(Reader::new(self, guide, (name, head), matter))
        });
        let mut readers = heads.collect::<Result<Vec<_>, _>>()?;
        for first in (0..self.n_sentences).step_by(BATCH as usize) {
            let words = self.lessons.words(first, BATCH);
            let left = schedule::cooldown(self.n_sentences, first);
            for reader in &mut readers {
                reader.read(&words, first, left)?;
            }
        }
        Ok(())
    }
}

/// What a head reads off a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matter {
    Look,
    Subject,
}

/// One head that reads.
struct Reader<'a> {
    matter: Matter,
    head: &'a TextHead,
    adam: FusedAdam,
    table: &'a TextTable,
    /// `[N_NOISES, text_dim]`, and which row a sentence takes.
    noises: (Tensor, Draws),
    centres: &'a Tensor,
    /// Which of the centres have a picture.
    is_known: Vec<bool>,
    temperature: f64,
    learning_rate: f64,
}

impl<'a> Reader<'a> {
    fn new(
        study: &Study<'a>,
        guide: &'a Stepper,
        (name, head): (&str, &'a TextHead),
        matter: Matter,
    ) -> Result<Self, TrainError> {
        let said = &study.experiment.contrastive;
        let (centres, temperature) = match matter {
            Matter::Look => (&study.centres.styles, said.style_temperature),
            Matter::Subject => (&study.centres.subjects, said.subject_temperature),
        };
        let weights = guide.learner.store.variables().into_iter();
        let own = weights.filter(|(weight, _)| weight.split('.').next() == Some(name));
        let draws = Draws::new(study.experiment.train.seed, &format!("{name}_noise"));
        let noises = draws.normals(0, N_NOISES as i64, head.config().text_dim);
        let noises = noises.f_to_device(guide.device())? * study.experiment.captions.noise;
        Ok(Self {
            matter,
            head,
            adam: FusedAdam::new(own.collect(), adam_config(&said.optimizer))?,
            table: guide.table(),
            noises: (noises, draws),
            is_known: Vec::try_from(centres.abs().amax([1_i64].as_slice(), false).gt(0.0))?,
            centres,
            temperature,
            learning_rate: said.optimizer.learning_rate,
        })
    }

    /// Noise like `text`, `[n, dim]` or `[n, parts, dim]`, the samples after `first` others; none on parts that are not there.
    fn noise_of(&self, text: &Tensor, first: u64) -> Result<Tensor, TrainError> {
        let (noises, draws) = &self.noises;
        let size = text.size();
        let n_parts: i64 = size[1..size.len() - 1].iter().product();
        let chosen = (first..first + size[0] as u64).flat_map(|sentence| {
            let mut draws = draws.sample(sentence);
            (0..n_parts).map(move |_| draws.below(N_NOISES) as i64)
        });
        let chosen: Vec<i64> = chosen.collect();
        let chosen = Tensor::f_from_slice(&chosen)?.f_to_device(noises.device())?;
        let noise = noises.f_index_select(0, &chosen)?.f_view(size.as_slice())?;
        Ok(noise * is_there(text))
    }

    /// Learns from one batch of words, the samples after `first` others, by the share of its rate that is `left`.
    fn read(&mut self, words: &Batch, first: u64, left: f64) -> Result<(), TrainError> {
        let (texts, labels) = match self.matter {
            Matter::Look => (&words.phrases, &words.looks),
            Matter::Subject => (&words.captions, &words.subjects),
        };
        let is_known = |label: i64| {
            let label = usize::try_from(label).ok();
            label.is_some_and(|label| self.is_known.get(label) == Some(&true))
        };
        let pairs = texts.iter().zip(labels);
        let (texts, labels): (Vec<i64>, Vec<i64>) =
            pairs.filter(|(_, label)| is_known(**label)).unzip();
        if texts.is_empty() {
            return Ok(());
        }
        let text = self.table.vectors(&texts)?;
        let text = &text + self.noise_of(&text, first)?;
        let labels = Tensor::f_from_slice(&labels)?.f_to_device(self.table.device())?;
        let vectors = self.head.forward(&text)?;
        let loss = anchored(&vectors, self.centres, &labels, self.temperature)?;
        let gradients = self.adam.gradients(&loss)?;
        let (_, fault) = checked_norm(&gradients, &self.adam)?;
        if fault.is_none() {
            self.adam.set_learning_rate(self.learning_rate * left)?;
            self.adam.step(&gradients)?;
        }
        Ok(())
    }
}
