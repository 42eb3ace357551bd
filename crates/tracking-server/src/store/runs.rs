//! Runs: making, reading, changing, deleting and restoring them.

use idiom_tracking_api::{
    ApiError, CreateRun, KeyValue, LifecycleStage, Metric, Run, RunData, RunInfo, RunStatus,
    UpdateRun, limits,
};

use super::database::{Connection, FromRow, Row, query};
use super::points::value_of;
use super::writer::Write;
use super::{Store, StoreError, batch, experiments, inputs, models, now};
use crate::events::Kind;

/// The tag that holds a run's name for MLflow's clients.
pub(super) const NAME_TAG: &str = "mlflow.runName";

pub(super) const RUN_COLUMNS: &str = "number, run_id, run_name, experiment_id, user_id, status, start_time, end_time, \
                                      artifact_uri, lifecycle_stage, version";

/// One row of the table of runs.
#[derive(Clone)]
pub(super) struct RunRow {
    pub(super) number: i64,
    /// Changes with whatever the run says.
    pub(super) version: i64,
    pub(super) info: RunInfo,
}

impl FromRow for RunRow {
    fn from_row(row: &Row) -> Result<Self, sqlx::Error> {
        let run_id: String = row.get("run_id")?;
        let info = RunInfo {
            run_uuid: run_id.clone(),
            run_id,
            run_name: row.get("run_name")?,
            experiment_id: row.get::<i64, _>("experiment_id")?.to_string(),
            user_id: row.get("user_id")?,
            status: status_of(&row.get::<String, _>("status")?),
            start_time: row.get("start_time")?,
            end_time: row.get("end_time")?,
            artifact_uri: row.get("artifact_uri")?,
            lifecycle_stage: experiments::stage_of(&row.get::<String, _>("lifecycle_stage")?),
        };
        Ok(Self {
            number: row.get("number")?,
            version: row.get("version")?,
            info,
        })
    }
}

fn status_of(word: &str) -> RunStatus {
    let all = [
        RunStatus::Scheduled,
        RunStatus::Finished,
        RunStatus::Failed,
        RunStatus::Killed,
    ];
    all.into_iter()
        .find(|status| status.as_str() == word)
        .unwrap_or(RunStatus::Running)
}

fn no_such_run(run_id: &str) -> ApiError {
    ApiError::missing(format!("Run with id={run_id} not found"))
}

/// The row of a run, deleted or not.
pub(super) async fn find(connection: &mut Connection, run_id: &str) -> Result<RunRow, StoreError> {
    let found = query(
        "SELECT number, run_id, run_name, experiment_id, user_id, status, start_time, end_time, artifact_uri, \
         lifecycle_stage, version FROM runs WHERE run_id = $1",
    );
    let row = found.bind(run_id).fetch_optional(connection).await?;
    Ok(row.ok_or_else(|| no_such_run(run_id))?)
}

/// The row of a run that is about to say something: one that is not deleted. What was known of it is so no longer.
pub(super) async fn find_speaking(
    connection: &mut Connection,
    run_id: &str,
) -> Result<RunRow, StoreError> {
    let speaks = query(
        "UPDATE runs SET version = version + 1 WHERE run_id = $1 AND lifecycle_stage = 'active' RETURNING number, run_id, \
         run_name, experiment_id, user_id, status, start_time, end_time, artifact_uri, lifecycle_stage, version",
    );
    if let Some(row) = speaks.bind(run_id).fetch_optional(&mut *connection).await? {
        return Ok(row);
    }
    find(connection, run_id).await?;
    let message =
        format!("The run {run_id} must be in the 'active' state. Current state is deleted.");
    Err(ApiError::invalid(message).into())
}

/// A run to be made, under an id that was drawn for it.
pub(crate) struct NewRun {
    pub(crate) request: CreateRun,
    pub(crate) run_id: String,
    /// The name it gets when the request gives none.
    pub(crate) made_up_name: String,
}

impl NewRun {
    fn name(&self) -> Result<String, ApiError> {
        let asked = self
            .request
            .run_name
            .as_deref()
            .filter(|name| !name.is_empty());
        let tagged = self
            .request
            .tags
            .iter()
            .find(|tag| tag.key == NAME_TAG)
            .map(|tag| tag.value.as_str());
        match (asked, tagged.filter(|name| !name.is_empty())) {
            (Some(asked), Some(tagged)) if asked != tagged => Err(ApiError::invalid(format!(
                "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values \
                 (run_name='{asked}', mlflow.runName='{tagged}')."
            ))),
            (asked, tagged) => Ok(asked.or(tagged).unwrap_or(&self.made_up_name).to_owned()),
        }
    }
}

