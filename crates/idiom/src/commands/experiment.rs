//! `idiom experiment` and `idiom resume`: data, vectors, server, training, and where to look.

use super::Session;
use super::sweep::Typed;
use crate::arguments::{Experiment, Resume};
use crate::failure::Failure;
use crate::figures::Figures;
use crate::provenance;
use crate::tracker::Tracker;
use idiom_dataset::DatasetError;
use idiom_dataset::lock::FolderLock;
use idiom_encoders::MOBILENET_V2;
use idiom_spec::experiment::Experiment as Spec;
use idiom_tracking::{Ledger, RunSpec, RunStatus};
use idiom_train::{NoSink, Outcome, Summary, TrainRequest};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tch::Device;

/// How often it is looked whether data that another process writes are free.
const PATIENCE: Duration = Duration::from_millis(200);
/// How long a finished run waits for the server to take the rest.
const DRAIN: Duration = Duration::from_secs(30);

impl Session {
    pub(super) fn experiment(&self, arguments: &Experiment) -> Result<String, Failure> {
        let typed = Typed {
            file: self.home.file(&arguments.file, "experiments")?,
            overrides: arguments.overrides.clone(),
        };
        let spec = typed.load(&[])?;
        if arguments.dry_run {
            return self.dry_run(spec);
        }
        if spec.sweep.is_some() || !spec.stages.is_empty() {
            if self.home.rendezvous()?.is_some() {
                return Err(Failure::new(
                    format!(
                        "{}: several processes train one run at a time, but this file asks for several runs",
                        typed.file.display()
                    ),
                    "start one process for the whole, or each member and stage by itself: `sweep=null stages=null`",
                ));
            }
            return self.sweep(&typed, &spec);
        }
        let name = self.new_name(&spec.name);
        self.prepare_and_train(spec, name, Begin::Anew)
    }

    pub(super) fn resume(&self, arguments: &Resume) -> Result<String, Failure> {
        let run = self.home.run(&arguments.run)?;
        let spec = idiom_spec::load::<Spec>(&run.join("experiment.yaml"), &[])?.value;
        let name = run
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        self.prepare_and_train(spec, name, Begin::Resume)
    }

    pub(super) fn prepare_and_train(
        &self,
        spec: Spec,
        name: String,
        begin: Begin,
    ) -> Result<String, Failure> {
        idiom_train::check(&spec)?;
        let resolved = yaml(&spec)?;
        let (dataset, encoder) = if self.home.is_first_rank() {
            self.prepare(&spec)?
        } else {
            // The first process prepares them before it lets the others begin.
            let locations = self.home.locations();
            let encoder = idiom_encoders::load(&spec.encoder, &locations, Device::Cpu)?;
            (self.home.dataset(&spec.dataset), encoder.name().to_owned())
        };
        self.train(&Plan {
            spec,
            resolved,
            dataset,
            encoder,
            name,
            begin,
        })
    }

    /// A name that no run has yet.
    pub(super) fn new_name(&self, experiment: &str) -> String {
        let name = format!(
            "{experiment}-{}",
            jiff::Zoned::now().strftime("%Y%m%d-%H%M%S")
        );
        let free = |name: &String| !self.home.runs().join(name).exists();
        let numbered = (2..).map(|n| format!("{name}-{n}"));
        std::iter::once(name.clone())
            .chain(numbered)
            .find(free)
            .unwrap_or(name)
    }

    /// The data set's folder and the encoder's name, both made ready.
    pub(super) fn prepare(&self, spec: &Spec) -> Result<(PathBuf, String), Failure> {
        let dataset = self.patiently(|| self.prepare_data(spec))?;
        let encoder = self.patiently(|| self.embed_dataset(&dataset, &spec.encoder))?;
        Ok((dataset, encoder))
    }

    /// Does `work` once nobody else writes there: experiments that start together share what the first one makes.
    fn patiently<T>(&self, work: impl Fn() -> Result<T, Failure>) -> Result<T, Failure> {
        loop {
            match work() {
                Err(Failure::Busy {
                    folder, message, ..
                }) => {
                    self.screen
                        .say(&format!("{message}; waiting for it to end"));
                    self.wait_until_free(&folder)?;
                }
                ended => return ended,
            }
        }
    }

