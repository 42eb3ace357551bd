//! From a request to a run: folder, data, networks, loop, and what is left at the end.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use idiom_dataset::embeddings::Embeddings;
use idiom_dataset::{Columns, Dataset, Split};
use idiom_model::TextEncoderInfo;
use idiom_spec::experiment::{self as spec, Experiment};
use idiom_torch_ext::{
    Rendezvous, bound_tensors, keep_freed_memory, libtorch_version, memory_left, set_n_threads,
};
use tch::Device;

use crate::arithmetic::Arithmetic;
use crate::checkpoint::{self, Progress};
use crate::contrastive::Contrastive;
use crate::init;
use crate::meters::Pace;
use crate::pictures::Pictures;
use crate::ranks::Ranks;
use crate::restyle::Restyle;
use crate::room;
use crate::run::{End, Run};
use crate::run_folder::RunFolder;
use crate::task::{Task, Work};
use crate::text_to_image::TextToImage;
use crate::vision::Vision;
use crate::{Event, Sink, TrainError, check, settings};

/// A run to begin or to go on with.
#[derive(Debug, Clone)]
pub struct TrainRequest {
    /// What is trained.
    pub experiment: Experiment,
    /// The experiment with all its defaults, as it is kept beside the run.
    pub resolved_yaml: String,
    /// The data set's folder; its embeddings stand in it.
    pub dataset: PathBuf,
    /// The encoder's name, under which its embeddings stand.
    pub encoder: String,
    /// The folder of all runs.
    pub runs: PathBuf,
    /// The run's own name, a folder in `runs`.
    pub run_id: String,
    /// Go on with a run that was saved, instead of beginning one.
    pub resume: bool,
    /// The run's folder, model's folder or file that `init_from` means.
    pub init_from: Option<PathBuf>,
    /// Where the processes of this training meet, where there are several.
    pub rendezvous: Option<Rendezvous>,
    /// Where to compute.
    pub device: Device,
    /// Threads for arithmetic on the CPU.
    pub n_threads: usize,
    /// Bytes that tensors on the CPU may take; without it, what the machine or the container has left.
    pub memory_bytes: Option<u64>,
    /// The folder of the pre-trained picture network, for experiments that look through it.
    pub vision: Option<PathBuf>,
    /// A font for the captions on the sheets; without one they stand in the JSON beside it only.
    pub font: Option<PathBuf>,
    /// Facts about how the run came to be (commit, command, machine), kept in `run.json` and as tags.
    pub provenance: Vec<(String, String)>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It reached its length.
    Finished(Summary),
    /// It was asked to stop; everything is saved.
    Interrupted(Summary),
}

/// What is to be said of a run that ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The run's folder.
    pub folder: PathBuf,
    /// Pictures seen in all.
    pub images_seen: u64,
    /// Seconds of training in this call, saves and sheets left out.
    pub seconds: f64,
    /// Pictures a second in this call.
    pub images_per_second: f64,
    /// Share of the time that the loop waited for pictures, 0 to 1.
    pub loader_wait: f64,
    /// The last sheet of samples, where one was drawn.
    pub sheet: Option<PathBuf>,
    /// The trained generator, where the run was finished.
    pub model: Option<PathBuf>,
}

/// What every task learns from: the data set, its vectors, and a font for the sheets.
pub(crate) struct Source {
    /// The data set.
    pub(crate) dataset: Dataset,
    /// The vectors of its captions.
    pub(crate) embeddings: Embeddings,
    /// The font's bytes; empty where there is none.
    pub(crate) font: Vec<u8>,
    /// This process among those of the training.
    pub(crate) ranks: Ranks,
    /// The digits of the run.
    pub(crate) arithmetic: Arithmetic,
    /// The pre-trained picture network, where the experiment looks through it.
    pub(crate) vision: Option<Rc<Vision>>,
}

/// Trains until the experiment's length is reached or `stop` is set, and saves in either case.
///
/// # Errors
/// The run's folder is in use or holds another run, data or settings do not fit, a file cannot be written, or the networks
/// diverge beyond repair. Whatever was saved before is whole.
pub fn train(
    request: &TrainRequest,
    sink: &dyn Sink,
    on: &(dyn Fn(Event) + Sync),
    stop: &AtomicBool,
) -> Result<Outcome, TrainError> {
    check(&request.experiment)?;
    request.check_processes()?;
    request.prepare_torch()?;
    let ranks = Ranks::join(request.rendezvous.as_ref())?;
    let folder = folder(request, &ranks)?;
    let source = Source {
        ranks,
        ..Source::open(request)?
    };
    let run = Parts {
        request,
        folder: &folder,
        source: &source,
        sink,
        on,
        stop,
    };
    let trained = room::watched(|| with_task(request, &source, &run));
    // All that the run held is given back by now.
    trained.unwrap_or_else(|| Err(room::what_fits(request, &source.ranks)))
}

