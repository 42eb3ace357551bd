//! Points of curves: storing many at once, each once, with the summary of their curve.

use std::collections::BTreeMap;

use idiom_tracking_api::Metric;

use super::database::{Connection, query};
use super::summary::{Last, Summary};
use super::thinner::Point;
use super::{blocks, chunks, chunks::CurveId};

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
    connection: &mut Connection,
    run: i64,
    metrics: &[Metric],
) -> Result<(), sqlx::Error> {
    let mut curves: BTreeMap<&str, Vec<Point>> = BTreeMap::new();
    for metric in metrics {
        curves
            .entry(&metric.key)
            .or_default()
            .push(point_of(metric));
    }
    for (name, mut points) in curves {
        let arrived = points.len() as i64;
        points.sort_by(Point::order);
        points.dedup_by(|a, b| a.order(b).is_eq());
        let curve = (run, key_number(connection, name).await?);
        let inserted = blocks::add(connection, curve, &points).await?;
        let counts = Counts {
            inserted,
            repeated: arrived - inserted,
        };
        summarise(connection, curve, &points, counts).await?;
    }
    Ok(())
}

/// There is one zero and one NaN.
fn point_of(metric: &Metric) -> Point {
    let (value, is_nan) = columns_of(metric.value);
    Point {
        step: metric.step,
        timestamp: metric.timestamp,
        value: value_of(value + 0.0, is_nan),
    }
}

async fn key_number(connection: &mut Connection, key: &str) -> Result<i64, sqlx::Error> {
    let known = query("SELECT id FROM metric_keys WHERE key = $1");
    if let Some(id) = known.bind(key).fetch_optional(&mut *connection).await? {
        return Ok(id);
    }
    let new = query("INSERT INTO metric_keys (key) VALUES ($1) RETURNING id");
    new.bind(key).fetch_one(connection).await
}

/// A curve's summary as it is kept, and how many points it has.
#[derive(Clone, Copy)]
struct Kept {
    summary: Summary,
    n_points: i64,
    /// Points in chunks.
    n_sealed: i64,
    /// Points that came again.
    n_repeated: i64,
}

/// Of the points that arrived, how many were new and how many were known.
struct Counts {
    inserted: i64,
    repeated: i64,
}

async fn summarise(
    connection: &mut Connection,
    curve: CurveId,
    points: &[Point],
    counts: Counts,
) -> Result<(), sqlx::Error> {
    let arrived = points.iter().map(Summary::of).reduce(Summary::merge);
    let Some(arrived) = arrived else {
        return Ok(());
    };
    let mut kept = Kept {
        summary: arrived,
        n_points: counts.inserted,
        n_sealed: 0,
        n_repeated: counts.repeated,
    };
    if let Some(old) = read_kept(connection, curve).await? {
        kept.summary = old.summary.merge(arrived);
        kept.n_points += old.n_points;
        kept.n_repeated += old.n_repeated;
        kept.n_sealed = old.n_sealed;
        if counts.inserted > 0 {
            kept.n_sealed = still_sealed(connection, curve, &old, &points[0]).await?;
        }
    }
    if kept.n_points - kept.n_sealed >= 2 * chunks::SIZE {
        kept.n_sealed = chunks::seal(connection, curve).await?;
    }
    write_kept(connection, curve, &kept).await
}

/// Breaks chunks when points arrived that belong before the latest one.
async fn still_sealed(
    connection: &mut Connection,
    curve: CurveId,
    old: &Kept,
    first: &Point,
) -> Result<i64, sqlx::Error> {
    let last = &old.summary.last;
    if old.n_sealed > 0 && (first.step, first.timestamp) <= (last.step, last.timestamp) {
        chunks::unseal(connection, curve, first).await
    } else {
        Ok(old.n_sealed)
    }
}

async fn write_kept(
    connection: &mut Connection,
    (run, key): CurveId,
    kept: &Kept,
) -> Result<(), sqlx::Error> {
    let summary = &kept.summary;
    let (value, is_nan) = columns_of(summary.last.value);
    query(
        "INSERT INTO metric_summaries (run, key, last_step, last_timestamp, last_value, last_is_nan, \
         least_value, least_step, greatest_value, greatest_step, n_points, n_sealed, n_repeated) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (run, key) DO UPDATE SET \
         last_step = excluded.last_step, last_timestamp = excluded.last_timestamp, last_value = excluded.last_value, \
         last_is_nan = excluded.last_is_nan, least_value = excluded.least_value, least_step = excluded.least_step, \
         greatest_value = excluded.greatest_value, greatest_step = excluded.greatest_step, n_points = excluded.n_points, \
         n_sealed = excluded.n_sealed, n_repeated = excluded.n_repeated",
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
    .bind(kept.n_repeated)
    .execute(connection)
    .await?;
    Ok(())
}

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
    n_repeated: i64,
}

from_row!(KeptRow {
    last_step,
    last_timestamp,
    last_value,
    last_is_nan,
    least_value,
    least_step,
    greatest_value,
    greatest_step,
    n_points,
    n_sealed,
    n_repeated
});

async fn read_kept(
    connection: &mut Connection,
    (run, key): CurveId,
) -> Result<Option<Kept>, sqlx::Error> {
    let row: Option<KeptRow> = query(
        "SELECT last_step, last_timestamp, last_value, last_is_nan, least_value, least_step, greatest_value, \
         greatest_step, n_points, n_sealed, n_repeated FROM metric_summaries WHERE run = $1 AND key = $2",
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
        n_repeated: row.n_repeated,
    }))
}
