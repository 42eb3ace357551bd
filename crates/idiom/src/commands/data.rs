//! `idiom ingest` and `idiom embed`: from pictures and words to shards and vectors.

use super::Session;
use crate::arguments::{Embed, Ingest};
use crate::failure::Failure;
use idiom_dataset::Dataset;
use idiom_dataset::embeddings::Embeddings;
use idiom_embed::EmbedOptions;
use idiom_ingest::{IngestError, IngestRequest};
use idiom_spec::pipeline::Pipeline;
use std::path::{Path, PathBuf};
use tch::Device;

impl Session {
    pub(super) fn ingest(&self, arguments: &Ingest) -> Result<String, Failure> {
        let file = self.home.file(&arguments.pipeline, "pipelines")?;
        let folder = self.ingest_file(&file, &arguments.overrides, arguments.threads)?;
        Ok(format!("data set: {}", folder.display()))
    }

    /// Runs the pipeline in `file`, unless its output is current, and gives the data set's folder.
    pub(super) fn ingest_file(
        &self,
        file: &Path,
        overrides: &[String],
        threads: Option<usize>,
    ) -> Result<PathBuf, Failure> {
        let pipeline = idiom_spec::load::<Pipeline>(file, overrides)?.value;
        let out = self.home.datasets().join(&pipeline.name);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let request = IngestRequest {
            pipeline,
            pipeline_path: file.to_path_buf(),
            out: out.clone(),
            cache: self.home.packages(),
            threads: threads.unwrap_or(cores),
        };
        let summary = idiom_ingest::ingest(&request, &|event| self.show_ingest(event), &self.stop);
        self.screen.finished();
        match summary {
            Ok(summary) => self.screen.say(&summary.to_string()),
            Err(IngestError::Interrupted { .. }) => {
                return Err(Failure::Interrupted {
                    go_on: "the same command goes on where this one stopped".into(),
                });
            }
            Err(error) => return Err(error.into()),
        }
        Ok(out)
    }

    fn show_ingest(&self, event: idiom_ingest::Event) {
        use idiom_ingest::Event;
        match event {
            Event::Started { stage, total } => self.screen.started(stage, total, 0),
            Event::Advanced(n) => self.screen.advanced(n),
            Event::Message(text) => self.screen.say(&text),
        }
    }

    pub(super) fn embed(&self, arguments: &Embed) -> Result<String, Failure> {
        let folder = self.home.dataset(&arguments.dataset);
        self.embed_dataset(&folder, &arguments.encoder)?;
        Ok(String::new())
    }

    /// Embeds what the data set in `folder` says, unless its vectors are current; gives the encoder's name.
    pub(super) fn embed_dataset(&self, folder: &Path, encoder: &str) -> Result<String, Failure> {
        let encoder = idiom_encoders::load(encoder, &self.home.locations(), Device::Cpu)?;
        let show = |event| self.show_embed(event);
        let summary = idiom_embed::embed(
            folder,
            encoder.as_ref(),
            &EmbedOptions::default(),
            &show,
            &self.stop,
        );
        self.screen.finished();
        match summary {
            Ok(summary) => self.screen.say(&summary.to_string()),
            Err(idiom_embed::EmbedError::Interrupted { .. }) => {
                return Err(Failure::Interrupted {
                    go_on: "the same command goes on where this one stopped".into(),
                });
            }
            Err(error) => return Err(error.into()),
        }
        self.say_ceiling(folder, encoder.name())?;
        Ok(encoder.name().to_owned())
    }

    /// How well the phrases' vectors alone tell the looks apart: no generator can follow words better than that.
    fn say_ceiling(&self, folder: &Path, encoder: &str) -> Result<(), Failure> {
        let accuracies =
            idiom_embed::probe(&Dataset::open(folder)?, &Embeddings::open(folder, encoder)?)?;
        if accuracies.is_empty() {
            return Ok(());
        }
        let share = |a: &idiom_encoders::probe::Accuracy| {
            format!("{} {:.3} (of {})", a.group, a.share(), a.n)
        };
        let shares: Vec<String> = accuracies.iter().map(share).collect();
        self.screen.say(&format!(
            "a linear probe tells the look of held-out phrases: {}",
            shares.join(", ")
        ));
        Ok(())
    }

    fn show_embed(&self, event: idiom_embed::Event) {
        use idiom_embed::Event;
        match event {
            Event::Started { stage, total } => self.screen.started(stage, total, 0),
            Event::Advanced(n) => self.screen.advanced(n),
            Event::Message(text) => self.screen.say(&text),
        }
    }
}
