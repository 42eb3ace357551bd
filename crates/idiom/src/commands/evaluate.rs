//! `idiom evaluate`: what a trained run is worth, as a table, a page beside the run, and figures on the tracking server.

use super::Session;
use crate::arguments::Evaluate;
use crate::failure::Failure;
use crate::tracker::Tracker;
use idiom_dataset::Dataset;
use idiom_dataset::embeddings::Embeddings;
use idiom_encoders::{MOBILENET_V2, MobileNet};
use idiom_evaluate::panel::Panel;
use idiom_evaluate::report::{PAGE, RESULTS, Report};
use idiom_evaluate::{contrastive, independence, restyle, text_to_image};
use idiom_spec::experiment::{Experiment as Spec, Task, Trunk};
use idiom_tracking::RunSpec;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tch::Device;

/// How long the server may take the results.
const DRAIN: Duration = Duration::from_secs(30);

/// A run with what it was trained on.
struct Trained {
    name: String,
    folder: PathBuf,
    spec: Spec,
    dataset: Dataset,
    embeddings: Embeddings,
    results: PathBuf,
}

impl Session {
    pub(super) fn evaluate(&self, arguments: &Evaluate) -> Result<String, Failure> {
        let run = self.trained(&arguments.run)?;
        let device = Device::cuda_if_available();
        idiom_torch_ext::set_n_threads(arguments.threads.unwrap_or_else(cores))?;
        idiom_torch_ext::keep_freed_memory()?;
        let on = |what: &str| self.screen.say(what);
        let report = match run.spec.task {
            Task::TextToImage => {
                let judge = self.judge(&arguments.judge, &run, device)?;
                self.text_to_image(&run, judge.as_ref(), arguments, device)?
            }
            Task::Restyle => {
                let judge = self.judge(&arguments.judge, &run, device)?;
                self.restyled(&run, judge, arguments, device)?
            }
            Task::Contrastive if !arguments.judge.is_empty() => {
                return Err(Failure::new(
                    format!(
                        "{}: `--judge` is of no use, since it draws nothing",
                        run.name
                    ),
                    "leave it out: a contrastive run is measured on real pictures",
                ));
            }
            Task::Contrastive => contrastive::evaluate(&contrastive::Request {
                run: run.name.clone(),
                model: &idiom_model::load_contrastive(&run.folder.join("model"), device)?,
                dataset: &run.dataset,
                embeddings: &run.embeddings,
                device,
                seed: arguments.seed,
                folder: &run.results,
                on: &on,
            })?,
        };
        self.screen.finished();
        let delivered = self.log_results(&run, &report)?;
        Ok(format!(
            "{}{delivered}\n  page      {}\n  figures   {}",
            report.table(),
            run.results.join(PAGE).display(),
            run.results.join(RESULTS).display()
        ))
    }

    fn trained(&self, name: &str) -> Result<Trained, Failure> {
        let folder = self.home.run(name)?;
        let spec = idiom_spec::load::<Spec>(&folder.join("experiment.yaml"), &[])?.value;
        let data = self.home.dataset(&spec.dataset);
        let encoder = idiom_encoders::load(&spec.encoder, &self.home.locations(), Device::Cpu)?;
        Ok(Trained {
            name: name_of(&folder),
            dataset: Dataset::open(&data)?,
            embeddings: Embeddings::open(&data, encoder.name())?,
            results: folder.join("results"),
            folder,
            spec,
        })
    }

    fn text_to_image(
        &self,
        run: &Trained,
        judge: Option<&Panel>,
        arguments: &Evaluate,
        device: Device,
    ) -> Result<Report, Failure> {
        let weights = self.home.locations().folder.join(MOBILENET_V2);
        let font = self.home.font().and_then(|font| std::fs::read(font).ok());
        let on = |what: &str| self.screen.say(what);
        Ok(text_to_image::evaluate(&text_to_image::Request {
            run: run.name.clone(),
            model: &idiom_model::load(&run.folder.join("model"), device)?,
            dataset: &run.dataset,
            embeddings: &run.embeddings,
            judge,
            features: &MobileNet::read(&weights, device)?,
            features_took_part: run.spec.discriminator.trunk == Trunk::MobilenetV2
                || run.spec.objective.perceptual_weight > 0.0,
            device,
            n_sentences: arguments.sentences,
            n_training: arguments.training.unwrap_or(usize::MAX),
            seed: arguments.seed,
            font: &font.unwrap_or_default(),
            folder: &run.results,
            on: &on,
        })?)
    }