impl Write for NewRun {
    type Output = Run;

    async fn write(&self, connection: &mut Connection) -> Result<Run, StoreError> {
        let experiment = experiments::find_active(connection, &self.request.experiment_id).await?;
        let run_name = self.name()?;
        let location = experiment.artifact_location.trim_end_matches('/');
        let artifact_uri = format!("{location}/{}/artifacts", self.run_id);
        let row: RunRow = query(
            "INSERT INTO runs (run_id, run_name, experiment_id, user_id, status, start_time, artifact_uri) \
             VALUES ($1, $2, $3, $4, 'RUNNING', $5, $6) RETURNING number, run_id, run_name, experiment_id, user_id, \
             status, start_time, end_time, artifact_uri, lifecycle_stage, version",
        )
        .bind(&self.run_id)
        .bind(&run_name)
        .bind(experiments::number(&experiment.experiment_id)?)
        .bind(self.request.user_id.as_deref().unwrap_or_default())
        .bind(self.request.start_time.unwrap_or_else(now))
        .bind(artifact_uri)
        .fetch_one(&mut *connection)
        .await?;
        let mut tags = self.request.tags.clone();
        tags.retain(|tag| tag.key != NAME_TAG);
        tags.push(KeyValue::new(NAME_TAG, run_name));
        batch::check_tags(&tags)?;
        batch::set_tags(connection, row.number, &tags).await?;
        let data = RunData {
            tags,
            ..RunData::default()
        };
        Ok(Run {
            info: row.info,
            data,
            inputs: Default::default(),
            ..Run::default()
        })
    }

    fn news(&self, _output: &Run) -> Vec<(String, Kind)> {
        vec![(self.run_id.clone(), Kind::Created)]
    }
}

impl Write for UpdateRun {
    type Output = RunInfo;

    async fn write(&self, connection: &mut Connection) -> Result<RunInfo, StoreError> {
        let row = find_speaking(connection, &self.run_id).await?;
        let name = self.run_name.as_deref().filter(|name| !name.is_empty());
        query(
            "UPDATE runs SET status = coalesce($2, status), end_time = coalesce($3, end_time), \
             run_name = coalesce($4, run_name) WHERE number = $1",
        )
        .bind(row.number)
        .bind(self.status.map(RunStatus::as_str))
        .bind(self.end_time)
        .bind(name)
        .execute(&mut *connection)
        .await?;
        if let Some(name) = name {
            batch::set_tags(connection, row.number, &[KeyValue::new(NAME_TAG, name)]).await?;
        }
        Ok(find(connection, &self.run_id).await?.info)
    }

    fn news(&self, _output: &RunInfo) -> Vec<(String, Kind)> {
        vec![(self.run_id.clone(), Kind::Status)]
    }
}

/// Hides a run.
pub(crate) struct DeleteRun(pub(crate) String);

/// Shows a hidden run again.
pub(crate) struct RestoreRun(pub(crate) String);

impl Write for DeleteRun {
    type Output = ();

    async fn write(&self, connection: &mut Connection) -> Result<(), StoreError> {
        set_stage(connection, &self.0, LifecycleStage::Deleted).await
    }

    fn news(&self, _output: &()) -> Vec<(String, Kind)> {
        vec![(self.0.clone(), Kind::Status)]
    }
}

impl Write for RestoreRun {
    type Output = ();

    async fn write(&self, connection: &mut Connection) -> Result<(), StoreError> {
        set_stage(connection, &self.0, LifecycleStage::Active).await
    }

    fn news(&self, _output: &()) -> Vec<(String, Kind)> {
        vec![(self.0.clone(), Kind::Status)]
    }
}