impl TrainRequest {
    /// Several processes can train some tasks only; said before anybody waits for the others.
    fn check_processes(&self) -> Result<(), TrainError> {
        let are_several = self.rendezvous.as_ref().is_some_and(|all| all.n_ranks > 1);
        match self.experiment.task {
            spec::Task::Restyle if are_several => Err(TrainError::OneProcessOnly {
                what: "task: restyle",
            }),
            _ => Ok(()),
        }
    }

    /// Sets libtorch's threads and what it does with memory.
    ///
    /// # Errors
    /// What libtorch throws.
    pub(crate) fn prepare_torch(&self) -> Result<(), TrainError> {
        set_n_threads(self.n_threads)?;
        keep_freed_memory()?;
        if let Some(bytes) = self.memory_bytes.or_else(memory_left) {
            bound_tensors(bytes)?;
        }
        Ok(())
    }
}

/// Builds the task that was asked for and does some work with it.
pub(crate) fn with_task<W: Work>(
    request: &TrainRequest,
    source: &Source,
    work: &W,
) -> Result<W::Done, TrainError> {
    match request.experiment.task {
        spec::Task::TextToImage => {
            let (task, samples) = TextToImage::new(request, source)?;
            work.on(task, samples)
        }
        spec::Task::Contrastive => {
            let (task, samples) = Contrastive::new(request, source)?;
            work.on(task, samples)
        }
        spec::Task::Restyle => {
            let (task, samples) = Restyle::new(request, source)?;
            work.on(task, samples)
        }
    }
}

/// The first process takes the run's folder; the others learn its name.
fn folder(request: &TrainRequest, ranks: &Ranks) -> Result<RunFolder, TrainError> {
    let run_id = ranks.words_of_first("run", &request.run_id)?;
    let path = request.runs.join(run_id);
    if !ranks.is_first() {
        return Ok(RunFolder::of_another(&path));
    }
    let folder = RunFolder::take(&path)?;
    if !request.resume {
        folder.must_be_new()?;
    }
    Ok(folder)
}

impl Source {
    pub(crate) fn open(request: &TrainRequest) -> Result<Self, TrainError> {
        let dataset = Dataset::open(&request.dataset)?;
        check_resolution(&dataset, request.experiment.resolution)?;
        let embeddings = Embeddings::open(&request.dataset, &request.encoder)?;
        let font = request.font.as_deref().map_or_else(
            || Ok(Vec::new()),
            |path| fs::read(path).map_err(TrainError::io(path)),
        )?;
        Ok(Self {
            dataset,
            embeddings,
            font,
            ranks: Ranks::default(),
            arithmetic: Arithmetic::of(&request.experiment, request.device)?,
            vision: Vision::open(&request.experiment, request.vision.as_ref(), request.device)?
                .map(Rc::new),
        })
    }

    /// The frozen encoder, as a model's configuration names it.
    pub(crate) fn text_encoder(&self, name: &str) -> TextEncoderInfo {
        let dim = self.embeddings.dim() as i64;
        TextEncoderInfo {
            name: name.to_owned(),
            sha256: self.embeddings.encoder_sha256().to_owned(),
            dim,
            scale: (dim as f64).sqrt(),
        }
    }

    fn settings(&self, experiment: &Experiment) -> BTreeMap<String, String> {
        let mut settings = settings::decisive(
            experiment,
            self.dataset.sha256(),
            self.embeddings.encoder_sha256(),
        );
        if let Some(vision) = &self.vision {
            settings.insert("vision_sha256".to_owned(), vision.sha256().to_owned());
        }
        settings
    }

    /// The pictures that are trained on, at the experiment's size.
    ///
    /// # Errors
    /// The data set cannot be read.
    pub(crate) fn pictures(&self, experiment: &Experiment) -> Result<Pictures, TrainError> {
        let side = experiment.resolution as u32;
        Pictures::open(&self.dataset, side, experiment.loader.cache_mb << 20)
    }
}

/// A run's surroundings, before its task is known.
struct Parts<'a> {
    request: &'a TrainRequest,
    folder: &'a RunFolder,
    source: &'a Source,
    sink: &'a dyn Sink,
    on: &'a (dyn Fn(Event) + Sync),
    stop: &'a AtomicBool,
}

impl Work for Parts<'_> {
    type Done = Outcome;

    fn on<T: Task>(&self, mut task: T, samples: Arc<T::Samples>) -> Result<Outcome, TrainError> {
        let experiment = &self.request.experiment;
        let progress = self.begin_or_resume(&mut task)?;
        // No one trains before all have read what they begin from.
        let ranks = self.source.ranks.clone();
        ranks.any(false)?;
        if ranks.is_first() {
            self.describe()?;
        }
        (self.on)(Event::Started {
            stage: "train",
            total: experiment.train.images,
            done: progress.images_seen,
        });
        let mut run = Run {
            experiment,
            folder: self.folder,
            samples,
            task,
            ranks,
            device: self.request.device,
            progress,
            sink: self.sink,
            on: self.on,
        };
        if run.progress.images_seen == 0 {
            run.save()?;
        }
        let (end, pace) = run.go(self.stop)?;
        finish(&run, self.request, end, &pace)
    }
}

