//! Taking over what MLflow kept: its file store (`mlruns`) or its database (`mlflow.db`), which are only read.
//!
//! Experiments meet by name, runs keep their ids. A run is written in one piece after its artifacts, so an import that is
//! cut short is repeated by the same command, and what is there already stays as it is. Not taken over: traces,
//! registered and logged models.

mod database;
mod files;

use std::path::{Path, PathBuf};

use idiom_tracking_api::{
    CreateExperiment, DatasetInput, ErrorCode, KeyValue, LifecycleStage, LogBatch, LogInputs,
    Metric, RunStatus, UpdateRun,
};
use tokio_util::io::ReaderStream;

use super::{BoxedError, Holdings, Say, UpkeepError};
use crate::artifacts::ArtifactPath;
use crate::store::{DeleteExperiment, ImportedRun, NewRun, StoreError};
use database::Database;
use files::FileStore;

/// An experiment as it was kept.
struct Experiment {
    /// Its id there.
    id: String,
    name: String,
    tags: Vec<KeyValue>,
    stage: LifecycleStage,
}

/// A run as it was kept.
struct Run {
    id: String,
    name: String,
    user: String,
    status: RunStatus,
    start_time: Option<i64>,
    end_time: Option<i64>,
    stage: LifecycleStage,
    params: Vec<KeyValue>,
    tags: Vec<KeyValue>,
    metrics: Vec<Metric>,
    inputs: Vec<DatasetInput>,
    artifacts: Files,
}

/// Where a run's files are.
enum Files {
    /// A folder, which may not be there.
    In(PathBuf),
    /// A URI that cannot be read from here.
    Elsewhere(String),
}

/// What is taken over.
enum Origin {
    Files(FileStore),
    Database(Box<Database>),
}

impl Origin {
    async fn open(from: &Path, artifacts: Option<&Path>) -> Result<Self, UpkeepError> {
        if from.is_dir() {
            return Ok(Self::Files(FileStore::open(from)));
        }
        let beside = || from.with_file_name("mlartifacts");
        let artifacts = artifacts.map_or_else(beside, Path::to_owned);
        Ok(Self::Database(Box::new(
            Database::open(from, artifacts).await?,
        )))
    }

    async fn experiments(&mut self) -> Result<Vec<Experiment>, UpkeepError> {
        match self {
            Self::Files(files) => files.experiments(),
            Self::Database(database) => database.experiments().await,
        }
    }

    async fn runs(&mut self, experiment: &Experiment) -> Result<Vec<String>, UpkeepError> {
        match self {
            Self::Files(files) => files.runs(experiment),
            Self::Database(database) => database.runs(experiment).await,
        }
    }

    async fn run(&mut self, experiment: &Experiment, id: &str) -> Result<Run, UpkeepError> {
        match self {
            Self::Files(files) => files.run(experiment, id),
            Self::Database(database) => database.run(id).await,
        }
    }
}

pub(super) async fn take_over(
    holdings: &Holdings,
    from: &Path,
    artifacts: Option<&Path>,
    say: Say<'_>,
) -> Result<(), UpkeepError> {
    let mut origin = Origin::open(from, artifacts).await?;
    for experiment in origin.experiments().await? {
        let name = &experiment.name;
        let place = place_of(holdings, &experiment)
            .await
            .map_err(UpkeepError::stuck(
                name,
                "the experiment cannot be taken over",
            ))?;
        let (mut taken, mut known, mut elsewhere) = (0, 0, None);
        for id in origin.runs(&experiment).await? {
            if holdings.store.run_info(&id).await.is_ok() {
                known += 1;
                continue;
            }
            let run = origin.run(&experiment, &id).await?;
            if let Files::Elsewhere(uri) = &run.artifacts {
                elsewhere = Some(uri.clone());
            }
            let done = write_run(holdings, &place, run).await;
            done.map_err(UpkeepError::stuck(&id, "the run cannot be taken over"))?;
            taken += 1;
        }
        if place.is_new && experiment.stage == LifecycleStage::Deleted {
            let delete = DeleteExperiment(place.id.clone());
            let deleted = holdings.store.write(delete).await;
            deleted.map_err(UpkeepError::stuck(name, "the experiment cannot be deleted"))?;
        }
        say(&format!(
            "{name}: {taken} runs taken over, {known} were there already"
        ));
        if let Some(uri) = elsewhere {
            say(&format!(
                "{name}: artifacts at `{uri}` and the like stayed there; `--artifacts-from` names their folder"
            ));
        }
    }
    Ok(())
}

/// Where the runs of an experiment go.
struct Place {
    id: String,
    location: String,
    is_new: bool,
}

async fn place_of(holdings: &Holdings, experiment: &Experiment) -> Result<Place, StoreError> {
    let store = &holdings.store;
    let mut is_new = false;
    let found = match store.experiment_by_name(&experiment.name).await {
        Err(StoreError::Refused(error)) if error.error_code == ErrorCode::ResourceDoesNotExist => {
            is_new = true;
            let create = CreateExperiment {
                name: experiment.name.clone(),
                tags: experiment.tags.clone(),
                ..CreateExperiment::default()
            };
            let id = store.write(create).await?;
            store.experiment(&id).await?
        }
        found => found?,
    };
    Ok(Place {
        id: found.experiment_id,
        location: found.artifact_location,
        is_new,
    })
}

async fn write_run(holdings: &Holdings, place: &Place, run: Run) -> Result<(), BoxedError> {
    if let Files::In(folder) = &run.artifacts
        && folder.is_dir()
    {
        let root = format!(
            "{}/{}/artifacts",
            place.location.trim_end_matches('/'),
            run.id
        );
        copy_artifacts(holdings, folder, &ArtifactPath::of_uri(&root)?).await?;
    }
    // The name has a field of its own.
    let tags = run
        .tags
        .into_iter()
        .filter(|tag| tag.key != "mlflow.runName");
    let imported = ImportedRun {
        new: NewRun {
            request: idiom_tracking_api::CreateRun {
                experiment_id: place.id.clone(),
                user_id: Some(run.user),
                run_name: Some(run.name.clone()),
                start_time: run.start_time,
                tags: tags.collect(),
            },
            run_id: run.id.clone(),
            made_up_name: run.name,
        },
        said: LogBatch {
            run_id: run.id.clone(),
            metrics: run.metrics,
            params: run.params,
            ..LogBatch::default()
        },
        inputs: LogInputs {
            run_id: run.id.clone(),
            datasets: run.inputs,
            ..LogInputs::default()
        },
        ended: UpdateRun {
            run_id: run.id,
            status: Some(run.status),
            end_time: run.end_time,
            ..UpdateRun::default()
        },
        is_deleted: run.stage == LifecycleStage::Deleted,
    };
    Ok(holdings.store.write(imported).await?)
}

/// Plain files and folders only: links could lead anywhere.
async fn copy_artifacts(
    holdings: &Holdings,
    folder: &Path,
    root: &ArtifactPath,
) -> Result<(), BoxedError> {
    let mut folders = vec![folder.to_owned()];
    while let Some(one) = folders.pop() {
        let mut entries = tokio::fs::read_dir(&one).await?;
        while let Some(entry) = entries.next_entry().await? {
            let kind = entry.file_type().await?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                let path = entry.path();
                let inside = path.strip_prefix(folder)?.to_string_lossy().into_owned();
                let parts = ReaderStream::new(tokio::fs::File::open(&path).await?);
                holdings.artifacts.put(&root.join(&inside)?, parts).await?;
            }
        }
    }
    Ok(())
}
