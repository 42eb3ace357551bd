//! The task `restyle`: a picture in another style, which words or another picture give.
//!
//! First a picture encoder and a text head learn one space of style vectors; then a generator redraws pictures from them
//! against a discriminator of patches and agreement. Both parts are one run, and one count of pictures.

mod looks;
mod model;
mod players;
mod probe;
mod samples;
mod sheet;
mod step;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use idiom_dataset::order::SampleOrder;
use idiom_gan::Draws;
use idiom_spec::experiment::Experiment;

use crate::TrainError;
use crate::bank::Rivals;
use crate::captions::TextTableBuilder;
use crate::checkpoint::TensorSets;
use crate::gradients::Fault;
use crate::meters::Means;
use crate::request::{Source, TrainRequest};
use crate::run_folder::RunFolder;
use crate::task::{Moment, Task};

use looks::Looks;
use model::Keeper;
use players::Players;
use probe::Probe;
use samples::{Batch, Restylings};
use sheet::Sheet;
use step::{Stepper, Words};

/// The task with its networks.
pub(crate) struct Restyle {
    stepper: Stepper,
    sheet: Sheet,
    encoder_images: u64,
    keeper: Keeper,
}

impl Restyle {
    /// Reads styles, subjects and words, builds the networks with fresh weights, and fixes what the sheets show.
    ///
    /// # Errors
    /// The data set or its vectors cannot be read, or settings do not fit.
    pub(crate) fn new(
        request: &TrainRequest,
        source: &Source,
    ) -> Result<(Self, Arc<Restylings>), TrainError> {
        let experiment = &request.experiment;
        let (dataset, said) = (&source.dataset, &experiment.restyle);
        let mut builder = TextTableBuilder::new(&source.embeddings, 0);
        let looks = Looks::read(dataset, &mut builder, experiment)?;
        let table = builder.build(request.device)?;
        let probe = Probe::new(&looks);
        let sheet = Sheet::new(dataset, &looks, experiment, source.font.clone())?;
        let text_dim = source.embeddings.dim() as i64;
        let players = Players::new(experiment, text_dim, request.device)?;
        let pictures = Arc::new(source.pictures(experiment)?);
        let keeper = Keeper::new(source, &request.encoder, experiment, &looks);
        let rivals = Rivals::new(Arc::clone(&pictures), &looks.shown(), said.rivals);
        let samples = Restylings {
            order: SampleOrder::new(experiment.train.seed, pictures.n_rows()),
            pictures,
            looks,
            draws: Draws::new(experiment.train.seed, "restyling"),
            batch_size: experiment.train.batch_size,
            encoder_images: said.encoder.images,
            n_phrases: said.encoder.phrases,
            own_share: said.own_share,
            reference_share: said.reference_share,
            pairs: said.pairs,
        };
        let task = Self {
            stepper: Stepper::new(
                experiment,
                players,
                Words { table, probe },
                rivals,
                (request.device, source.arithmetic),
            ),
            sheet,
            encoder_images: said.encoder.images,
            keeper,
        };
        Ok((task, Arc::new(samples)))
    }
}

/// Checks what an experiment says of the task.
///
/// # Errors
/// The first setting that cannot be had.
pub(crate) fn check(experiment: &Experiment) -> Result<(), TrainError> {
    players::check(experiment)
}

impl Task for Restyle {
    type Samples = Restylings;

    fn step(
        &mut self,
        batch: &Batch,
        moment: Moment,
        means: &mut Means,
    ) -> Result<Option<Fault>, TrainError> {
        self.stepper.step(batch, moment, means)
    }

    fn tensors(&self) -> TensorSets {
        self.stepper.players.tensors()
    }

    fn restore(&mut self, saved: &TensorSets, folder: &Path) -> Result<(), TrainError> {
        self.stepper.players.restore(saved, folder)
    }

    fn dearest_from(&self) -> u64 {
        self.encoder_images
    }

    fn round(&self) -> u64 {
        self.stepper.penalty_every().max(4)
    }

    fn draw_sheet(
        &self,
        images_seen: u64,
        folder: &RunFolder,
    ) -> Result<Option<PathBuf>, TrainError> {
        if images_seen <= self.encoder_images {
            return Ok(None);
        }
        let stepper = &self.stepper;
        let path =
            (self.sheet).write(&stepper.players, &stepper.words.table, images_seen, folder)?;
        Ok(Some(path))
    }

    fn keep_model(&self, folder: &Path, facts: &[(String, String)]) -> Result<(), TrainError> {
        (self.keeper).keep(&self.stepper, folder, facts)
    }
}
