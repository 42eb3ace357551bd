//! A contrastive network that learns first and then guides the game: what words mean, before pictures of them are drawn.
//!
//! A game teaches its networks to draw sooner than to read. So, where an experiment has a `guide`, the run's first part is that of the task
//! `contrastive` on the same pictures and sentences; from then on its weights rest. Both players hear its style and subject vectors of
//! a sentence beside the sentence's own, and the generator's pictures are measured by its picture encoder, as LAFITE's are by CLIP
//! (Zhou et al. 2022, arXiv:2111.13792): style against the words, subject and channel moments against the real picture.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use idiom_gan::losses::contrastive::grouped_info_nce;
use idiom_gan::text_head::Hearing;
use idiom_gan::{Encoded, TextHead, TextHeadConfig};
use idiom_model::TextEncoderInfo;
use idiom_spec::experiment::{self as spec, Augment, Experiment, Fading};
use tch::nn::VarStore;
use tch::{Kind, Tensor};

use crate::arithmetic::Arithmetic;
use crate::bank::Rivals;
use crate::captions::TextTable;
use crate::checkpoint::TensorSets;
use crate::contrastive::learner::Learner;
use crate::contrastive::samples::{Batch, Paired};
use crate::contrastive::step::Stepper;
use crate::gradients::{Fault, mean};
use crate::meters::Means;
use crate::ranks::Ranks;
use crate::task::Moment;
use crate::{TrainError, schedule};

use super::study::Study;

/// The names of the heads' weights.
pub(super) const STYLE_HEAD: &str = "style_head";
pub(super) const SUBJECT_HEAD: &str = "subject_head";

/// Longest shift of a picture while the guide learns, as a share of the side.
const SHIFT: f64 = 0.0625;

/// The guide in a run.
pub(crate) struct Guide {
    stepper: Stepper,
    ranks: Ranks,
    experiment: Experiment,
    said: spec::Guide,
    rivals: Rivals,
    lessons: Arc<Paired>,
}

/// What a guide sees in drawn pictures and in the real ones beside them.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) drawn: Encoded,
    pub(super) real: Encoded,
}

/// What a part of a batch shows, by number: `[n]` each.
#[derive(Debug)]
pub(super) struct Shown {
    /// The subject of each picture.
    pub(super) subjects: Tensor,
    /// The look that its caption speaks of, or -1.
    pub(super) said_looks: Tensor,
    /// The look that it has, or -1 where the data has no looks.
    pub(super) looks: Tensor,
}

impl Guide {
    /// A guide with fresh weights, where the experiment has one, that learns from `lessons`.
    ///
    /// # Errors
    /// Settings that do not meet, or no memory on the device.
    pub(super) fn new(
        experiment: &Experiment,
        lessons: Option<Arc<Paired>>,
        encoder: TextEncoderInfo,
        table: &TextTable,
        (ranks, arithmetic): (&Ranks, Arithmetic),
    ) -> Result<Option<Self>, TrainError> {
        let (Some(said), Some(lessons)) = (experiment.guide.clone(), lessons) else {
            return Ok(None);
        };
        let roster = lessons.roster();
        let mut own = experiment.clone();
        own.captions.noise = said.text_noise;
        own.contrastive.cooldown_images = said.images;
        own.augment = Augment {
            translation: SHIFT,
            cutout: 0.0,
            colour: 0.0,
            adaptive: None,
        };
        let rivals = Rivals::new(lessons.pictures(), &roster.shown(), said.rivals);
        let looks = roster.looks().to_vec();
        let learner = Learner::new(&own, looks, encoder, table.device())?;
        Ok(Some(Self {
            stepper: Stepper::new(&own, learner, table.shared(), (ranks, arithmetic))?,
            ranks: ranks.clone(),
            experiment: own,
            said,
            rivals,
            lessons,
        }))
    }

    /// Pictures it learns from before anybody plays.
    pub(super) fn images(&self) -> u64 {
        self.said.images
    }

    /// Learns from one batch.
    pub(super) fn learn(
        &mut self,
        batch: &Batch,
        moment: Moment,
        means: &mut Means,
    ) -> Result<Option<Fault>, TrainError> {
        self.stepper.step(batch, moment, means)
    }

    /// Has it look at the training pictures once more, now that its encoder rests; again costs nothing. Where the game `begins`, its heads then
    /// read more sentences and rest, too.
    pub(super) fn rest(&mut self, begins: bool) -> Result<(), TrainError> {
        let studies = begins && self.said.sentences > 0;
        if self.said.subject > 0.0 || studies {
            let encoder = &self.stepper.learner.networks.encoder;
            self.rivals.meet(encoder, self.stepper.device())?;
        }
        if let (true, Some(centres)) = (studies, self.rivals.centres()) {
            let study = Study {
                lessons: &self.lessons,
                centres: &centres,
                experiment: &self.experiment,
                n_sentences: self.said.sentences,
            };
            study.run(&self.stepper)?;
        }
        Ok(())
    }

