//! Logged models: making, reading, finishing, tagging and deleting them; what was measured of them; which runs made them.

use std::collections::BTreeMap;

use idiom_tracking_api::{
    ApiError, CreateLoggedModel, KeyValue, LifecycleStage, LogOutputs, LoggedModel, Metric,
    ModelData, ModelInfo, ModelOutput, ModelPairs, ModelStatus, RunOutputs, limits,
};

use super::database::{Connection, FromRow, Row, query};
use super::points::{columns_of, value_of};
use super::writer::Write;
use super::{Store, StoreError, experiments, now, runs};
use crate::events::Kind;

/// One row of the table of models.
pub(super) struct ModelRow(pub(super) ModelInfo);

impl FromRow for ModelRow {
    fn from_row(row: &Row) -> Result<Self, sqlx::Error> {
        Ok(Self(ModelInfo {
            model_id: row.get("model_id")?,
            experiment_id: row.get::<i64, _>("experiment_id")?.to_string(),
            name: row.get("name")?,
            creation_timestamp_ms: row.get("creation_time")?,
            last_updated_timestamp_ms: row.get("last_updated_time")?,
            artifact_uri: row.get("artifact_uri")?,
            status: ModelStatus::of_word(&row.get::<String, _>("status")?),
            model_type: row.get("model_type")?,
            source_run_id: row.get("source_run_id")?,
            tags: Vec::new(),
            lifecycle_stage: experiments::stage_of(&row.get::<String, _>("lifecycle_stage")?),
        }))
    }
}

fn no_such_model(model_id: &str) -> ApiError {
    ApiError::missing(format!("Logged model with ID '{model_id}' not found."))
}

async fn find(connection: &mut Connection, model_id: &str) -> Result<ModelInfo, StoreError> {
    let found = query("SELECT * FROM logged_models WHERE model_id = $1");
    let row: Option<ModelRow> = found.bind(model_id).fetch_optional(connection).await?;
    Ok(row.ok_or_else(|| no_such_model(model_id))?.0)
}

/// A model to be made.
pub(crate) struct NewModel {
    pub(crate) request: CreateLoggedModel,
    pub(crate) model_id: String,
    pub(crate) made_up_name: String,
}

impl Write for NewModel {
    type Output = LoggedModel;

    async fn write(&self, connection: &mut Connection) -> Result<LoggedModel, StoreError> {
        let Self {
            request, model_id, ..
        } = self;
        let experiment = experiments::find_active(connection, &request.experiment_id).await?;
        let given = request.name.as_deref().filter(|name| !name.is_empty());
        let root = experiment.artifact_location.trim_end_matches('/');
        let insert = query(
            "INSERT INTO logged_models (model_id, experiment_id, name, model_type, source_run_id, status, artifact_uri, \
             creation_time, last_updated_time) VALUES ($1, $2, $3, $4, $5, 'PENDING', $6, $7, $7)",
        );
        insert
            .bind(model_id)
            .bind(experiments::number(&request.experiment_id)?)
            .bind(given.unwrap_or(&self.made_up_name))
            .bind(
                request
                    .model_type
                    .as_deref()
                    .filter(|text| !text.is_empty()),
            )
            .bind(
                request
                    .source_run_id
                    .as_deref()
                    .filter(|text| !text.is_empty()),
            )
            .bind(format!("{root}/models/{model_id}/artifacts"))
            .bind(now())
            .execute(&mut *connection)
            .await?;
        set_pairs(
            connection,
            model_id,
            &ModelPairs {
                params: request.params.clone(),
                tags: request.tags.clone(),
            },
        )
        .await?;
        whole(connection, model_id).await
    }
}