async fn set_stage(
    connection: &mut Connection,
    run_id: &str,
    stage: LifecycleStage,
) -> Result<(), StoreError> {
    let row = find(connection, run_id).await?;
    let deleted_time = (stage == LifecycleStage::Deleted).then(now);
    let update = query("UPDATE runs SET lifecycle_stage = $2, deleted_time = $3 WHERE number = $1");
    update
        .bind(row.number)
        .bind(stage.as_str())
        .bind(deleted_time)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes a tag off a run.
pub(crate) struct DeleteTag {
    pub(crate) run_id: String,
    pub(crate) key: String,
}

impl Write for DeleteTag {
    type Output = ();

    async fn write(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let Self { run_id, key } = self;
        let row = find_speaking(connection, run_id).await?;
        let delete = query("DELETE FROM tags WHERE run = $1 AND key = $2");
        if delete
            .bind(row.number)
            .bind(key)
            .execute(connection)
            .await?
            == 0
        {
            return Err(ApiError::missing(format!(
                "No tag with name: {key} in run with id {run_id}"
            ))
            .into());
        }
        Ok(())
    }

    fn news(&self, _output: &()) -> Vec<(String, Kind)> {
        vec![(self.run_id.clone(), Kind::Tags)]
    }
}

impl Store {
    /// The number of a run, deleted or not.
    pub(super) async fn run_number(&self, run_id: &str) -> Result<i64, StoreError> {
        if run_id.is_empty() {
            return Err(limits::missing_value("run_id").into());
        }
        let found = query("SELECT number FROM runs WHERE run_id = $1").bind(run_id);
        Ok(found
            .fetch_optional(&mut self.reading().await?)
            .await?
            .ok_or_else(|| no_such_run(run_id))?)
    }

    /// What a run is, without what it said.
    pub(crate) async fn run_info(&self, run_id: &str) -> Result<RunInfo, StoreError> {
        let mut connection = self.reading().await?;
        Ok(find(&mut connection, run_id).await?.info)
    }

    /// One run.
    pub(crate) async fn run(&self, run_id: &str) -> Result<Run, StoreError> {
        let mut connection = self.reading().await?;
        let row = find(&mut connection, run_id).await?;
        let mut runs = complete(&mut connection, vec![row]).await?;
        Ok(runs.remove(0))
    }
}

/// Adds to rows what their runs said and were given, in a few reads however many runs there are.
pub(super) async fn complete(
    connection: &mut Connection,
    rows: Vec<RunRow>,
) -> Result<Vec<Run>, StoreError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let numbers: Vec<i64> = rows.iter().map(|row| row.number).collect();
    let list = serde_json::to_string(&numbers).unwrap_or_default();
    let mut runs = Placed::new(rows);

    let metrics = query(
        "SELECT run, metric_keys.key, last_value, last_is_nan, last_timestamp, last_step FROM metric_summaries \
         JOIN metric_keys ON metric_keys.id = metric_summaries.key WHERE run IN {numbers $1} \
         ORDER BY run, metric_keys.key",
    );
    let metrics: Vec<(i64, String, f64, bool, i64, i64)> =
        metrics.bind(&list).fetch_all(&mut *connection).await?;
    for (run, key, value, is_nan, timestamp, step) in metrics {
        runs.at(run, |run| {
            run.data.metrics.push(Metric {
                key,
                value: value_of(value, is_nan),
                timestamp,
                step,
                ..Metric::default()
            })
        });
    }
    let params = "SELECT run, key, value FROM params WHERE run IN {numbers $1} ORDER BY run, key";
    for (run, key, value) in pairs(connection, params, &list).await? {
        runs.at(run, |run| run.data.params.push(KeyValue { key, value }));
    }
    let tags = "SELECT run, key, value FROM tags WHERE run IN {numbers $1} ORDER BY run, key";
    for (run, key, value) in pairs(connection, tags, &list).await? {
        runs.at(run, |run| run.data.tags.push(KeyValue { key, value }));
    }
    for (run, inputs) in inputs::of_runs(connection, &list).await? {
        runs.at(run, |run| run.inputs = inputs);
    }
    for (run, outputs) in models::outputs_of(connection, &list).await? {
        runs.at(run, |run| run.outputs = outputs);
    }
    Ok(runs.in_order)
}

async fn pairs(
    connection: &mut Connection,
    statement: &'static str,
    runs: &str,
) -> Result<Vec<(i64, String, String)>, sqlx::Error> {
    query(statement).bind(runs).fetch_all(connection).await
}

/// Runs in their order, found by number.
struct Placed {
    in_order: Vec<Run>,
    places: std::collections::HashMap<i64, usize>,
}

impl Placed {
    fn new(rows: Vec<RunRow>) -> Self {
        let places = rows
            .iter()
            .enumerate()
            .map(|(place, row)| (row.number, place))
            .collect();
        let in_order = rows
            .into_iter()
            .map(|row| Run {
                info: row.info,
                ..Run::default()
            })
            .collect();
        Self { in_order, places }
    }

    fn at(&mut self, number: i64, change: impl FnOnce(&mut Run)) {
        if let Some(&place) = self.places.get(&number) {
            change(&mut self.in_order[place]);
        }
    }
}
