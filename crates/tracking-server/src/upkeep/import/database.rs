//! MLflow's SQLite database, read only, whether its server runs or not.
//!
//! It writes infinities as the largest double, and NaN as zero with a mark.

use std::path::{Path, PathBuf};

use idiom_tracking_api::{Dataset, DatasetInput, KeyValue, LifecycleStage, Metric, RunStatus};
use percent_encoding::percent_decode_str;

use super::{Experiment, Files, Run};
use crate::artifacts::ArtifactPath;
use crate::store::{Connection, Pool, query};
use crate::upkeep::UpkeepError;

/// A database, and where the artifacts are that it names by `mlflow-artifacts:`.
pub(super) struct Database {
    connection: Connection,
    path: PathBuf,
    artifacts: PathBuf,
}

struct RunRow {
    name: Option<String>,
    user_id: Option<String>,
    status: Option<String>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    lifecycle_stage: Option<String>,
    artifact_uri: Option<String>,
}

from_row!(RunRow {
    name,
    user_id,
    status,
    start_time,
    end_time,
    lifecycle_stage,
    artifact_uri
});

struct InputRow {
    input_uuid: String,
    name: String,
    digest: String,
    dataset_source_type: String,
    dataset_source: String,
    dataset_schema: Option<String>,
    dataset_profile: Option<String>,
}

from_row!(InputRow {
    input_uuid,
    name,
    digest,
    dataset_source_type,
    dataset_source,
    dataset_schema,
    dataset_profile
});

impl Database {
    pub(super) async fn open(path: &Path, artifacts: PathBuf) -> Result<Self, UpkeepError> {
        let foreign = |reason: &str| UpkeepError::Foreign {
            place: path.display().to_string(),
            reason: reason.to_owned(),
        };
        let connection = Pool::foreign(path).acquire().await;
        let mut connection = connection.map_err(|_| foreign("no folder and no SQLite file"))?;
        let known = "SELECT count(*) FROM sqlite_master WHERE name IN ('alembic_version', 'latest_metrics')";
        let known: Result<i64, _> = query(known).fetch_one(&mut connection).await;
        match known {
            Ok(2) => Ok(Self {
                connection,
                path: path.to_owned(),
                artifacts,
            }),
            Ok(_) => Err(foreign("a SQLite file, but not one of MLflow's")),
            Err(_) => Err(foreign("no folder and no SQLite file")),
        }
    }

    fn unreadable(&self) -> impl FnOnce(sqlx::Error) -> UpkeepError + use<> {
        UpkeepError::stuck(self.path.display().to_string(), "it cannot be read")
    }

    pub(super) async fn experiments(&mut self) -> Result<Vec<Experiment>, UpkeepError> {
        let unreadable = self.unreadable();
        let rows = query(
            "SELECT CAST(experiment_id AS TEXT), name, lifecycle_stage FROM experiments ORDER BY experiment_id",
        );
        let rows = rows.fetch_all(&mut self.connection).await;
        let rows: Vec<(String, String, Option<String>)> = rows.map_err(unreadable)?;
        let tags = "SELECT key, value FROM experiment_tags WHERE CAST(experiment_id AS TEXT) = $1 ORDER BY key";
        let mut all = Vec::new();
        for (id, name, stage) in rows {
            all.push(Experiment {
                tags: self.pairs(tags, &id).await?,
                id,
                name,
                stage: stage_of(stage.as_deref()),
            });
        }
        Ok(all)
    }

    pub(super) async fn runs(
        &mut self,
        experiment: &Experiment,
    ) -> Result<Vec<String>, UpkeepError> {
        let unreadable = self.unreadable();
        let runs = query(
            "SELECT run_uuid FROM runs WHERE CAST(experiment_id AS TEXT) = $1 ORDER BY start_time, run_uuid",
        );
        let runs = runs.bind(&experiment.id).fetch_all(&mut self.connection);
        runs.await.map_err(unreadable)
    }

