//! `idiom ingest` and `idiom embed`: from pictures and words to shards and vectors.

use super::Session;
use crate::arguments::{Embed, Ingest, Part};
use crate::failure::Failure;
use idiom_dataset::Dataset;
use idiom_dataset::embeddings::Embeddings;
use idiom_embed::{EmbedError, EmbedOptions};
use idiom_encoders::{MOBILENET_V2, USE_MULTILINGUAL};
use idiom_ingest::{IngestError, IngestRequest, Share};
use idiom_spec::pipeline::Pipeline;
use std::path::{Path, PathBuf};
use tch::Device;

impl Session {
    pub(super) fn ingest(&self, arguments: &Ingest) -> Result<String, Failure> {
        let file = self.home.file(&arguments.pipeline, "pipelines")?;
        let request = self.ingest_request(&file, &arguments.overrides, arguments.threads)?;
        let show = |event| self.show_ingest(event);
        let share = |rank, world| {
            let share = Share::new(rank, world)?;
            let done = idiom_ingest::ingest_share(&request, share, &show, &self.stop);
            Ok(self.ended(done)?.to_string())
        };
        let summary = match arguments.part() {
            Part::DryRun => {
                let preview = idiom_ingest::preview(&request, &show, &self.stop);
                return Ok(self.ended(preview)?.to_string().trim_end().to_owned());
            }
            Part::Rank(rank, world) => return share(rank, world),
            Part::Scheduled(world) => {
                let (rank, world) = self.scheduled(world)?;
                return share(rank, world);
            }
            Part::Whole => idiom_ingest::ingest(&request, &show, &self.stop),
            Part::Seal => idiom_ingest::seal(&request, &show, &self.stop),
            Part::Retry(code) => idiom_ingest::retry_rejects(&request, code, &show, &self.stop),
        };
        self.screen.say(&self.ended(summary)?.to_string());
        Ok(format!("data set: {}", request.out.display()))
    }

    /// Runs the pipeline in `file`, unless its output is current, and gives the data set's folder.
    pub(super) fn ingest_file(&self, file: &Path) -> Result<PathBuf, Failure> {
        let request = self.ingest_request(file, &[], None)?;
        let show = |event| self.show_ingest(event);
        let summary = self.ended(idiom_ingest::ingest(&request, &show, &self.stop))?;
        self.screen.say(&summary.to_string());
        Ok(request.out)
    }

    fn ingest_request(
        &self,
        file: &Path,
        overrides: &[String],
        threads: Option<usize>,
    ) -> Result<IngestRequest, Failure> {
        let pipeline = idiom_spec::load::<Pipeline>(file, overrides)?.value;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(IngestRequest {
            out: self.home.datasets().join(&pipeline.name),
            pipeline,
            pipeline_path: file.to_path_buf(),
            cache: self.home.packages(),
            threads: threads.unwrap_or(cores),
            hub: self.home.hub(),
        })
    }

    /// Which worker the scheduler says that this process is.
    fn scheduled(&self, world: Option<usize>) -> Result<(usize, usize), Failure> {
        let worker = self.home.environment.worker;
        let hint = "give `--rank R --world W`, or run it under a scheduler that sets RANK and WORLD_SIZE, \
                    SLURM_ARRAY_TASK_ID and _COUNT, or JOB_COMPLETION_INDEX (with `--world W`)";
        match (worker.rank, world.or(worker.world)) {
            (Some(rank), Some(world)) => Ok((rank, world)),
            (None, _) => Err(Failure::new("no scheduler says which worker this is", hint)),
            (_, None) => Err(Failure::new(
                "no scheduler says how many workers there are",
                hint,
            )),
        }
    }

    pub(super) fn ended<T>(&self, result: Result<T, IngestError>) -> Result<T, Failure> {
        self.screen.finished();
        result.map_err(|error| match error {
            IngestError::Interrupted { .. } => Failure::Interrupted {
                go_on: "the same command goes on where this one stopped".into(),
            },
            error => error.into(),
        })
    }

    pub(super) fn show_ingest(&self, event: idiom_ingest::Event) {
        use idiom_ingest::Event;
        match event {
            Event::Started { stage, total } => self.screen.started(stage, total, 0),
            Event::Advanced(n) => self.screen.advanced(n),
            Event::Message(text) => self.screen.say(&text),
        }
    }

    pub(super) fn embed(&self, arguments: &Embed) -> Result<String, Failure> {
        let folder = self.home.dataset(&arguments.dataset);
        let asked = arguments.encoder.as_deref();
        if arguments.images {
            self.embed_pictures(&folder, asked.unwrap_or(MOBILENET_V2))?;
        } else {
            self.embed_dataset(&folder, asked.unwrap_or(USE_MULTILINGUAL))?;
        }
        Ok(String::new())
    }

    fn embed_pictures(&self, folder: &Path, encoder: &str) -> Result<(), Failure> {
        let locations = self.home.locations();
        let encoder = idiom_encoders::load_for_pictures(encoder, &locations, Device::Cpu)?;
        let show = |event| self.show_embed(event);
        let summary = idiom_embed::embed_pictures(folder, encoder.as_ref(), &show, &self.stop);
        let summary = self.embedded(summary)?;
        self.screen.say(&summary.to_string());
        Ok(())
    }

    fn embedded<T>(&self, result: Result<T, EmbedError>) -> Result<T, Failure> {
        self.screen.finished();
        result.map_err(|error| match error {
            EmbedError::Interrupted { .. } => Failure::Interrupted {
                go_on: "the same command goes on where this one stopped".into(),
            },
            error => error.into(),
        })
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
        let summary = self.embedded(summary)?;
        self.screen.say(&summary.to_string());
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
