//! From a request to a run: folder, data, networks, loop, and what is left at the end.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use idiom_dataset::embeddings::Embeddings;
use idiom_dataset::order::SampleOrder;
use idiom_dataset::{Columns, Dataset, Split};
use idiom_model::{ModelConfig, TextEncoderInfo};
use idiom_spec::experiment::Experiment;
use idiom_torch_ext::{keep_freed_memory, libtorch_version, set_n_threads};
use tch::Device;

use crate::captions::{CaptionIndex, TextTable, TextTableBuilder};
use crate::checkpoint::{self, Progress};
use crate::loader::Samples;
use crate::meters::Pace;
use crate::pictures::Pictures;
use crate::players::Players;
use crate::run::{End, Run};
use crate::run_folder::RunFolder;
use crate::sheet::{Sheet, plan};
use crate::step::Stepper;
use crate::{Event, Sink, TrainError, settings};

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
    /// Where to compute.
    pub device: Device,
    /// Threads for arithmetic on the CPU.
    pub n_threads: usize,
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

/// The data a run learns from.
struct Data {
    dataset: Dataset,
    encoder_sha256: String,
    text_dim: i64,
    samples: Arc<Samples>,
    table: TextTable,
    layout: crate::sheet::Layout,
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
    set_n_threads(request.n_threads)?;
    keep_freed_memory()?;
    let folder = RunFolder::take(&request.runs.join(&request.run_id))?;
    if !request.resume {
        folder.must_be_new()?;
    }
    let experiment = &request.experiment;
    let data = Data::open(request)?;
    let mut players = Players::new(experiment, data.text_dim, request.device)?;
    let progress = begin_or_resume(request, &folder, &data, &mut players, on)?;
    describe(request, &folder, &data, sink)?;
    let font = request.font.as_deref().map_or_else(
        || Ok(Vec::new()),
        |path| fs::read(path).map_err(TrainError::io(path)),
    )?;
    let sheet = Sheet::new(
        data.layout,
        &data.table,
        experiment.generator.latent_dim,
        experiment.train.seed,
        font,
    )?;
    on(Event::Started {
        stage: "train",
        total: experiment.train.images,
        done: progress.images_seen,
    });
    let stepper = Stepper::new(experiment, players, &data.table, request.device)?;
    let mut run = Run {
        experiment,
        folder: &folder,
        samples: data.samples,
        stepper,
        sheet,
        progress,
        sink,
        on,
    };
    if run.progress.images_seen == 0 {
        run.save()?;
    }
    let (end, pace) = run.go(stop)?;
    finish(&run, request, end, &pace)
}

impl Data {
    fn open(request: &TrainRequest) -> Result<Self, TrainError> {
        let experiment = &request.experiment;
        let dataset = Dataset::open(&request.dataset)?;
        check_resolution(&dataset, experiment.resolution)?;
        let embeddings = Embeddings::open(&request.dataset, &request.encoder)?;
        let mut builder = TextTableBuilder::new(&embeddings);
        let seed = experiment.train.seed;
        let captions = CaptionIndex::read(&dataset, &mut builder, &experiment.captions, seed)?;
        let layout = plan(&dataset, &mut builder, &experiment.samples)?;
        let table = builder.build(request.device)?;
        let pictures = Pictures::open(
            &dataset,
            experiment.resolution as u32,
            experiment.loader.cache_mb << 20,
        )?;
        let order = SampleOrder::new(seed, pictures.n_rows());
        let batch_size = experiment.train.batch_size;
        Ok(Self {
            encoder_sha256: embeddings.encoder_sha256().to_owned(),
            text_dim: embeddings.dim() as i64,
            samples: Arc::new(Samples {
                pictures,
                captions,
                order,
                batch_size,
            }),
            dataset,
            table,
            layout,
        })
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

fn begin_or_resume(
    request: &TrainRequest,
    folder: &RunFolder,
    data: &Data,
    players: &mut Players,
    on: &(dyn Fn(Event) + Sync),
) -> Result<Progress, TrainError> {
    let settings = settings::decisive(
        &request.experiment,
        data.dataset.sha256(),
        &data.encoder_sha256,
    );
    if !request.resume {
        return Ok(Progress {
            images_seen: 0,
            rate_scale: 1.0,
            settings,
        });
    }
    let warn = |message: String| {
        tracing::warn!("{message}");
        on(Event::Message(message));
    };
    let saved = checkpoint::load_newest(&folder.checkpoints(), &warn)?;
    let differences = settings::differences(&saved.progress.settings, &settings);
    if !differences.is_empty() {
        return Err(TrainError::OtherSettings {
            run: folder.path().to_owned(),
            differences,
        });
    }
    players.restore(&saved.tensors, &saved.folder)?;
    Ok(saved.progress)
}

/// Leaves in the folder and with the sink what the run is.
fn describe(
    request: &TrainRequest,
    folder: &RunFolder,
    data: &Data,
    sink: &dyn Sink,
) -> Result<(), TrainError> {
    let mut facts = request.provenance.clone();
    facts.extend([
        (
            "dataset_sha256".to_owned(),
            data.dataset.sha256().to_owned(),
        ),
        ("encoder_sha256".to_owned(), data.encoder_sha256.clone()),
        ("libtorch".to_owned(), libtorch_version()?),
        ("device".to_owned(), format!("{:?}", request.device)),
        ("threads".to_owned(), request.n_threads.to_string()),
    ]);
    let yaml = folder.write("experiment.yaml", request.resolved_yaml.as_bytes())?;
    let named: BTreeMap<_, _> = facts.iter().cloned().collect();
    let json = serde_json::to_vec_pretty(&named).unwrap_or_default();
    folder.write_once("run.json", &json)?;
    for (key, value) in &facts {
        sink.tag(key, value);
    }
    if !request.resume {
        for (key, value) in settings::flatten(&request.experiment) {
            sink.param(&key, &value);
        }
    }
    sink.artifact(&yaml, "");
    Ok(())
}

fn finish(
    run: &Run<'_>,
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
        sheet: None,
        model: None,
    };
    if end == End::Stopped {
        summary.sheet = path.exists().then_some(path);
        return Ok(Outcome::Interrupted(summary));
    }
    if !path.exists() {
        run.draw_sheet()?;
    }
    summary.sheet = Some(path);
    summary.model = Some(keep_model(run, request)?);
    Ok(Outcome::Finished(summary))
}

/// Keeps the averaged generator as a model that stands on its own.
fn keep_model(run: &Run<'_>, request: &TrainRequest) -> Result<PathBuf, TrainError> {
    let folder = run.folder.model();
    let players = &run.stepper.players;
    let shape = players.average.config();
    let mut provenance: BTreeMap<String, String> = request.provenance.iter().cloned().collect();
    provenance.insert("run".to_owned(), request.run_id.clone());
    provenance.insert(
        "images_seen".to_owned(),
        run.progress.images_seen.to_string(),
    );
    provenance.extend(
        run.progress
            .settings
            .get_key_value("dataset_sha256")
            .map(|(key, hash)| (key.clone(), hash.clone())),
    );
    let config = ModelConfig {
        generator: shape.clone(),
        discriminator: None,
        text_encoder: TextEncoderInfo {
            name: request.encoder.clone(),
            sha256: run
                .progress
                .settings
                .get("encoder_sha256")
                .cloned()
                .unwrap_or_default(),
            dim: shape.text_dim,
            scale: (shape.text_dim as f64).sqrt(),
        },
        provenance,
    };
    idiom_model::save(&folder, &config, players.average_store(), None)?;
    Ok(folder)
}