/// Params and tags of a model; a key that is there already gets the new value.
async fn set_pairs(
    connection: &mut Connection,
    model_id: &str,
    pairs: &ModelPairs,
) -> Result<(), StoreError> {
    let params = "INSERT INTO logged_model_params (model_id, key, value) VALUES ($1, $2, $3) \
        ON CONFLICT (model_id, key) DO UPDATE SET value = excluded.value";
    let tags = "INSERT INTO logged_model_tags (model_id, key, value) VALUES ($1, $2, $3) \
        ON CONFLICT (model_id, key) DO UPDATE SET value = excluded.value";
    for (statement, list) in [(params, &pairs.params), (tags, &pairs.tags)] {
        for KeyValue { key, value } in list {
            let (value, _cut) = limits::cut(value, limits::MAX_TAG_CHARS);
            let set = query(statement).bind(model_id).bind(key).bind(value);
            set.execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// What is done to a model that exists.
pub(crate) struct ChangeModel {
    pub(crate) model_id: String,
    pub(crate) change: ModelChange,
}

pub(crate) enum ModelChange {
    Finalize(ModelStatus),
    Set(ModelPairs),
    DeleteTag(String),
    Delete,
}

impl Write for ChangeModel {
    type Output = LoggedModel;

    async fn write(&self, connection: &mut Connection) -> Result<LoggedModel, StoreError> {
        let Self { model_id, change } = self;
        find(connection, model_id).await?;
        match change {
            ModelChange::Finalize(status) => {
                let set = query(
                    "UPDATE logged_models SET status = $2, last_updated_time = $3 WHERE model_id = $1",
                );
                let set = set.bind(model_id).bind(status.as_str()).bind(now());
                set.execute(&mut *connection).await?;
            }
            ModelChange::Set(pairs) => set_pairs(connection, model_id, pairs).await?,
            ModelChange::DeleteTag(key) => {
                let delete =
                    query("DELETE FROM logged_model_tags WHERE model_id = $1 AND key = $2");
                let deleted = delete
                    .bind(model_id)
                    .bind(key)
                    .execute(&mut *connection)
                    .await?;
                if deleted == 0 {
                    let message =
                        format!("No tag with key '{key}' found for model with ID '{model_id}'.");
                    return Err(ApiError::missing(message).into());
                }
            }
            ModelChange::Delete => {
                let set = "UPDATE logged_models SET lifecycle_stage = 'deleted', last_updated_time = $2 WHERE model_id = $1";
                query(set)
                    .bind(model_id)
                    .bind(now())
                    .execute(&mut *connection)
                    .await?;
            }
        }
        whole(connection, model_id).await
    }
}

impl Write for LogOutputs {
    type Output = ();

    async fn write(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let run = runs::find_speaking(connection, &self.run_id).await?;
        for ModelOutput { model_id, step } in &self.models {
            let insert = query(
                "INSERT INTO model_outputs (run, model_id, step) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            );
            insert
                .bind(run.number)
                .bind(model_id)
                .bind(step)
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }

    fn news(&self, _output: &()) -> Vec<(String, Kind)> {
        vec![(self.run_id.clone(), Kind::Params)]
    }
}

/// Keeps those points that were measured of models; a model that is not known here is no fault, as at MLflow's servers.
pub(super) async fn measure(
    connection: &mut Connection,
    run: i64,
    metrics: &[Metric],
) -> Result<(), sqlx::Error> {
    for metric in metrics {
        let Some(model_id) = metric.model_id.as_deref().filter(|id| !id.is_empty()) else {
            continue;
        };
        let (value, is_nan) = columns_of(metric.value);
        let insert = query(
            "INSERT INTO logged_model_metrics (model_id, key, run, timestamp, step, value, is_nan, dataset_name, \
             dataset_digest) SELECT model_id, $2, $3, $4, $5, $6, $7, $8, $9 FROM logged_models WHERE model_id = $1 \
             ON CONFLICT DO NOTHING",
        );
        insert
            .bind(model_id)
            .bind(&metric.key)
            .bind(run)
            .bind(metric.timestamp)
            .bind(metric.step)
            .bind(value)
            .bind(is_nan)
            .bind(metric.dataset_name.as_deref().unwrap_or_default())
            .bind(metric.dataset_digest.as_deref().unwrap_or_default())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// What runs made, whose numbers stand in a JSON list; runs that made nothing are left out.
pub(super) async fn outputs_of(
    connection: &mut Connection,
    runs: &str,
) -> Result<BTreeMap<i64, RunOutputs>, sqlx::Error> {
    let read = query(
        "SELECT run, model_id, step FROM model_outputs WHERE run IN {numbers $1} ORDER BY run, step, model_id",
    );
    let rows: Vec<(i64, String, i64)> = read.bind(runs).fetch_all(connection).await?;
    let mut all: BTreeMap<i64, RunOutputs> = BTreeMap::new();
    for (run, model_id, step) in rows {
        all.entry(run)
            .or_default()
            .model_outputs
            .push(ModelOutput { model_id, step });
    }
    Ok(all)
}

async fn whole(connection: &mut Connection, model_id: &str) -> Result<LoggedModel, StoreError> {
    let info = find(connection, model_id).await?;
    Ok(complete(connection, vec![info]).await?.remove(0))
}

type MetricRow = (String, String, String, i64, i64, f64, bool, String, String);

/// Adds to models what was said and measured of them.
pub(super) async fn complete(
    connection: &mut Connection,
    infos: Vec<ModelInfo>,
) -> Result<Vec<LoggedModel>, StoreError> {
    let ids: Vec<&str> = infos.iter().map(|info| info.model_id.as_str()).collect();
    let list = serde_json::to_string(&ids).unwrap_or_default();
    let pairs = async |connection: &mut Connection, statement: &'static str| {
        let rows: Vec<(String, String, String)> =
            query(statement).bind(&list).fetch_all(connection).await?;
        let mut all: BTreeMap<String, Vec<KeyValue>> = BTreeMap::new();
        for (model, key, value) in rows {
            all.entry(model).or_default().push(KeyValue { key, value });
        }
        Ok::<_, sqlx::Error>(all)
    };
    let mut params = pairs(
        connection,
        "SELECT model_id, key, value FROM logged_model_params WHERE model_id IN {texts $1} ORDER BY key",
    )
    .await?;
    let mut tags = pairs(
        connection,
        "SELECT model_id, key, value FROM logged_model_tags WHERE model_id IN {texts $1} ORDER BY key",
    )
    .await?;
    let mut metrics = metrics_of(connection, &list).await?;
    let model = |mut info: ModelInfo| {
        let id = info.model_id.clone();
        info.tags = tags.remove(&id).unwrap_or_default();
        let data = ModelData {
            params: params.remove(&id).unwrap_or_default(),
            metrics: metrics.remove(&id).unwrap_or_default(),
        };
        LoggedModel { info, data }
    };
    Ok(infos.into_iter().map(model).collect())
}

/// The latest measurement of each metric on each data set by each run, as MLflow gives them.
async fn metrics_of(
    connection: &mut Connection,
    models: &str,
) -> Result<BTreeMap<String, Vec<Metric>>, sqlx::Error> {
    let read = query(
        "SELECT model_id, key, runs.run_id, timestamp, step, value, is_nan, dataset_name, dataset_digest \
         FROM logged_model_metrics JOIN runs ON runs.number = run WHERE model_id IN {texts $1} \
         ORDER BY model_id, key, runs.run_id, dataset_name, dataset_digest, step, timestamp",
    );
    let rows: Vec<MetricRow> = read.bind(models).fetch_all(connection).await?;
    let text = |text: String| Some(text).filter(|text| !text.is_empty());
    let mut all: BTreeMap<String, Vec<Metric>> = BTreeMap::new();
    for (model_id, key, run_id, timestamp, step, value, is_nan, name, digest) in rows {
        let metric = Metric {
            key,
            value: value_of(value, is_nan),
            timestamp,
            step,
            model_id: Some(model_id.clone()),
            dataset_name: text(name),
            dataset_digest: text(digest),
            run_id: Some(run_id),
        };
        let of_model = all.entry(model_id).or_default();
        // Rows of one metric, run and data set follow each other, the latest last.
        let same = |old: &Metric| {
            (
                &old.key,
                &old.run_id,
                &old.dataset_name,
                &old.dataset_digest,
            ) == (
                &metric.key,
                &metric.run_id,
                &metric.dataset_name,
                &metric.dataset_digest,
            )
        };
        if of_model.last().is_some_and(same) {
            of_model.pop();
        }
        of_model.push(metric);
    }
    Ok(all)
}

impl Store {
    /// A model; a deleted one is not found.
    pub(crate) async fn model(&self, model_id: &str) -> Result<LoggedModel, StoreError> {
        let mut connection = self.reading().await?;
        let model = whole(&mut connection, model_id).await?;
        if model.info.lifecycle_stage == LifecycleStage::Deleted {
            return Err(no_such_model(model_id).into());
        }
        Ok(model)
    }
}
