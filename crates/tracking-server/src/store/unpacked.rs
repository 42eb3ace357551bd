//! Databases from before points were packed: their rows become blocks when the file is opened.
//!
//! Each curve is one transaction, so that a start that is cut short goes on where it was.

use super::blocks;
use super::chunks::CurveId;
use super::database::{Connection, query};
use super::points::value_of;
use super::thinner::Point;

/// Packs what still stands in rows; nothing to do where there is no such table any more.
pub(super) async fn pack_rows(connection: &mut Connection) -> Result<(), sqlx::Error> {
    let old = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'metrics'";
    let tables: i64 = query(old).fetch_one(&mut *connection).await?;
    if tables == 0 {
        return Ok(());
    }
    let curves = query("SELECT DISTINCT run, key FROM metrics");
    let curves: Vec<CurveId> = curves.fetch_all(&mut *connection).await?;
    if !curves.is_empty() {
        tracing::info!(
            curves = curves.len(),
            "packing the points of an older database"
        );
    }
    for curve in curves {
        pack_curve(connection, curve).await?;
    }
    query("DROP TABLE metrics").execute(connection).await?;
    Ok(())
}

async fn pack_curve(connection: &mut Connection, (run, key): CurveId) -> Result<(), sqlx::Error> {
    connection.send("BEGIN IMMEDIATE").await?;
    let rows: Vec<(i64, i64, f64, bool)> = query(
        "SELECT step, timestamp, value, is_nan FROM metrics WHERE run = $1 AND key = $2 \
         ORDER BY step, timestamp, value, is_nan",
    )
    .bind(run)
    .bind(key)
    .fetch_all(&mut *connection)
    .await?;
    let point = |(step, timestamp, value, is_nan)| Point {
        step,
        timestamp,
        value: value_of(value, is_nan),
    };
    let points: Vec<Point> = rows.into_iter().map(point).collect();
    blocks::add(&mut *connection, (run, key), &points).await?;
    query("DELETE FROM metrics WHERE run = $1 AND key = $2")
        .bind(run)
        .bind(key)
        .execute(&mut *connection)
        .await?;
    connection.send("COMMIT").await
}

#[cfg(test)]
mod tests {
    use super::super::{Store, migrations};
    use crate::events::News;
    use idiom_tracking_api::GetMetricHistory;
    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{ConnectOptions, Connection as _};

    const ROWS: &str = "INSERT INTO runs (run_id, run_name, experiment_id, user_id, status, start_time, artifact_uri) \
        VALUES ('r', 'r', 0, '', 'RUNNING', 0, ''); \
        INSERT INTO metric_keys (id, key) VALUES (1, 'm'); \
        INSERT INTO metrics VALUES (1, 1, -5, 9, 0.0, 1), (1, 1, 0, 10, -2.5, 0), (1, 1, 7, 11, 9e999, 0); \
        INSERT INTO metric_summaries (run, key, last_step, last_timestamp, last_value, last_is_nan, n_points) \
        VALUES (1, 1, 7, 11, 9e999, 0, 3);";

    #[tokio::test]
    async fn a_database_of_rows_is_packed_when_it_is_opened_and_only_then() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.db");
        let options = SqliteConnectOptions::new().filename(&path);
        let mut old = options.create_if_missing(true).connect().await.unwrap();
        migrations::sqlite().run_to(4, &mut old).await.unwrap();
        sqlx::raw_sql(ROWS).execute(&mut old).await.unwrap();
        old.close().await.unwrap();
        for _ in 0..2 {
            let store = Store::open(&path.as_path().into(), News::new())
                .await
                .unwrap();
            let request = GetMetricHistory {
                run_id: "r".to_owned(),
                metric_key: "m".to_owned(),
                ..GetMetricHistory::default()
            };
            let history = store.metric_history(request).await.unwrap();
            let text: String = history.json().collect();
            let expected = r#"{"metrics":[{"key":"m","value":"NaN","timestamp":9,"step":-5},{"key":"m","value":-2.5,"timestamp":10,"step":0},{"key":"m","value":"Infinity","timestamp":11,"step":7}]}"#;
            assert_eq!(text, expected);
            assert_eq!(store.faults().await.unwrap().faults, Vec::<String>::new());
            store.close().await;
        }
    }
}