    /// What both players hear of sentences ([`TextTable::vectors`]).
    pub(super) fn hear(&self, text: &Tensor) -> Result<Tensor, TrainError> {
        let heads: Vec<&TextHead> = self.heads().into_values().collect();
        Ok(tch::no_grad(|| self.hearing().of(text, &heads))?)
    }

    /// Entries of what they hear of sentence vectors of `text_dim` entries.
    pub(super) fn heard_dim(&self, text_dim: i64) -> i64 {
        let heads = self.heads();
        let dims = heads.values().map(|head| head.config().out_dim);
        self.hearing().dim(text_dim, dims)
    }

    /// Whether they hear the sentences themselves.
    pub(super) fn hearing(&self) -> Hearing {
        match self.said.hearing {
            spec::Hearing::SentenceAndHeads => Hearing::SentenceAndHeads,
            spec::Hearing::Heads => Hearing::Heads,
        }
    }

    /// What it sees in `drawn [n, 3, side, side]`, through which gradients flow, and in the real pictures of the same captions.
    pub(super) fn look_at(&self, [drawn, real]: [&Tensor; 2]) -> Result<Seen, TrainError> {
        Ok(Seen {
            drawn: self.stepper.look_at(drawn)?,
            real: tch::no_grad(|| self.stepper.look_at(real))?,
        })
    }

    /// What it adds to the generator's loss for what it has `seen` of pictures whose sentence vectors are `text`, after `images_seen` of the game.
    pub(super) fn loss(
        &self,
        seen: &Seen,
        text: &Tensor,
        shown: &Shown,
        images_seen: u64,
        means: &mut Means,
    ) -> Result<Tensor, TrainError> {
        let networks = &self.stepper.learner.networks;
        let shape = &self.experiment.contrastive;
        let (seen, wanted) = (&seen.drawn, &seen.real);
        let mut loss = (seen.moments() - wanted.moments()).abs().mean(Kind::Float);
        means.add("guide/moments", mean(&loss));
        loss *= self.said.moments;
        let features = seen.distance(wanted).mean(Kind::Float);
        means.add("guide/features", mean(&features));
        loss += features * self.said.features;
        let subjects = [&seen.subject, &wanted.subject];
        let found = (self.rivals).loss(
            subjects,
            [&shown.subjects, &shown.looks],
            shape.subject_temperature,
        )?;
        if let Some(subject) = found {
            means.add("guide/subject", mean(&subject));
            loss += subject * self.said.subject;
        }
        let left = schedule::fade(self.said.fade, self.said.fade_images, images_seen);
        loss *= left;
        let of_batch = |own: &Tensor| self.ranks.of_batch(own);
        let looks = of_batch(&shown.said_looks)?;
        let known = looks.greater_equal(0).nonzero().squeeze_dim(1);
        if let (Some(head), true) = (&networks.style_head, known.size()[0] > 1) {
            let words = of_batch(&tch::no_grad(|| head.forward(text))?)?;
            let style = grouped_info_nce(
                &of_batch(&seen.style)?.index_select(0, &known),
                &words.index_select(0, &known),
                &looks.index_select(0, &known),
                shape.style_temperature,
            )?;
            means.add("guide/style", mean(&style));
            let left = match self.said.fading {
                Fading::All => left,
                Fading::Pictures => 1.0,
            };
            loss += self.ranks.of_whole(&style) * (self.said.style * left);
        }
        Ok(loss)
    }

    /// Weight of the discriminator over its maps.
    pub(super) fn projected(&self) -> f64 {
        self.said.projected
    }

    /// All tensors that must be saved.
    pub(super) fn tensors(&self) -> TensorSets {
        self.stepper.learner.tensors()
    }

    /// Takes over what was saved.
    pub(super) fn restore(&mut self, saved: &TensorSets, folder: &Path) -> Result<(), TrainError> {
        self.stepper.learner.restore(saved, folder)
    }

    /// What its heads are built from, by name.
    pub(super) fn head_configs(&self) -> BTreeMap<String, TextHeadConfig> {
        let heads = self.heads().into_iter();
        heads
            .map(|(name, head)| (name.to_owned(), head.config().clone()))
            .collect()
    }

    /// Its weights, the heads' under their names.
    pub(super) fn store(&self) -> &VarStore {
        &self.stepper.learner.store
    }

    fn heads(&self) -> BTreeMap<&'static str, &TextHead> {
        let networks = &self.stepper.learner.networks;
        let heads = [
            (STYLE_HEAD, &networks.style_head),
            (SUBJECT_HEAD, &networks.subject_head),
        ];
        heads
            .into_iter()
            .filter_map(|(name, head)| Some((name, head.as_ref()?)))
            .collect()
    }
}
