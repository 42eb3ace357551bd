//! MLflow's file store: a folder an experiment, a folder a run, a file a metric, a param, a tag.
//!
//! `EXPERIMENT/meta.yaml`, `EXPERIMENT/RUN/{meta.yaml, metrics/, params/, tags/, inputs/, artifacts/}`; deleted
//! experiments stand in `.trash`. A key with slashes is a path.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use idiom_tracking_api::{
    Dataset, DatasetInput, KeyValue, LifecycleStage, Metric, RunStatus, number,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Experiment, Files, Run};
use crate::upkeep::UpkeepError;

/// Folders of an experiment that are no runs.
const NO_RUNS: [&str; 4] = ["tags", "datasets", "models", "traces"];

/// The folder `mlruns`.
pub(super) struct FileStore {
    root: PathBuf,
}

#[derive(Deserialize)]
struct ExperimentMeta {
    name: String,
    #[serde(default)]
    lifecycle_stage: LifecycleStage,
}

#[derive(Deserialize)]
struct RunMeta {
    #[serde(alias = "name", default)]
    run_name: Option<String>,
    #[serde(default)]
    user_id: Option<String>,
    status: i64,
    start_time: Option<i64>,
    end_time: Option<i64>,
    #[serde(default)]
    lifecycle_stage: LifecycleStage,
}

