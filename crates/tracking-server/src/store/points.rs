//! Points of curves: storing many at once, each once, and reading a curve back.

use std::collections::BTreeMap;

use idiom_tracking_api::{ApiError, GetMetricHistory, Metric, MetricHistory, limits, page_token};
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::chunks::{self, CurveId};
use super::summary::{Last, Summary};
use super::thinner::Point;
use super::{Store, StoreError};

/// Rows in one statement, at most. Sizes are powers of two, so that nine prepared statements serve every batch.
const LARGEST_INSERT: usize = 256;

/// A value as two columns hold it: SQLite has no NaN.
pub(super) fn columns_of(value: f64) -> (f64, bool) {
    if value.is_nan() {
        (0.0, true)
    } else {
        (value, false)
    }
}

/// A value from its two columns.
pub(super) fn value_of(value: f64, is_nan: bool) -> f64 {
    if is_nan { f64::NAN } else { value }
}

/// Stores points of one run, each once, and brings the summaries of their curves up to date.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    run: i64,
    metrics: &[Metric],
) -> Result<(), sqlx::Error> {
    let mut curves: BTreeMap<&str, Vec<&Metric>> = BTreeMap::new();
    for metric in metrics {
        curves.entry(&metric.key).or_default().push(metric);
    }
    for (name, points) in curves {
        let key = key_number(connection, name).await?;
        let inserted = insert_points(connection, (run, key), &points).await?;
        summarise(connection, (run, key), &points, inserted).await?;
    }
    Ok(())
}

async fn key_number(connection: &mut SqliteConnection, key: &str) -> Result<i64, sqlx::Error> {
    let known = sqlx::query_scalar("SELECT id FROM metric_keys WHERE key = $1");
    if let Some(id) = known.bind(key).fetch_optional(&mut *connection).await? {
        return Ok(id);
    }
    let new = sqlx::query_scalar("INSERT INTO metric_keys (key) VALUES ($1) RETURNING id");
    new.bind(key).fetch_one(connection).await
}

/// How many of the points were new.
async fn insert_points(
    connection: &mut SqliteConnection,
    (run, key): CurveId,
    points: &[&Metric],
) -> Result<i64, sqlx::Error> {
    let mut left = points;
    let mut inserted = 0;
    while !left.is_empty() {
        let size = if left.len() >= LARGEST_INSERT {
            LARGEST_INSERT
        } else {
            1 << left.len().ilog2()
        };
        let (now, later) = left.split_at(size);
        let mut query = sqlx::query(AssertSqlSafe(insert_statement(size)));
        for point in now {
            let (value, is_nan) = columns_of(point.value);
            query = query
                .bind(run)
                .bind(key)
                .bind(point.step)
                .bind(point.timestamp)
                .bind(value)
                .bind(is_nan);
        }
        let done = query.execute(&mut *connection).await?;
        inserted += i64::try_from(done.rows_affected()).unwrap_or_default();
        left = later;
    }
    Ok(inserted)
}

fn insert_statement(rows: usize) -> String {
    let rows = vec!["(?, ?, ?, ?, ?, ?)"; rows].join(", ");
    format!(
        "INSERT INTO metrics (run, key, step, timestamp, value, is_nan) VALUES {rows} ON CONFLICT DO NOTHING"
    )
}

/// A curve's summary as it is kept, and how many points it has.
#[derive(Clone, Copy)]
struct Kept {
    summary: Summary,
    n_points: i64,
    /// Points in chunks.
    n_sealed: i64,
}

async fn summarise(
    connection: &mut SqliteConnection,
    curve: CurveId,
    points: &[&Metric],
    inserted: i64,
) -> Result<(), sqlx::Error> {
    let stored = read_kept(connection, curve).await?;
    let arrived = points.iter().map(|point| Summary::of(point));
    let Some(arrived) = arrived.reduce(Summary::merge) else {
        return Ok(());
    };
    let Some(old) = stored else {
        let kept = Kept {
            summary: arrived,
            n_points: inserted,
            n_sealed: 0,
        };
        return write_kept(connection, curve, &kept).await;
    };
    let mut kept = Kept {
        summary: old.summary.merge(arrived),
        n_points: old.n_points + inserted,
        n_sealed: old.n_sealed,
    };
    if inserted > 0 && kept.n_sealed > 0 {
        kept.n_sealed = still_sealed(connection, curve, &old, points).await?;
    }
    if kept.n_points - kept.n_sealed >= 2 * chunks::SIZE {
        kept.n_sealed = chunks::seal(connection, curve).await?;
    }
    write_kept(connection, curve, &kept).await
}

