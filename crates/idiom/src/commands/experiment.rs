//! `idiom experiment` and `idiom resume`: data, vectors, server, training, and where to look.

use super::Session;
use crate::arguments::{Experiment, Resume};
use crate::failure::Failure;
use crate::provenance;
use crate::tracker::Tracker;
use idiom_spec::experiment::Experiment as Spec;
use idiom_tracking::{RunSpec, RunStatus};
use idiom_train::{Outcome, TrainRequest, Tracked};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a finished run waits for the server to take the rest.
const DRAIN: Duration = Duration::from_secs(60);

impl Session {
    pub(super) fn experiment(&self, arguments: &Experiment) -> Result<String, Failure> {
        let file = self.home.file(&arguments.file, "experiments")?;
        let spec = idiom_spec::load::<Spec>(&file, &arguments.overrides)?.value;
        let resolved = yaml(&spec)?;
        if arguments.dry_run {
            return Ok(resolved);
        }
        let dataset = self.prepare(&spec)?;
        let name = format!("{}-{}", spec.name, jiff::Zoned::now().strftime("%Y%m%d-%H%M%S"));
        let run = self.home.runs().join(&name);
        self.train(Plan { spec, resolved, dataset, run, resume: false })
    }

    pub(super) fn resume(&self, arguments: &Resume) -> Result<String, Failure> {
        let run = self.home.run(&arguments.run)?;
        let file = run.join("experiment.yaml");
        let spec = idiom_spec::load::<Spec>(&file, &[])?.value;
        let resolved = yaml(&spec)?;
        let dataset = self.prepare(&spec)?;
        self.train(Plan { spec, resolved, dataset, run, resume: true })
    }

    /// The data set and its vectors, made where they are missing.
    fn prepare(&self, spec: &Spec) -> Result<PathBuf, Failure> {
        let folder = self.home.dataset(&spec.dataset);
        let pipeline = self.home.root().join("pipelines").join(format!("{}.yaml", spec.dataset));
        let folder = if pipeline.is_file() { self.ingest_file(&pipeline, &[], None)? } else { folder };
        self.embed_dataset(&folder, &spec.encoder)?;
        Ok(folder)
    }

    fn train(&self, plan: Plan) -> Result<String, Failure> {
        let tracker = Tracker::find(&self.home)?;
        self.screen.say(&tracker.described);
        let name = plan.name();
        let request = self.request(&plan);
        let spec = RunSpec {
            experiment: plan.spec.tracking.experiment.clone(),
            run_name: name.clone(),
            tags: request.provenance.clone(),
            params: Vec::new(),
        };
        let run = idiom_tracking::Run::start(&plan.run.join("spool"), tracker.config.clone(), &spec)?;
        let sink = Tracked::new(run);
        let outcome = idiom_train::train(&request, &sink, &|event| self.show_training(event), &self.stop);
        self.screen.finished();
        let status = match &outcome {
            Ok(Outcome::Finished { .. }) => RunStatus::Finished,
            Ok(Outcome::Interrupted { .. }) => RunStatus::Killed,
            Err(_) => RunStatus::Failed,
        };
        let ledger = sink.finish(status, DRAIN);
        self.screen.say(&format!("logged: {ledger}"));
        match outcome? {
            Outcome::Finished { .. } => Ok(where_to_look(&plan.run, &name)),
            Outcome::Interrupted { .. } => Err(Failure::Interrupted { go_on: format!("`just resume {name}` goes on") }),
        }
    }

    fn request(&self, plan: &Plan) -> TrainRequest {
        TrainRequest {
            experiment: plan.spec.clone(),
            resolved_yaml: plan.resolved.clone(),
            dataset: plan.dataset.clone(),
            run: plan.run.clone(),
            resume: plan.resume,
            font: self.home.font(),
            provenance: provenance::provenance(self.home.root()),
            uncommitted: provenance::uncommitted(self.home.root()),
        }
    }

    fn show_training(&self, event: idiom_train::Event) {
        use idiom_train::Event;
        match event {
            Event::Started { stage, total, done } => self.screen.started(stage, total, done),
            Event::Advanced(n) => self.screen.advanced(n),
            Event::Message(text) => self.screen.say(&text),
            Event::Sheet(file) => self.screen.say(&format!("samples: {}", file.display())),
            Event::Saved { folder, .. } => tracing::info!("saved {}", folder.display()),
        }
    }
}

/// What will be trained, where.
struct Plan {
    spec: Spec,
    resolved: String,
    dataset: PathBuf,
    run: PathBuf,
    resume: bool,
}

impl Plan {
    fn name(&self) -> String {
        self.run.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

fn yaml(spec: &Spec) -> Result<String, Failure> {
    serde_yaml::to_string(spec).map_err(|e| Failure::new(format!("cannot write the configuration: {e}"), "report this"))
}

fn where_to_look(run: &Path, name: &str) -> String {
    format!(
        "done: {name}\n  pictures  {samples}\n  model     {model}\n  compare   just ui   (or ./justw ui), then open http://127.0.0.1:5151",
        samples = run.join("samples").display(),
        model = run.join("model").display(),
    )
}