    fn wait_until_free(&self, folder: &Path) -> Result<(), Failure> {
        while matches!(FolderLock::take(folder), Err(DatasetError::Locked { .. })) {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Failure::Interrupted {
                    go_on: "nothing was begun".to_owned(),
                });
            }
            std::thread::sleep(PATIENCE);
        }
        Ok(())
    }

    /// The data set, made where it is missing and a pipeline of its name is there.
    fn prepare_data(&self, spec: &Spec) -> Result<PathBuf, Failure> {
        let pipeline = self
            .home
            .root()
            .join("pipelines")
            .join(&spec.dataset)
            .with_added_extension("yaml");
        if pipeline.is_file() {
            return self.ingest_file(&pipeline);
        }
        Ok(self.home.dataset(&spec.dataset))
    }

    pub(super) fn train(&self, plan: &Plan) -> Result<String, Failure> {
        let request = self.request(plan)?;
        if !self.home.is_first_rank() {
            let outcome = idiom_train::train(&request, &NoSink, &|_| {}, &self.stop)?;
            tracing::info!("{outcome:?}");
            return Ok(String::new());
        }
        let tracker = Tracker::find(&self.home)?;
        self.screen.say(&tracker.described);
        let spec = RunSpec {
            experiment: plan.spec.tracking.experiment.clone(),
            run_name: plan.name.clone(),
            tags: Vec::new(),
            params: Vec::new(),
        };
        let folder = self.home.runs().join(&plan.name);
        provenance::keep_changes(self.home.root(), &folder)?;
        let run = idiom_tracking::Run::start(&folder.join("spool"), tracker.config.clone(), &spec)?;
        let figures = Figures::new(run);
        let show = |event| self.show_training(event);
        let outcome = idiom_train::train(&request, &figures, &show, &self.stop);
        self.screen.finished();
        if let Ok(Outcome::Finished(summary)) = &outcome {
            figures.keep(plan.spec.train.seed, summary)?;
        }
        let status = match &outcome {
            Ok(Outcome::Finished(_)) => RunStatus::Finished,
            Ok(Outcome::Interrupted(_)) => RunStatus::Killed,
            Err(_) => RunStatus::Failed,
        };
        let ledger = figures.finish(status, DRAIN);
        self.screen.say(&delivery(&ledger, &plan.name));
        match outcome? {
            Outcome::Finished(summary) => {
                let server = self.home.environment.local_server();
                Ok(where_to_look(&plan.name, &summary, &server))
            }
            Outcome::Interrupted(_) => Err(Failure::Interrupted {
                go_on: format!("all is saved; `just resume {}` goes on", plan.name),
            }),
        }
    }

    pub(super) fn request(&self, plan: &Plan) -> Result<TrainRequest, Failure> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let device = self.home.device(plan.spec.train.device)?;
        self.screen.say(&format!("device: {}", describe(device)));
        Ok(TrainRequest {
            experiment: plan.spec.clone(),
            resolved_yaml: plan.resolved.clone(),
            dataset: plan.dataset.clone(),
            encoder: plan.encoder.clone(),
            runs: self.home.runs(),
            run_id: plan.name.clone(),
            resume: plan.begin == Begin::Resume,
            rendezvous: self.home.rendezvous()?,
            init_from: self.init_from(plan.spec.init_from.as_deref())?,
            device,
            n_threads: plan
                .spec
                .train
                .threads
                .map_or(self.home.threads(cores), |n| n as usize),
            memory_bytes: None,
            vision: Some(self.home.locations().folder.join(MOBILENET_V2)),
            font: self.home.font(),
            provenance: provenance::provenance(self.home.root()),
        })
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

/// What will be trained, on what.
pub(super) struct Plan {
    pub(super) spec: Spec,
    pub(super) resolved: String,
    pub(super) dataset: PathBuf,
    pub(super) encoder: String,
    pub(super) name: String,
    pub(super) begin: Begin,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    Anew,
    Resume,
}

pub(super) fn yaml(spec: &Spec) -> Result<String, Failure> {
    let fail = |e| {
        Failure::new(
            format!("cannot write the configuration: {e}"),
            "this is a fault of ours",
        )
    };
    serde_yaml::to_string(spec).map_err(fail)
}

fn describe(device: Device) -> String {
    match device {
        Device::Cuda(index) => format!("cuda:{index}"),
        _ => format!(
            "cpu ({})",
            provenance::cpu().unwrap_or_else(|| "unknown".into())
        ),
    }
}

/// What the server has of the run; how to send the rest where it has not all.
fn delivery(ledger: &Ledger, name: &str) -> String {
    if ledger.is_delivered() {
        return ledger.to_string();
    }
    format!(
        "logged: {ledger}\n  the rest is kept beside the run: `idiom sync {name}` sends it when the server is back"
    )
}

fn where_to_look(name: &str, summary: &Summary, server: &str) -> String {
    let path = |path: &Option<PathBuf>| {
        path.as_deref()
            .map_or("(none)".into(), |p: &Path| p.display().to_string())
    };
    let lines = [
        format!(
            "done: {name}, {} pictures seen, {:.0} a second",
            summary.images_seen, summary.images_per_second
        ),
        format!("  samples   {}", path(&summary.sheet)),
        format!("  model     {}", path(&summary.model)),
        format!("  compare   ./justw ui   (or `just ui`), then tick the runs at {server}"),
    ];
    lines.join("\n")
}