impl Parts<'_> {
    fn begin_or_resume(&self, task: &mut impl Task) -> Result<Progress, TrainError> {
        let settings = self.source.settings(&self.request.experiment);
        if !self.request.resume {
            if let Some(source) = &self.request.init_from {
                (self.on)(Event::Message(init::take_over(&task.tensors(), source)?));
            }
            return Ok(Progress {
                images_seen: 0,
                rate_scale: 1.0,
                settings,
            });
        }
        let warn = |message: String| {
            tracing::warn!("{message}");
            (self.on)(Event::Message(message));
        };
        let saved = checkpoint::load_newest(&self.folder.checkpoints(), &warn)?;
        let differences = settings::differences(&saved.progress.settings, &settings);
        if !differences.is_empty() {
            return Err(TrainError::OtherSettings {
                run: self.folder.path().to_owned(),
                differences,
            });
        }
        task.restore(&saved.tensors, &saved.folder)?;
        Ok(saved.progress)
    }

    /// Leaves in the folder and with the sink what the run is.
    fn describe(&self) -> Result<(), TrainError> {
        let (request, source) = (self.request, self.source);
        let mut facts = request.provenance.clone();
        let mut fact = |key: &str, value: String| facts.push((key.to_owned(), value));
        fact("dataset_sha256", source.dataset.sha256().to_owned());
        fact(
            "encoder_sha256",
            source.embeddings.encoder_sha256().to_owned(),
        );
        fact("libtorch", libtorch_version()?);
        fact("device", format!("{:?}", request.device));
        fact("precision", source.arithmetic.name().to_owned());
        fact("threads", request.n_threads.to_string());
        let yaml = (self.folder).write("experiment.yaml", request.resolved_yaml.as_bytes())?;
        let named: BTreeMap<_, _> = facts.iter().cloned().collect();
        let json = serde_json::to_vec_pretty(&named).unwrap_or_default();
        self.folder.write_once("run.json", &json)?;
        for (key, value) in &facts {
            self.sink.tag(key, value);
        }
        if !request.resume {
            for (key, value) in settings::flatten(&request.experiment) {
                self.sink.param(&key, &value);
            }
        }
        self.sink.artifact(&yaml, "");
        Ok(())
    }
}

/// Pictures are never enlarged.
fn check_resolution(dataset: &Dataset, resolution: i64) -> Result<(), TrainError> {
    let first = dataset.records(Split::Train, Columns::WithoutImage).next();
    let Some(record) = first.transpose()? else {
        return Err(TrainError::NoRows {
            dataset: dataset.folder().to_owned(),
        });
    };
    let found = record.width.max(record.height);
    if i64::from(found) >= resolution {
        return Ok(());
    }
    Err(TrainError::Resolution {
        resolution,
        found,
        dataset: dataset.folder().to_owned(),
    })
}

fn finish<T: Task>(
    run: &Run<'_, T>,
    request: &TrainRequest,
    end: End,
    pace: &Pace,
) -> Result<Outcome, TrainError> {
    let images_seen = run.progress.images_seen;
    let path = run.folder.sheet(images_seen);
    let rates = pace.rates();
    let mut summary = Summary {
        folder: run.folder.path().to_owned(),
        images_seen,
        seconds: pace.elapsed().as_secs_f64(),
        images_per_second: rates.images_per_second,
        loader_wait: rates.loader_wait,
        sheet: path.exists().then(|| path.clone()),
        model: None,
    };
    if end == End::Stopped {
        return Ok(Outcome::Interrupted(summary));
    }
    if !run.ranks.is_first() {
        return Ok(Outcome::Finished(summary));
    }
    if summary.sheet.is_none() {
        summary.sheet = run.draw_sheet()?;
    }
    let folder = run.folder.model();
    run.task.keep_model(&folder, &facts_of(run, request))?;
    summary.model = Some(folder);
    Ok(Outcome::Finished(summary))
}

/// Where a model comes from, for people.
fn facts_of<T: Task>(run: &Run<'_, T>, request: &TrainRequest) -> Vec<(String, String)> {
    let mut facts = request.provenance.clone();
    facts.push(("run".to_owned(), request.run_id.clone()));
    let seen = run.progress.images_seen.to_string();
    facts.push(("images_seen".to_owned(), seen));
    let settings = &run.progress.settings;
    let hash = settings.get_key_value("dataset_sha256");
    facts.extend(hash.map(|(key, hash)| (key.clone(), hash.clone())));
    facts
}