    fn restyled(
        &self,
        run: &Trained,
        judge: Option<Panel>,
        arguments: &Evaluate,
        device: Device,
    ) -> Result<Report, Failure> {
        let Some(judge) = judge else {
            return Err(Failure::new(
                format!("{}: nobody can judge its pictures", run.name),
                "train a judge: `just experiment judge.yaml`",
            ));
        };
        let weights = self.home.locations().folder.join(MOBILENET_V2);
        Ok(restyle::evaluate(&restyle::Request {
            run: run.name.clone(),
            model: &idiom_model::restyle::load(&run.folder.join("model"), device)?,
            dataset: &run.dataset,
            embeddings: &run.embeddings,
            judge: &judge,
            features: &MobileNet::read(&weights, device)?,
            device,
            combinations: restyle::Combinations {
                held_out: run.spec.restyle.hold_out,
            },
            seed: arguments.seed,
            folder: &run.results,
            on: &|what: &str| self.screen.say(what),
        })?)
    }

    /// The judges that were named, else the newest contrastive run that knows looks and had no part in this one.
    fn judge(
        &self,
        named: &[String],
        run: &Trained,
        device: Device,
    ) -> Result<Option<Panel>, Failure> {
        let load = |folder: &Path| idiom_model::load_contrastive(&folder.join("model"), device);
        let mut judges = Vec::new();
        for name in named {
            let folder = self.home.run(name)?;
            let judge = load(&folder)?;
            independence::check_independent(&run.folder, &judge.sha256, &name_of(&folder))?;
            judges.push(judge);
        }
        if !judges.is_empty() {
            return Ok(Some(Panel::new(judges)?));
        }
        let entries = std::fs::read_dir(self.home.runs())
            .into_iter()
            .flatten()
            .flatten();
        let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        // Newest first: by when their model was written.
        folders.sort_by_key(|folder| {
            let written = std::fs::metadata(folder.join("model/config.json"));
            std::cmp::Reverse(written.and_then(|m| m.modified()).ok())
        });
        for folder in folders {
            let Ok(judge) = load(&folder) else { continue };
            let name = name_of(&folder);
            let is_apart =
                independence::check_independent(&run.folder, &judge.sha256, &name).is_ok();
            if judge.networks.anchors.is_some() && is_apart {
                self.screen.say(&format!("judge: {name}"));
                return Ok(Some(Panel::new(vec![judge])?));
            }
        }
        self.screen.say(
            "no judge: looks and subjects are left out (`just experiment judge.yaml` trains one)",
        );
        Ok(None)
    }

    /// Adds the figures and the page to the run on the tracking server.
    fn log_results(&self, run: &Trained, report: &Report) -> Result<String, Failure> {
        let tracker = Tracker::find(&self.home)?;
        let spec = RunSpec {
            experiment: run.spec.tracking.experiment.clone(),
            run_name: run.name.clone(),
            tags: Vec::new(),
            params: Vec::new(),
        };
        let spool = run.folder.join("spool");
        let client = idiom_tracking::Run::add_to(&spool, tracker.config.clone(), &spec)?;
        let step = run.spec.train.images as i64;
        for figure in &report.figures {
            client.log_metric(&figure.key, figure.value, step);
            if let Some(beside) = &figure.reference {
                client.log_metric(&format!("{}_beside", figure.key), beside.value, step);
            }
        }
        client.log_artifact(&run.results, "results");
        let ledger = client.leave(DRAIN);
        Ok(ledger.to_string())
    }
}

fn name_of(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
