//! The task `text_to_image`: pictures from a latent vector and the vector of a sentence.
//!
//! One relativistic (or other) game of two networks; the generator's running average draws the sheets and becomes the model.

mod figures;
mod guide;
mod names;
mod players;
mod samples;
mod sheet;
mod step;
mod study;
mod warm;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use idiom_dataset::order::SampleOrder;
use idiom_gan::text_head::Hearing;
use idiom_model::{ModelConfig, TextEncoderInfo};
use idiom_spec::experiment::Experiment;
use tch::Tensor;

use crate::TrainError;
use crate::captions::{CaptionIndex, TextTableBuilder};
use crate::check::picture_encoder;
use crate::checkpoint::TensorSets;
use crate::contrastive::learner;
use crate::contrastive::roster::Roster;
use crate::contrastive::samples::{Dealt, Paired};
use crate::gradients::Fault;
use crate::meters::Means;
use crate::request::{Source, TrainRequest};
use crate::run_folder::RunFolder;
use crate::task::{Moment, Task};

use guide::Guide;
use players::Players;
use samples::{Batch, Captioned, Guided, said};
use sheet::{Sheet, plan};
use step::{Stepper, Words};

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
        // Without a guide nobody has learnt to read parts.
        let n_parts = (experiment.guide.as_ref()).map_or(0, |_| experiment.contrastive.text_parts);
        let mut builder = TextTableBuilder::new(embeddings, n_parts);
        let captions = CaptionIndex::read(dataset, &mut builder, &experiment.captions, seed)?;
        let roster = experiment.guide.as_ref();
        let roster = roster.map(|_| Roster::read(dataset)).transpose()?;
        let phrases = match &roster {
            Some(roster) if roster.has_looks() => {
                roster.phrases(dataset, &mut builder, &experiment.captions)?
            }
            _ => Vec::new(),
        };
        let layout = plan(dataset, &mut builder, &experiment.samples)?;
        let table = builder.build(request.device)?;
        let pictures = Arc::new(source.pictures(experiment)?);
        let order = SampleOrder::new(seed, pictures.n_rows());
        let encoder = source.text_encoder(&request.encoder);
        let dealt = Dealt {
            seed,
            batch_size: experiment.train.batch_size,
            share: source.ranks.share(&experiment.train)?,
        };
        let lessons = roster.map(|roster| {
            let words = said(phrases, &captions);
            Arc::new(Paired::new(Arc::clone(&pictures), roster, words, dealt))
        });
        let guide = Guide::new(
            experiment,
            lessons.clone(),
            encoder.clone(),
            &table,
            (&source.ranks, source.arithmetic),
        )?;
        let own_dim = embeddings.dim() as i64;
        let text_dim = (guide.as_ref()).map_or(own_dim, |guide| guide.heard_dim(own_dim));
        let guided = lessons.map(|lessons| Guided {
            lessons,
            images: experiment.guide.as_ref().map_or(0, |guide| guide.images),
        });
        let players = Players::new(experiment, text_dim, request.device)?;
        let latent_dim = experiment.generator.latent_dim;
        let sheet = Sheet::new(layout, &table, latent_dim, seed, source.font.clone())?;
        let task = Self {
            stepper: Stepper::new(experiment, players, Words { table, guide }, source)?,
            sheet,
            encoder,
        };
        let samples = Captioned {
            pictures,
            guided,
            captions,
            order,
            batch_size: dealt.batch_size,
            share: dealt.share,
        };
        Ok((task, Arc::new(samples)))
    }
}

/// Checks what an experiment says of the task.
///
/// # Errors
/// The first setting that cannot be had, or cannot be had together with another.
pub(crate) fn check(experiment: &Experiment) -> Result<(), TrainError> {
    // The length of a sentence's vector is known only with its encoder, and fits any network.
    let text_dim = 1;
    players::generator_config(experiment, text_dim).check()?;
    players::discriminator_config(experiment, text_dim).check()?;
    if experiment.guide.is_some() {
        picture_encoder(&learner::encoder_config(experiment), "contrastive")?;
    }
    players::projected(experiment, text_dim).config(experiment.resolution)?;
    names::objective_of(experiment).check()?;
    names::adaptive_of(experiment)?;
    names::check_fade(experiment)?;
    Ok(names::check_warm_start(experiment)?)
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
        let mut sets = self.stepper.players.tensors();
        sets.extend(self.stepper.guide.iter().flat_map(Guide::tensors));
        sets
    }

    fn restore(&mut self, saved: &TensorSets, folder: &Path) -> Result<(), TrainError> {
        if let Some(guide) = &mut self.stepper.guide {
            guide.restore(saved, folder)?;
        }
        self.stepper.players.restore(saved, folder)
    }

    fn ahead(&self, images_seen: u64) -> Option<String> {
        let said = self.stepper.experiment.guide.as_ref()?;
        let studies = images_seen == said.images && said.sentences > 0;
        let words = || {
            format!(
                "the guide's heads read {} sentences, without pictures",
                said.sentences
            )
        };
        studies.then(words)
    }

    fn dearest_from(&self) -> u64 {
        self.stepper.guide_images()
    }

    fn round(&self) -> u64 {
        self.stepper.experiment.objective.penalty.every.max(4)
    }

    fn draw_sheet(
        &self,
        images_seen: u64,
        folder: &RunFolder,
    ) -> Result<Option<PathBuf>, TrainError> {
        if images_seen <= self.stepper.guide_images() {
            return Ok(None);
        }
        let draw = |latents: &Tensor, texts: &Tensor| self.stepper.draw(latents, texts);
        self.sheet.write(&draw, images_seen, folder).map(Some)
    }

    fn keep_model(&self, folder: &Path, facts: &[(String, String)]) -> Result<(), TrainError> {
        let (players, guide) = (&self.stepper.players, self.stepper.guide.as_ref());
        let config = ModelConfig {
            generator: players.average.config().clone(),
            discriminator: None,
            text_encoder: self.encoder.clone(),
            words: guide.map_or_else(BTreeMap::new, Guide::head_configs),
            hearing: guide.map_or_else(Hearing::default, Guide::hearing),
            provenance: facts.iter().cloned().collect(),
        };
        let words = guide.map(Guide::store);
        idiom_model::save(folder, &config, players.average_store(), None, words)?;
        Ok(())
    }
}
