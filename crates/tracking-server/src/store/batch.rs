//! What a run says: points, params and tags, all of a request or none of it.

use idiom_tracking_api::{ApiError, KeyValue, LogBatch, limits};

use super::database::{Connection, query};
use super::runs::{self, NAME_TAG};
use super::writer::Write;
use super::{StoreError, models, points};
use crate::events::Kind;

impl Write for LogBatch {
    type Output = ();

    async fn write(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let run = runs::find_speaking(connection, &self.run_id).await?;
        log_params(connection, run.number, self).await?;
        set_tags(connection, run.number, &self.tags).await?;
        if let Some(name) = self.tags.iter().rfind(|tag| tag.key == NAME_TAG) {
            let rename = query("UPDATE runs SET run_name = $2 WHERE number = $1");
            rename
                .bind(run.number)
                .bind(&name.value)
                .execute(&mut *connection)
                .await?;
        }
        points::insert(connection, run.number, &self.metrics).await?;
        models::measure(connection, run.number, &self.metrics).await?;
        Ok(())
    }

    fn news(&self, _output: &()) -> Vec<(String, Kind)> {
        let kinds = [
            (!self.metrics.is_empty(), Kind::Metrics),
            (!self.params.is_empty(), Kind::Params),
            (!self.tags.is_empty(), Kind::Tags),
        ];
        kinds
            .into_iter()
            .filter(|(happened, _)| *happened)
            .map(|(_, kind)| (self.run_id.clone(), kind))
            .collect()
    }
}

/// Params never change: the same value again is fine, another is refused.
async fn log_params(
    connection: &mut Connection,
    run: i64,
    batch: &LogBatch,
) -> Result<(), StoreError> {
    for KeyValue { key, value } in &batch.params {
        let (value, _cut) = limits::cut(value, limits::MAX_PARAM_CHARS);
        let insert = query(
            "INSERT INTO params (run, key, value) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        );
        if insert
            .bind(run)
            .bind(key)
            .bind(value)
            .execute(&mut *connection)
            .await?
            > 0
        {
            continue;
        }
        let read = query("SELECT value FROM params WHERE run = $1 AND key = $2");
        let old: String = read.bind(run).bind(key).fetch_one(&mut *connection).await?;
        if old != value {
            return Err(ApiError::invalid(format!(
                "Changing param values is not allowed. Param with key='{key}' was already logged with value='{old}' for \
                 run ID='{}'. Attempted logging new value '{value}'.",
                batch.run_id
            ))
            .into());
        }
    }
    Ok(())
}

/// Checks tags that come by another way than a batch.
pub(super) fn check_tags(tags: &[KeyValue]) -> Result<(), ApiError> {
    tags.iter()
        .enumerate()
        .try_for_each(|(index, tag)| limits::check_tag_key(&tag.key, &format!("tags[{index}].key")))
}

/// Sets tags; one that is there already gets the new value.
pub(super) async fn set_tags(
    connection: &mut Connection,
    run: i64,
    tags: &[KeyValue],
) -> Result<(), sqlx::Error> {
    for KeyValue { key, value } in tags {
        let (value, _cut) = limits::cut(value, limits::MAX_TAG_CHARS);
        let set = query(
            "INSERT INTO tags (run, key, value) VALUES ($1, $2, $3) ON CONFLICT (run, key) DO UPDATE SET value = excluded.value",
        );
        set.bind(run)
            .bind(key)
            .bind(value)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
