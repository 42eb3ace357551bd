//! Experiments: making, reading, renaming, tagging, deleting and restoring them.

use idiom_tracking_api::{
    ApiError, CreateExperiment, ErrorCode, Experiment, KeyValue, LifecycleStage, SetExperimentTag,
    UpdateExperiment, limits,
};

use super::database::{Connection, FromRow, Row, query};
use super::writer::Write;
use super::{Store, StoreError, now};

/// One row of the table of experiments.
pub(super) struct ExperimentRow(pub(super) Experiment);

impl FromRow for ExperimentRow {
    fn from_row(row: &Row) -> Result<Self, sqlx::Error> {
        Ok(Self(Experiment {
            experiment_id: row.get::<i64, _>("experiment_id")?.to_string(),
            name: row.get("name")?,
            artifact_location: row.get("artifact_location")?,
            lifecycle_stage: stage_of(&row.get::<String, _>("lifecycle_stage")?),
            last_update_time: Some(row.get("last_update_time")?),
            creation_time: Some(row.get("creation_time")?),
            tags: Vec::new(),
        }))
    }
}

/// The stage a column's word means.
pub(super) fn stage_of(word: &str) -> LifecycleStage {
    if word == LifecycleStage::Deleted.as_str() {
        LifecycleStage::Deleted
    } else {
        LifecycleStage::Active
    }
}

/// The number in an experiment's id.
pub(super) fn number(experiment_id: &str) -> Result<i64, ApiError> {
    experiment_id.parse().map_err(|_| {
        ApiError::invalid(format!(
            "Invalid experiment ID '{experiment_id}'. Experiment ID must be a valid integer."
        ))
    })
}

async fn find(connection: &mut Connection, experiment_id: &str) -> Result<Experiment, StoreError> {
    let number = number(experiment_id)?;
    let found = query("SELECT * FROM experiments WHERE experiment_id = $1").bind(number);
    let row: Option<ExperimentRow> = found.fetch_optional(&mut *connection).await?;
    let row =
        row.ok_or_else(|| ApiError::missing(format!("No Experiment with id={number} exists")))?;
    Ok(with_tags(connection, vec![row.0]).await?.remove(0))
}

/// An experiment that may be written to.
pub(super) async fn find_active(
    connection: &mut Connection,
    experiment_id: &str,
) -> Result<Experiment, StoreError> {
    let experiment = find(connection, experiment_id).await?;
    if experiment.lifecycle_stage == LifecycleStage::Active {
        return Ok(experiment);
    }
    let message = format!(
        "The experiment {experiment_id} must be in the 'active' state. Current state is deleted."
    );
    Err(ApiError::invalid(message).into())
}

/// Adds their tags to experiments.
pub(super) async fn with_tags(
    connection: &mut Connection,
    mut experiments: Vec<Experiment>,
) -> Result<Vec<Experiment>, sqlx::Error> {
    let ids: Vec<&str> = experiments
        .iter()
        .map(|experiment| experiment.experiment_id.as_str())
        .collect();
    let list = format!("[{}]", ids.join(","));
    let tags: Vec<(i64, String, String)> = query(
        "SELECT experiment_id, key, value FROM experiment_tags WHERE experiment_id IN {numbers $1} \
         ORDER BY key",
    )
    .bind(list)
    .fetch_all(connection)
    .await?;
    for (id, key, value) in tags {
        let id = id.to_string();
        if let Some(experiment) = experiments
            .iter_mut()
            .find(|experiment| experiment.experiment_id == id)
        {
            experiment.tags.push(KeyValue { key, value });
        }
    }
    Ok(experiments)
}

fn check_location(location: &str) -> Result<(), ApiError> {
    if location.starts_with("runs:") {
        let message = format!("Artifact location cannot be a runs:/ URI. Given: '{location}'");
        return Err(ApiError::invalid(message));
    }
    if location.contains(['#', '?', ';']) {
        return Err(ApiError::invalid(
            "'artifact_location' URL can't include fragments or params.",
        ));
    }
    Ok(())
}

fn name_taken(name: &str) -> ApiError {
    ApiError::new(
        ErrorCode::ResourceAlreadyExists,
        format!("Experiment(name={name}) already exists."),
    )
}

fn refuse_taken(name: &str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| match &error {
        sqlx::Error::Database(cause) if cause.is_unique_violation() => name_taken(name).into(),
        _ => error.into(),
    }
}

impl Write for CreateExperiment {
    type Output = String;

    async fn write(&self, connection: &mut Connection) -> Result<String, StoreError> {
        limits::check_experiment_name(&self.name)?;
        let asked = self
            .artifact_location
            .as_deref()
            .filter(|location| !location.is_empty());
        check_location(asked.unwrap_or_default())?;
        let insert = query(
            "INSERT INTO experiments (name, artifact_location, creation_time, last_update_time) VALUES ($1, $2, $3, $3) \
             RETURNING experiment_id",
        );
        let insert = insert
            .bind(&self.name)
            .bind(asked.unwrap_or_default())
            .bind(now());
        let id: i64 = insert
            .fetch_one(&mut *connection)
            .await
            .map_err(refuse_taken(&self.name))?;
        if asked.is_none() {
            let locate =
                query("UPDATE experiments SET artifact_location = $2 WHERE experiment_id = $1");
            locate
                .bind(id)
                .bind(format!("mlflow-artifacts:/{id}"))
                .execute(&mut *connection)
                .await?;
        }
        for tag in &self.tags {
            set_tag(connection, id, tag).await?;
        }
        Ok(id.to_string())
    }
}