#[derive(Deserialize)]
struct InputMeta {
    source_id: String,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct DatasetMeta {
    name: String,
    digest: String,
    source_type: String,
    source: String,
    schema: Option<String>,
    profile: Option<String>,
}

impl FileStore {
    pub(super) fn open(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    pub(super) fn experiments(&self) -> Result<Vec<Experiment>, UpkeepError> {
        let mut found = Vec::new();
        for (folder, place) in [
            ("", self.root.clone()),
            (".trash", self.root.join(".trash")),
        ] {
            for name in folders(&place)? {
                let experiment = place.join(&name);
                if name == ".trash" || !experiment.join("meta.yaml").is_file() {
                    continue;
                }
                let meta: ExperimentMeta = yaml(&experiment.join("meta.yaml"))?;
                found.push(Experiment {
                    id: Path::new(folder).join(&name).to_string_lossy().into_owned(),
                    name: meta.name,
                    tags: pairs(&experiment.join("tags"))?,
                    stage: meta.lifecycle_stage,
                });
            }
        }
        if found.is_empty() {
            return Err(UpkeepError::Foreign {
                place: self.root.display().to_string(),
                reason: "no experiment of MLflow's in it: a folder with a `meta.yaml`".to_owned(),
            });
        }
        Ok(found)
    }

    pub(super) fn runs(&self, experiment: &Experiment) -> Result<Vec<String>, UpkeepError> {
        let folder = self.root.join(&experiment.id);
        let mut runs = folders(&folder)?;
        runs.retain(|name| {
            !NO_RUNS.contains(&name.as_str()) && folder.join(name).join("meta.yaml").is_file()
        });
        Ok(runs)
    }

    pub(super) fn run(&self, experiment: &Experiment, id: &str) -> Result<Run, UpkeepError> {
        let of_experiment = self.root.join(&experiment.id);
        let folder = of_experiment.join(id);
        let meta: RunMeta = yaml(&folder.join("meta.yaml"))?;
        let tags = pairs(&folder.join("tags"))?;
        let tagged = tags.iter().find(|tag| tag.key == "mlflow.runName");
        let name = meta.run_name.filter(|name| !name.is_empty());
        let name = name.or_else(|| tagged.map(|tag| tag.value.clone()));
        let artifacts = folder.join("artifacts");
        Ok(Run {
            id: id.to_owned(),
            name: name.unwrap_or_else(|| id.to_owned()),
            user: meta.user_id.unwrap_or_default(),
            status: status_of(meta.status),
            start_time: meta.start_time,
            end_time: meta.end_time,
            stage: meta.lifecycle_stage,
            params: pairs(&folder.join("params"))?,
            metrics: metrics(&folder.join("metrics"))?,
            inputs: inputs(&folder.join("inputs"), &of_experiment.join("datasets"))?,
            tags,
            artifacts: Files::In(artifacts),
        })
    }
}

/// MLflow numbers them.
fn status_of(number: i64) -> RunStatus {
    match number {
        2 => RunStatus::Scheduled,
        3 => RunStatus::Finished,
        4 => RunStatus::Failed,
        5 => RunStatus::Killed,
        _ => RunStatus::Running,
    }
}

/// A point a line: `TIMESTAMP VALUE STEP`, and in old files no step.
fn metrics(folder: &Path) -> Result<Vec<Metric>, UpkeepError> {
    let mut all = Vec::new();
    for (key, path) in files(folder)? {
        for (index, line) in text(&path)?.lines().enumerate() {
            let metric = metric(&key, line).ok_or_else(|| UpkeepError::Foreign {
                place: format!("{}:{}", path.display(), index + 1),
                reason: format!("`{line}` is no `TIMESTAMP VALUE STEP`"),
            })?;
            all.push(metric);
        }
    }
    Ok(all)
}

fn metric(key: &str, line: &str) -> Option<Metric> {
    let mut words = line.split_whitespace();
    Some(Metric {
        key: key.to_owned(),
        timestamp: words.next()?.parse().ok()?,
        value: number::parse_double(words.next()?)?,
        step: words.next().map_or(Some(0), |step| step.parse().ok())?,
        ..Metric::default()
    })
}

fn inputs(folder: &Path, datasets: &Path) -> Result<Vec<DatasetInput>, UpkeepError> {
    let mut all = Vec::new();
    for name in folders(folder)? {
        let input: InputMeta = yaml(&folder.join(&name).join("meta.yaml"))?;
        let place = datasets.join(&input.source_id).join("meta.yaml");
        // Inputs may be models, too.
        if !place.is_file() {
            continue;
        }
        let meta: DatasetMeta = yaml(&place)?;
        let tags = input.tags.into_iter();
        all.push(DatasetInput {
            tags: tags.map(|(key, value)| KeyValue { key, value }).collect(),
            dataset: Dataset {
                name: meta.name,
                digest: meta.digest,
                source_type: meta.source_type,
                source: meta.source,
                schema: meta.schema,
                profile: meta.profile,
            },
        });
    }
    Ok(all)
}

fn pairs(folder: &Path) -> Result<Vec<KeyValue>, UpkeepError> {
    let pair = |(key, path): (String, PathBuf)| {
        Ok(KeyValue {
            key,
            value: text(&path)?,
        })
    };
    files(folder)?.into_iter().map(pair).collect()
}

/// Plain files below a folder by their paths in it, in order; none where there is no folder.
fn files(folder: &Path) -> Result<Vec<(String, PathBuf)>, UpkeepError> {
    let mut found = Vec::new();
    for (name, path) in entries(folder)? {
        let kind = fs::symlink_metadata(&path).map_err(unreadable(&path))?;
        if kind.is_file() {
            found.push((name, path));
        } else if kind.is_dir() {
            let below = files(&path)?.into_iter();
            found.extend(below.map(|(inside, path)| (format!("{name}/{inside}"), path)));
        }
    }
    Ok(found)
}

fn folders(folder: &Path) -> Result<Vec<String>, UpkeepError> {
    let found = entries(folder)?.into_iter();
    Ok(found
        .filter(|(_, path)| path.is_dir())
        .map(|(name, _)| name)
        .collect())
}

fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, UpkeepError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let entry = entry.map_err(unreadable(folder))?;
        found.push((
            entry.file_name().to_string_lossy().into_owned(),
            entry.path(),
        ));
    }
    found.sort();
    Ok(found)
}

fn text(path: &Path) -> Result<String, UpkeepError> {
    fs::read_to_string(path).map_err(unreadable(path))
}

fn yaml<T: DeserializeOwned>(path: &Path) -> Result<T, UpkeepError> {
    serde_yaml::from_str(&text(path)?).map_err(|error| UpkeepError::Foreign {
        place: path.display().to_string(),
        reason: error.to_string(),
    })
}

fn unreadable(path: &Path) -> impl FnOnce(std::io::Error) -> UpkeepError {
    UpkeepError::stuck(path.display(), "it cannot be read")
}
