//! The task `contrastive`: vectors of pictures, of looks and of words in one space.
//!
//! A batch is half as many subjects as pictures, each shown twice, in two looks where the data has them; otherwise the two are one picture
//! differently shifted. What is brought together, and how hard, is the experiment's (`contrastive`): looks by name, looks by
//! phrases, two pictures of a subject, pictures and captions. The model is the judge of other runs, and the encoder a restyling
//! generator is measured by.

pub(crate) mod learner;
pub(crate) mod roster;
pub(crate) mod samples;
pub(crate) mod step;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use idiom_dataset::Split;
use idiom_evaluate::gallery::Gallery;
use idiom_evaluate::judge;

use crate::TrainError;
use crate::captions::{CaptionIndex, TextTableBuilder};
use crate::checkpoint::TensorSets;
use crate::gradients::Fault;
use crate::meters::Means;
use crate::request::{Source, TrainRequest};
use crate::run_folder::RunFolder;
use crate::task::{Moment, Task};

use learner::Learner;
use roster::Roster;
use samples::{Batch, Dealt, Paired, Said};
use step::Stepper;

/// Validation pictures that the measures are taken on, at most.
const MEASURED: usize = 1024;

/// The task with its networks.
pub(crate) struct Contrastive {
    stepper: Stepper,
    /// `None` where the data set has no validation pictures.
    measured: Option<Gallery>,
}

impl Contrastive {
    /// Reads subjects, looks and words, and builds the networks with fresh weights.
    ///
    /// # Errors
    /// The data set or its vectors cannot be read, or settings do not fit.
    pub(crate) fn new(
        request: &TrainRequest,
        source: &Source,
    ) -> Result<(Self, Arc<Paired>), TrainError> {
        let (experiment, dataset) = (&request.experiment, &source.dataset);
        let said = &experiment.contrastive;
        let roster = Roster::read(dataset)?;
        let mut builder =
            TextTableBuilder::new(&source.embeddings, experiment.contrastive.text_parts);
        let phrases = if said.style_words > 0.0 && roster.has_looks() {
            roster.phrases(dataset, &mut builder, &experiment.captions)?
        } else {
            Vec::new()
        };
        let captions = (said.subject_words > 0.0)
            .then(|| {
                // The look stands in composed sentences; a subject's words must not give it away.
                let mut options = experiment.captions.clone();
                options.composed_share = 0.0;
                CaptionIndex::read(dataset, &mut builder, &options, experiment.train.seed)
            })
            .transpose()?;
        let table = builder.build(request.device)?;
        let learner = Learner::new(
            experiment,
            roster.looks().to_vec(),
            source.text_encoder(&request.encoder),
            request.device,
        )?;
        let side = experiment.resolution as u32;
        let pictures = source.pictures(experiment)?;
        let measured = if dataset.rows(Split::Validation) > 0 {
            Some(Gallery::read(dataset, Split::Validation, side, MEASURED)?)
        } else {
            None
        };
        let task = Self {
            stepper: Stepper::new(
                experiment,
                learner,
                table,
                (&source.ranks, source.arithmetic),
            )?,
            measured,
        };
        let words = Said {
            phrases,
            sentences: None,
            captions,
        };
        let dealt = Dealt {
            seed: experiment.train.seed,
            batch_size: experiment.train.batch_size,
            share: source.ranks.share(&experiment.train)?,
        };
        let samples = Paired::new(Arc::new(pictures), roster, words, dealt);
        Ok((task, Arc::new(samples)))
    }
}

impl Task for Contrastive {
    type Samples = Paired;

    fn step(
        &mut self,
        batch: &Batch,
        moment: Moment,
        means: &mut Means,
    ) -> Result<Option<Fault>, TrainError> {
        self.stepper.step(batch, moment, means)
    }

    fn tensors(&self) -> TensorSets {
        self.stepper.learner.tensors()
    }

    fn restore(&mut self, saved: &TensorSets, folder: &Path) -> Result<(), TrainError> {
        self.stepper.learner.restore(saved, folder)
    }

    fn draw_sheet(&self, _: u64, _: &RunFolder) -> Result<Option<PathBuf>, TrainError> {
        Ok(None)
    }

    /// On validation pictures: how many looks are told right, and how many subjects are found in another look.
    fn measures(&self) -> Result<Vec<(&'static str, f64)>, TrainError> {
        let Some(gallery) = &self.measured else {
            return Ok(Vec::new());
        };
        let learner = &self.stepper.learner;
        let vectors = judge::vectors(&learner.networks, &gallery.pixels, self.stepper.device())?;
        let mut measures = Vec::new();
        if let Some(anchors) = &learner.networks.anchors {
            let looks = gallery.looks(&learner.config.looks);
            let directions = tch::no_grad(|| anchors.directions());
            let right = judge::looks_right(&vectors.style, &directions, &looks)?;
            measures.extend(judge::share(&right).map(|share| ("validation/look_accuracy", share)));
        }
        let found = judge::found_across_looks(&vectors.subject, gallery)?;
        measures.extend(judge::share(&found).map(|share| ("validation/retrieval_at_1", share)));
        Ok(measures)
    }

    fn keep_model(&self, folder: &Path, facts: &[(String, String)]) -> Result<(), TrainError> {
        self.stepper.learner.keep_model(folder, facts)
    }
}