/// Breaks chunks when points arrived that belong before the latest one.
async fn still_sealed(
    connection: &mut SqliteConnection,
    curve: CurveId,
    old: &Kept,
    points: &[&Metric],
) -> Result<i64, sqlx::Error> {
    let point = |metric: &&Metric| Point {
        step: metric.step,
        timestamp: metric.timestamp,
        value: metric.value,
    };
    let first = points.iter().map(point).min_by(Point::order);
    match first {
        Some(first)
            if (first.step, first.timestamp)
                <= (old.summary.last.step, old.summary.last.timestamp) =>
        {
            chunks::unseal(connection, curve, &first).await
        }
        _ => Ok(old.n_sealed),
    }
}

async fn write_kept(
    connection: &mut SqliteConnection,
    (run, key): CurveId,
    kept: &Kept,
) -> Result<(), sqlx::Error> {
    let summary = &kept.summary;
    let (value, is_nan) = columns_of(summary.last.value);
    sqlx::query(
        "INSERT OR REPLACE INTO metric_summaries (run, key, last_step, last_timestamp, last_value, last_is_nan, \
         least_value, least_step, greatest_value, greatest_step, n_points, n_sealed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(run)
    .bind(key)
    .bind(summary.last.step)
    .bind(summary.last.timestamp)
    .bind(value)
    .bind(is_nan)
    .bind(summary.least.map(|(value, _)| value))
    .bind(summary.least.map(|(_, step)| step))
    .bind(summary.greatest.map(|(value, _)| value))
    .bind(summary.greatest.map(|(_, step)| step))
    .bind(kept.n_points)
    .bind(kept.n_sealed)
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct KeptRow {
    last_step: i64,
    last_timestamp: i64,
    last_value: f64,
    last_is_nan: bool,
    least_value: Option<f64>,
    least_step: Option<i64>,
    greatest_value: Option<f64>,
    greatest_step: Option<i64>,
    n_points: i64,
    n_sealed: i64,
}

async fn read_kept(
    connection: &mut SqliteConnection,
    (run, key): CurveId,
) -> Result<Option<Kept>, sqlx::Error> {
    let row: Option<KeptRow> = sqlx::query_as(
        "SELECT last_step, last_timestamp, last_value, last_is_nan, least_value, least_step, greatest_value, \
         greatest_step, n_points, n_sealed FROM metric_summaries WHERE run = $1 AND key = $2",
    )
    .bind(run)
    .bind(key)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Kept {
        summary: Summary {
            last: Last {
                step: row.last_step,
                timestamp: row.last_timestamp,
                value: value_of(row.last_value, row.last_is_nan),
            },
            least: row.least_value.zip(row.least_step),
            greatest: row.greatest_value.zip(row.greatest_step),
        },
        n_points: row.n_points,
        n_sealed: row.n_sealed,
    }))
}

impl Store {
    /// Points of one curve, by time, step and value; all of them unless a page is asked for.
    pub(crate) async fn metric_history(
        &self,
        request: &GetMetricHistory,
    ) -> Result<MetricHistory, StoreError> {
        let offset = page_token::decode(request.page_token.as_deref())?;
        let limit = history_limit(request.max_results)?;
        let run = self.run_number(&request.run_id).await?;
        let rows: Vec<(i64, i64, f64, bool)> = sqlx::query_as(
            "SELECT step, timestamp, value, is_nan FROM metrics WHERE run = $1 AND key = (SELECT id FROM metric_keys \
             WHERE key = $2) ORDER BY timestamp, step, value LIMIT $3 OFFSET $4",
        )
        .bind(run)
        .bind(&request.metric_key)
        .bind(limit.map_or(-1, |limit| limit + 1))
        .bind(i64::try_from(offset).unwrap_or(i64::MAX))
        .fetch_all(&self.readers)
        .await?;
        let mut metrics: Vec<Metric> = rows
            .into_iter()
            .map(|(step, timestamp, value, is_nan)| Metric {
                key: request.metric_key.clone(),
                value: value_of(value, is_nan),
                timestamp,
                step,
                ..Metric::default()
            })
            .collect();
        let page = limit
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(usize::MAX);
        let next_page_token =
            (metrics.len() > page).then(|| page_token::encode(offset + page as u64));
        metrics.truncate(page);
        Ok(MetricHistory {
            metrics,
            next_page_token,
        })
    }
}

fn history_limit(asked: Option<i64>) -> Result<Option<i64>, ApiError> {
    match asked {
        Some(count) if count < 1 => Err(ApiError::invalid(format!(
            "Invalid value {count} for parameter 'max_results' supplied. It must be a positive integer."
        ))),
        Some(count) => Ok(Some(count.min(limits::MAX_HISTORY_RESULTS))),
        None => Ok(None),
    }
}