    pub(super) async fn run(&mut self, id: &str) -> Result<Run, UpkeepError> {
        let unreadable = self.unreadable();
        let row = query(
            "SELECT name, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri FROM runs WHERE run_uuid = $1",
        );
        let row = row.bind(id).fetch_one(&mut self.connection).await;
        let row: RunRow = row.map_err(unreadable)?;
        let params = "SELECT key, value FROM params WHERE run_uuid = $1 ORDER BY key";
        let tags = "SELECT key, value FROM tags WHERE run_uuid = $1 ORDER BY key";
        Ok(Run {
            id: id.to_owned(),
            name: row
                .name
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| id.to_owned()),
            user: row.user_id.unwrap_or_default(),
            status: status_of(row.status.as_deref()),
            start_time: row.start_time,
            end_time: row.end_time,
            stage: stage_of(row.lifecycle_stage.as_deref()),
            params: self.pairs(params, id).await?,
            tags: self.pairs(tags, id).await?,
            metrics: self.metrics(id).await?,
            inputs: self.inputs(id).await?,
            artifacts: self.artifacts_at(row.artifact_uri.as_deref().unwrap_or_default()),
        })
    }

    async fn metrics(&mut self, run: &str) -> Result<Vec<Metric>, UpkeepError> {
        let unreadable = self.unreadable();
        let rows = query(
            "SELECT key, CAST(value AS REAL), timestamp, step, CAST(is_nan AS INTEGER) FROM metrics WHERE run_uuid = $1",
        );
        let rows = rows.bind(run).fetch_all(&mut self.connection).await;
        let rows: Vec<(String, f64, i64, i64, i64)> = rows.map_err(unreadable)?;
        let metric = |(key, value, timestamp, step, is_nan): (String, f64, i64, i64, i64)| Metric {
            key,
            value: value_of(value, is_nan),
            timestamp,
            step,
            ..Metric::default()
        };
        Ok(rows.into_iter().map(metric).collect())
    }

    async fn inputs(&mut self, run: &str) -> Result<Vec<DatasetInput>, UpkeepError> {
        let unreadable = self.unreadable();
        let rows = query(
            "SELECT input_uuid, name, digest, dataset_source_type, dataset_source, dataset_schema, dataset_profile \
             FROM inputs JOIN datasets ON dataset_uuid = source_id WHERE source_type = 'DATASET' \
             AND destination_type = 'RUN' AND destination_id = $1 ORDER BY input_uuid",
        );
        let rows = rows.bind(run).fetch_all(&mut self.connection).await;
        let rows: Vec<InputRow> = rows.map_err(unreadable)?;
        let tags = "SELECT name, value FROM input_tags WHERE input_uuid = $1 ORDER BY name";
        let mut all = Vec::new();
        for row in rows {
            all.push(DatasetInput {
                tags: self.pairs(tags, &row.input_uuid).await?,
                dataset: Dataset {
                    name: row.name,
                    digest: row.digest,
                    source_type: row.dataset_source_type,
                    source: row.dataset_source,
                    schema: row.dataset_schema,
                    profile: row.dataset_profile,
                },
            });
        }
        Ok(all)
    }

    async fn pairs(
        &mut self,
        statement: &'static str,
        id: &str,
    ) -> Result<Vec<KeyValue>, UpkeepError> {
        let unreadable = self.unreadable();
        let rows = query(statement).bind(id);
        let rows = rows.fetch_all(&mut self.connection).await;
        let rows: Vec<(String, Option<String>)> = rows.map_err(unreadable)?;
        let pair =
            |(key, value): (String, Option<String>)| KeyValue::new(key, value.unwrap_or_default());
        Ok(rows.into_iter().map(pair).collect())
    }

    /// The folder an artifact URI names. A database could name any folder of this machine: only those beside it and
    /// those of its server are read.
    fn artifacts_at(&self, uri: &str) -> Files {
        let beside = self.path.parent().unwrap_or(&self.path);
        let folder = if uri.starts_with("mlflow-artifacts:") {
            ArtifactPath::of_uri(uri)
                .ok()
                .map(|path| self.artifacts.join(path.as_str()))
        } else if let Some(place) = uri.strip_prefix("file://") {
            let place = percent_decode_str(place).decode_utf8_lossy();
            Some(PathBuf::from(place.into_owned()))
        } else {
            (!uri.contains("://")).then(|| beside.join(uri))
        };
        let real = folder.and_then(|folder| folder.canonicalize().ok());
        let is_ours = |folder: &PathBuf| {
            let roots = [beside, &self.artifacts].map(|root| root.canonicalize());
            roots
                .into_iter()
                .flatten()
                .any(|root| folder.starts_with(root))
        };
        match real.filter(is_ours) {
            Some(folder) => Files::In(folder),
            None => Files::Elsewhere(uri.to_owned()),
        }
    }
}

fn value_of(value: f64, is_nan: i64) -> f64 {
    match value {
        _ if is_nan != 0 => f64::NAN,
        f64::MAX => f64::INFINITY,
        f64::MIN => f64::NEG_INFINITY,
        value => value,
    }
}

fn stage_of(word: Option<&str>) -> LifecycleStage {
    if word == Some("deleted") {
        LifecycleStage::Deleted
    } else {
        LifecycleStage::Active
    }
}

fn status_of(word: Option<&str>) -> RunStatus {
    let ended = [
        RunStatus::Scheduled,
        RunStatus::Finished,
        RunStatus::Failed,
        RunStatus::Killed,
    ];
    let named = ended
        .into_iter()
        .find(|status| Some(status.as_str()) == word);
    named.unwrap_or_default()
}
