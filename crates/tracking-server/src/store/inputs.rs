//! Inputs of runs: which data sets and models they were given.

use std::collections::BTreeMap;

use idiom_tracking_api::{
    ApiError, Dataset, DatasetInput, DatasetSummary, KeyValue, LogInputs, ModelInput, RunInputs,
    limits,
};

use super::database::{Connection, query};
use super::writer::Write;
use super::{Store, StoreError, experiments, runs};
use crate::events::Kind;

impl Write for LogInputs {
    type Output = ();

    async fn write(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let run = runs::find_speaking(connection, &self.run_id).await?;
        let experiment = experiments::number(&run.info.experiment_id)?;
        for input in &self.datasets {
            log_dataset(connection, (experiment, run.number), input).await?;
        }
        for model in &self.models {
            let insert = query(
                "INSERT INTO model_inputs (run, model_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            );
            insert
                .bind(run.number)
                .bind(&model.model_id)
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }

    fn news(&self, _output: &()) -> Vec<(String, Kind)> {
        vec![(self.run_id.clone(), Kind::Params)]
    }
}

async fn log_dataset(
    connection: &mut Connection,
    (experiment, run): (i64, i64),
    input: &DatasetInput,
) -> Result<(), StoreError> {
    let Dataset {
        name,
        digest,
        source_type,
        source,
        schema,
        profile,
    } = &input.dataset;
    for (field, value) in [
        ("name", name),
        ("digest", digest),
        ("source_type", source_type),
        ("source", source),
    ] {
        if value.is_empty() {
            return Err(limits::missing_value(field).into());
        }
    }
    limits::check_chars(name, "name", limits::MAX_DATASET_NAME_CHARS)?;
    limits::check_chars(digest, "digest", limits::MAX_DATASET_DIGEST_CHARS)?;
    // `DO UPDATE` with nothing new makes the database return the row that is already there.
    let dataset = query(
        "INSERT INTO datasets (experiment_id, name, digest, source_type, source, schema, profile) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (experiment_id, name, digest) \
         DO UPDATE SET name = excluded.name RETURNING id",
    );
    let dataset = dataset
        .bind(experiment)
        .bind(name)
        .bind(digest)
        .bind(source_type)
        .bind(source);
    let dataset: i64 = dataset
        .bind(schema)
        .bind(profile)
        .fetch_one(&mut *connection)
        .await?;
    let row = query(
        "INSERT INTO inputs (run, dataset) VALUES ($1, $2) ON CONFLICT (run, dataset) DO UPDATE SET run = excluded.run \
         RETURNING id",
    );
    let row: i64 = row
        .bind(run)
        .bind(dataset)
        .fetch_one(&mut *connection)
        .await?;
    for tag in &input.tags {
        let insert = query(
            "INSERT INTO input_tags (input, key, value) VALUES ($1, $2, $3) \
             ON CONFLICT (input, key) DO UPDATE SET value = excluded.value",
        );
        insert
            .bind(row)
            .bind(&tag.key)
            .bind(&tag.value)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

impl Store {
    /// The data sets that runs of experiments used, and what for.
    pub(crate) async fn search_datasets(
        &self,
        experiment_ids: &[String],
    ) -> Result<Vec<DatasetSummary>, StoreError> {
        let ids = experiment_ids.iter().map(|id| experiments::number(id));
        let ids = ids.collect::<Result<Vec<i64>, ApiError>>()?;
        let read = query(
            "SELECT DISTINCT experiment_id, name, digest, input_tags.value FROM datasets JOIN inputs \
             ON inputs.dataset = datasets.id LEFT JOIN input_tags ON input_tags.input = inputs.id \
             AND input_tags.key = 'mlflow.data.context' WHERE experiment_id IN {numbers $1} \
             ORDER BY experiment_id, name, digest, input_tags.value NULLS FIRST LIMIT 1000",
        );
        let rows: Vec<(i64, String, String, Option<String>)> = read
            .bind(serde_json::to_string(&ids).unwrap_or_default())
            .fetch_all(&mut self.reading().await?)
            .await?;
        let summary = |(experiment_id, name, digest, context): (i64, _, _, _)| DatasetSummary {
            experiment_id: experiment_id.to_string(),
            name,
            digest,
            context,
        };
        Ok(rows.into_iter().map(summary).collect())
    }
}

type DatasetRow = (
    i64,
    i64,
    String,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
);

/// The inputs of runs whose numbers stand in a JSON list; runs without any are left out.
pub(super) async fn of_runs(
    connection: &mut Connection,
    runs: &str,
) -> Result<BTreeMap<i64, RunInputs>, sqlx::Error> {
    let datasets: Vec<DatasetRow> = query(
        "SELECT inputs.run, inputs.id, name, digest, source_type, source, schema, profile FROM inputs JOIN datasets \
         ON datasets.id = inputs.dataset WHERE inputs.run IN {numbers $1} ORDER BY inputs.id",
    )
    .bind(runs)
    .fetch_all(&mut *connection)
    .await?;
    let models: Vec<(i64, String)> =
        query("SELECT run, model_id FROM model_inputs WHERE run IN {numbers $1} ORDER BY model_id")
            .bind(runs)
            .fetch_all(&mut *connection)
            .await?;
    let mut tags = tags_by_input(connection, &datasets).await?;
    let mut all: BTreeMap<i64, RunInputs> = BTreeMap::new();
    for (run, input, name, digest, source_type, source, schema, profile) in datasets {
        let dataset = Dataset {
            name,
            digest,
            source_type,
            source,
            schema,
            profile,
        };
        let tags = tags.remove(&input).unwrap_or_default();
        all.entry(run)
            .or_default()
            .dataset_inputs
            .push(DatasetInput { tags, dataset });
    }
    for (run, model_id) in models {
        all.entry(run)
            .or_default()
            .model_inputs
            .push(ModelInput { model_id });
    }
    Ok(all)
}

async fn tags_by_input(
    connection: &mut Connection,
    datasets: &[DatasetRow],
) -> Result<BTreeMap<i64, Vec<KeyValue>>, sqlx::Error> {
    let mut all: BTreeMap<i64, Vec<KeyValue>> = BTreeMap::new();
    if datasets.is_empty() {
        return Ok(all);
    }
    let inputs: Vec<i64> = datasets.iter().map(|row| row.1).collect();
    let list = serde_json::to_string(&inputs).unwrap_or_default();
    let read = query(
        "SELECT input, key, value FROM input_tags WHERE input IN {numbers $1} ORDER BY input, key",
    );
    let rows: Vec<(i64, String, String)> = read.bind(list).fetch_all(connection).await?;
    for (input, key, value) in rows {
        all.entry(input).or_default().push(KeyValue { key, value });
    }
    Ok(all)
}
