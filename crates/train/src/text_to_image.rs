//! The task `text_to_image`: pictures from a latent vector and the vector of a sentence.
//!
//! One relativistic (or other) game of two networks; the generator's running average draws the sheets and becomes the model.

mod names;
mod players;
mod samples;
mod sheet;
mod step;
mod warm;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use idiom_dataset::order::SampleOrder;
use idiom_model::{ModelConfig, TextEncoderInfo};

use crate::TrainError;
use crate::captions::{CaptionIndex, TextTableBuilder};
use crate::checkpoint::TensorSets;
use crate::gradients::Fault;
use crate::meters::Means;
use crate::pictures::Pictures;
use crate::request::{Source, TrainRequest};
use crate::run_folder::RunFolder;
use crate::task::{Moment, Task};

use players::Players;
use samples::{Batch, Captioned};
use sheet::{Sheet, plan};
use step::Stepper;

/// The task with its networks.
pub(crate) struct TextToImage {
    stepper: Stepper,
    sheet: Sheet,
    encoder: TextEncoderInfo,
}

impl TextToImage {
    /// Reads the captions, builds the networks with fresh weights, and fixes what the sheets show.
    ///
    /// # Errors
    /// The data set or its vectors cannot be read, or settings do not fit.
    pub(crate) fn new(
        request: &TrainRequest,
        source: &Source,
    ) -> Result<(Self, Arc<Captioned>), TrainError> {
        let experiment = &request.experiment;
        let (dataset, embeddings) = (&source.dataset, &source.embeddings);
        let seed = experiment.train.seed;
        let mut builder = TextTableBuilder::new(embeddings);
        let captions = CaptionIndex::read(dataset, &mut builder, &experiment.captions, seed)?;
        let layout = plan(dataset, &mut builder, &experiment.samples)?;
        let table = builder.build(request.device)?;
        let pictures = Pictures::open(
            dataset,
            experiment.resolution as u32,
            experiment.loader.cache_mb << 20,
        )?;
        let order = SampleOrder::new(seed, pictures.n_rows());
        let text_dim = embeddings.dim() as i64;
        let players = Players::new(experiment, text_dim, request.device)?;
        let latent_dim = experiment.generator.latent_dim;
        let sheet = Sheet::new(layout, &table, latent_dim, seed, source.font.clone())?;
        let task = Self {
            stepper: Stepper::new(experiment, players, table, source.ranks.clone())?,
            sheet,
            encoder: source.text_encoder(&request.encoder),
        };
        let batch_size = experiment.train.batch_size;
        let samples = Captioned {
            pictures,
            captions,
            order,
            batch_size,
            share: source.ranks.share(&experiment.train)?,
        };
        Ok((task, Arc::new(samples)))
    }
}

impl Task for TextToImage {
    type Samples = Captioned;

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

    fn draw_sheet(
        &self,
        images_seen: u64,
        folder: &RunFolder,
    ) -> Result<Option<PathBuf>, TrainError> {
        let average = &self.stepper.players.average;
        self.sheet.write(average, images_seen, folder).map(Some)
    }

    fn keep_model(&self, folder: &Path, facts: &[(String, String)]) -> Result<(), TrainError> {
        let players = &self.stepper.players;
        let config = ModelConfig {
            generator: players.average.config().clone(),
            discriminator: None,
            text_encoder: self.encoder.clone(),
            provenance: facts.iter().cloned().collect(),
        };
        idiom_model::save(folder, &config, players.average_store(), None)?;
        Ok(())
    }
}