impl Write for UpdateExperiment {
    type Output = ();

    async fn write(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let new_name = self.new_name.as_deref().unwrap_or_default();
        limits::check_experiment_name(new_name)?;
        let experiment = find(connection, &self.experiment_id).await?;
        if experiment.lifecycle_stage != LifecycleStage::Active {
            return Err(ApiError::invalid("Cannot rename a non-active experiment.").into());
        }
        let rename = query(
            "UPDATE experiments SET name = $2, last_update_time = $3 WHERE experiment_id = $1",
        );
        let rename = rename
            .bind(number(&self.experiment_id)?)
            .bind(new_name)
            .bind(now());
        rename
            .execute(connection)
            .await
            .map_err(refuse_taken(new_name))?;
        Ok(())
    }
}

impl Write for SetExperimentTag {
    type Output = ();

    async fn write(&self, connection: &mut Connection) -> Result<(), StoreError> {
        find_active(connection, &self.experiment_id).await?;
        set_tag(
            connection,
            number(&self.experiment_id)?,
            &KeyValue::new(&self.key, &self.value),
        )
        .await
    }
}

async fn set_tag(
    connection: &mut Connection,
    experiment: i64,
    tag: &KeyValue,
) -> Result<(), StoreError> {
    limits::check_tag_key(&tag.key, "key")?;
    limits::check_chars(&tag.value, "value", limits::MAX_EXPERIMENT_TAG_CHARS)?;
    let set = query(
        "INSERT INTO experiment_tags (experiment_id, key, value) VALUES ($1, $2, $3) \
         ON CONFLICT (experiment_id, key) DO UPDATE SET value = excluded.value",
    );
    set.bind(experiment)
        .bind(&tag.key)
        .bind(&tag.value)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes a tag off an experiment.
pub(crate) struct DeleteExperimentTag {
    pub(crate) experiment_id: String,
    pub(crate) key: String,
}

impl Write for DeleteExperimentTag {
    type Output = ();

    async fn write(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let Self { experiment_id, key } = self;
        find_active(connection, experiment_id).await?;
        let delete = query("DELETE FROM experiment_tags WHERE experiment_id = $1 AND key = $2");
        let deleted = delete
            .bind(number(experiment_id)?)
            .bind(key)
            .execute(connection)
            .await?;
        if deleted == 0 {
            let message = format!("No tag with name: {key} in experiment with id {experiment_id}");
            return Err(ApiError::missing(message).into());
        }
        Ok(())
    }
}

/// Hides an experiment and its runs.
pub(crate) struct DeleteExperiment(pub(crate) String);

/// Shows a hidden experiment and its runs again.
pub(crate) struct RestoreExperiment(pub(crate) String);

impl Write for DeleteExperiment {
    type Output = ();

    async fn write(&self, connection: &mut Connection) -> Result<(), StoreError> {
        move_stage(
            connection,
            &self.0,
            LifecycleStage::Active,
            LifecycleStage::Deleted,
        )
        .await
    }
}

impl Write for RestoreExperiment {
    type Output = ();

    async fn write(&self, connection: &mut Connection) -> Result<(), StoreError> {
        move_stage(
            connection,
            &self.0,
            LifecycleStage::Deleted,
            LifecycleStage::Active,
        )
        .await
    }
}

async fn move_stage(
    connection: &mut Connection,
    experiment_id: &str,
    from: LifecycleStage,
    to: LifecycleStage,
) -> Result<(), StoreError> {
    let number = number(experiment_id)?;
    let experiment = query(
        "UPDATE experiments SET lifecycle_stage = $3, last_update_time = $4 WHERE experiment_id = $1 AND \
         lifecycle_stage = $2",
    );
    let experiment = experiment
        .bind(number)
        .bind(from.as_str())
        .bind(to.as_str())
        .bind(now());
    if experiment.execute(&mut *connection).await? == 0 {
        return Err(ApiError::missing(format!("No Experiment with id={number} exists")).into());
    }
    let runs =
        query("UPDATE runs SET lifecycle_stage = $2, deleted_time = $3 WHERE experiment_id = $1");
    let deleted_time = (to == LifecycleStage::Deleted).then(now);
    runs.bind(number)
        .bind(to.as_str())
        .bind(deleted_time)
        .execute(connection)
        .await?;
    Ok(())
}

impl Store {
    /// One experiment, deleted or not.
    pub(crate) async fn experiment(&self, experiment_id: &str) -> Result<Experiment, StoreError> {
        let mut connection = self.reading().await?;
        find(&mut connection, experiment_id).await
    }

    /// The experiment of a name, deleted or not.
    pub(crate) async fn experiment_by_name(&self, name: &str) -> Result<Experiment, StoreError> {
        let mut connection = self.reading().await?;
        let found = query("SELECT * FROM experiments WHERE name = $1").bind(name);
        let row: Option<ExperimentRow> = found.fetch_optional(&mut connection).await?;
        let row = row.ok_or_else(|| {
            ApiError::missing(format!("Could not find experiment with name '{name}'"))
        })?;
        Ok(with_tags(&mut connection, vec![row.0]).await?.remove(0))
    }
}
