//! Chunks of curves: what shows of 64, 1024, ... neighbouring points, so that a long curve is drawn without reading
//! every point of it.
//!
//! Points mostly arrive in order. Whoever stores points seals those that fill chunks; a point that arrives late, in the
//! middle of what is sealed, breaks the chunks from there on, and they are made again a few at a time. A curve that is
//! read while much of it lies unsealed is sealed after that.

use super::blocks::points_after;
use super::database::{Connection, insert_rows, query};
use super::points::{columns_of, value_of};
use super::thinner::{Extremes, Point, Thinner};
use super::writer::Write;
use super::{Store, StoreError};

/// Points in a chunk of level 0.
pub(super) const SIZE: i64 = 64;
/// Chunks in a chunk of the next level.
const FAN: i64 = 16;
/// Levels: the highest one's chunks stand for a quarter of a million points each.
const LEVELS: i64 = 4;
/// Chunks that one write makes, at most, so that other writes do not wait for long.
const AT_ONCE: i64 = 128;
/// So many unsealed points are left to those who read the curve.
const WORTH_SEALING: i64 = 4096;

/// A run's number and a key's.
pub(super) type CurveId = (i64, i64);

/// How many points a chunk of a level stands for.
fn size_of(level: i64) -> i64 {
    (0..level).fold(SIZE, |size, _| size * FAN)
}

struct Row {
    chunk: i64,
    nan_step: Option<i64>,
    nan_timestamp: Option<i64>,
    least_step: Option<i64>,
    least_timestamp: Option<i64>,
    least_value: Option<f64>,
    greatest_step: Option<i64>,
    greatest_timestamp: Option<i64>,
    greatest_value: Option<f64>,
    last_step: i64,
    last_timestamp: i64,
    last_value: f64,
    last_is_nan: bool,
}

from_row!(Row {
    chunk,
    nan_step,
    nan_timestamp,
    least_step,
    least_timestamp,
    least_value,
    greatest_step,
    greatest_timestamp,
    greatest_value,
    last_step,
    last_timestamp,
    last_value,
    last_is_nan
});

impl Row {
    fn last(&self) -> Point {
        Point {
            step: self.last_step,
            timestamp: self.last_timestamp,
            value: value_of(self.last_value, self.last_is_nan),
        }
    }

    fn extremes(&self) -> Extremes {
        let point = |step: Option<i64>, timestamp: Option<i64>, value: Option<f64>| {
            Some(Point {
                step: step?,
                timestamp: timestamp?,
                value: value?,
            })
        };
        Extremes {
            first_nan: point(self.nan_step, self.nan_timestamp, Some(f64::NAN)),
            least: point(self.least_step, self.least_timestamp, self.least_value),
            greatest: point(
                self.greatest_step,
                self.greatest_timestamp,
                self.greatest_value,
            ),
            last: Some(self.last()),
        }
    }
}

const COLUMNS: &str = "chunk, nan_step, nan_timestamp, least_step, least_timestamp, least_value, greatest_step, \
    greatest_timestamp, greatest_value, last_step, last_timestamp, last_value, last_is_nan";

/// Breaks the chunks that a late point falls into, and those after them; how many points are still sealed.
pub(super) async fn unseal(
    connection: &mut Connection,
    curve: CurveId,
    late: &Point,
) -> Result<i64, sqlx::Error> {
    let (value, is_nan) = columns_of(late.value);
    let broken: Option<i64> = query(
        "SELECT min(chunk) FROM metric_chunks WHERE run = $1 AND key = $2 AND level = 0 \
         AND (last_step, last_timestamp, last_value, last_is_nan) >= ($3, $4, $5, $6)",
    )
    .bind(curve.0)
    .bind(curve.1)
    .bind(late.step)
    .bind(late.timestamp)
    .bind(value)
    .bind(is_nan)
    .fetch_one(&mut *connection)
    .await?;
    let Some(broken) = broken else {
        return last_chunk(connection, curve, 0)
            .await
            .map(|last| last.map_or(0, |row| (row.chunk + 1) * SIZE));
    };
    let first_point = broken * SIZE;
    for level in 0..LEVELS {
        query(
            "DELETE FROM metric_chunks WHERE run = $1 AND key = $2 AND level = $3 AND chunk >= $4",
        )
        .bind(curve.0)
        .bind(curve.1)
        .bind(level)
        .bind(first_point / size_of(level))
        .execute(&mut *connection)
        .await?;
    }
    Ok(first_point)
}

/// Makes the chunks that are full, up to a limit; how many points are sealed now.
pub(super) async fn seal(connection: &mut Connection, curve: CurveId) -> Result<i64, sqlx::Error> {
    let last = last_chunk(connection, curve, 0).await?;
    let next = last.as_ref().map_or(0, |row| row.chunk + 1);
    let points = points_after(
        connection,
        curve,
        last.map(|row| row.last()),
        (AT_ONCE * SIZE) as usize,
    )
    .await?;
    let full = points.chunks_exact(SIZE as usize);
    let made: Vec<Extremes> = full
        .filter_map(|points| {
            points
                .iter()
                .copied()
                .map(Extremes::of)
                .reduce(Extremes::then)
        })
        .collect();
    insert(connection, (curve, 0), next, &made).await?;
    for level in 1..LEVELS {
        if !seal_level(connection, curve, level).await? {
            break;
        }
    }
    Ok((next + made.len() as i64) * SIZE)
}

/// Makes the chunks of a level whose parts are all there; whether there were any.
async fn seal_level(
    connection: &mut Connection,
    curve: CurveId,
    level: i64,
) -> Result<bool, sqlx::Error> {
    let next = last_chunk(connection, curve, level)
        .await?
        .map_or(0, |row| row.chunk + 1);
    let parts = chunks_from(connection, (curve, level - 1), next * FAN).await?;
    let full = parts.chunks_exact(FAN as usize);
    let made: Vec<Extremes> = full
        .filter_map(|parts| parts.iter().map(Row::extremes).reduce(Extremes::then))
        .collect();
    insert(connection, (curve, level), next, &made).await?;
    Ok(!made.is_empty())
}

async fn last_chunk(
    connection: &mut Connection,
    curve: CurveId,
    level: i64,
) -> Result<Option<Row>, sqlx::Error> {
    let last = format!(
        "SELECT {COLUMNS} FROM metric_chunks WHERE run = $1 AND key = $2 AND level = $3 ORDER BY chunk DESC LIMIT 1"
    );
    let last = query(last);
    last.bind(curve.0)
        .bind(curve.1)
        .bind(level)
        .fetch_optional(connection)
        .await
}

async fn chunks_from(
    connection: &mut Connection,
    (curve, level): (CurveId, i64),
    first: i64,
) -> Result<Vec<Row>, sqlx::Error> {
    let all = format!(
        "SELECT {COLUMNS} FROM metric_chunks WHERE run = $1 AND key = $2 AND level = $3 AND chunk >= $4 ORDER BY chunk"
    );
    let all = query(all);
    all.bind(curve.0)
        .bind(curve.1)
        .bind(level)
        .bind(first)
        .fetch_all(connection)
        .await
}

async fn insert(
    connection: &mut Connection,
    (curve, level): (CurveId, i64),
    first: i64,
    chunks: &[Extremes],
) -> Result<(), sqlx::Error> {
    let into = format!("metric_chunks (run, key, level, {COLUMNS})");
    let rows = (first..).zip(chunks).filter_map(|(chunk, extremes)| {
        let [nan, least, greatest] = [extremes.first_nan, extremes.least, extremes.greatest];
        let last = extremes.last?;
        let (last_value, last_is_nan) = columns_of(last.value);
        let step = |point: Option<Point>| point.map(|point| point.step).into();
        let timestamp = |point: Option<Point>| point.map(|point| point.timestamp).into();
        let value = |point: Option<Point>| point.map(|point| point.value).into();
        Some([
            curve.0.into(),
            curve.1.into(),
            level.into(),
            chunk.into(),
            step(nan),
            timestamp(nan),
            step(least),
            timestamp(least),
            value(least),
            step(greatest),
            timestamp(greatest),
            value(greatest),
            last.step.into(),
            last.timestamp.into(),
            last_value.into(),
            last_is_nan.into(),
        ])
    });
    insert_rows(connection, &into, rows).await
}

/// Seals some more of a curve; whether there is more to seal.
struct Seal(CurveId);

impl Write for Seal {
    type Output = bool;

    async fn write(&self, connection: &mut Connection) -> Result<bool, StoreError> {
        let Self((run, key)) = *self;
        let sealed = seal(connection, (run, key)).await?;
        let update = query(
            "UPDATE metric_summaries SET n_sealed = $3 WHERE run = $1 AND key = $2 RETURNING n_points",
        );
        let n_points: i64 = update
            .bind(run)
            .bind(key)
            .bind(sealed)
            .fetch_one(connection)
            .await?;
        Ok(n_points - sealed >= SIZE)
    }
}

impl Store {
    /// A curve of `n_points`, thinned out to about `max_points`.
    pub(super) async fn thinned_curve(
        &self,
        curve: CurveId,
        n_points: u64,
        max_points: usize,
    ) -> Result<Vec<Point>, StoreError> {
        // One transaction, so that chunks and points are of one moment.
        let mut reading = self.readers.snapshot().await?;
        let mut thinner = Thinner::new(n_points, max_points);
        let bucket_size = i64::try_from(thinner.bucket_size()).unwrap_or(i64::MAX);
        let mut taken = 0;
        let mut last = None;
        for level in (0..LEVELS)
            .rev()
            .filter(|level| size_of(*level) <= bucket_size)
        {
            let size = size_of(level);
            for row in chunks_from(&mut reading, (curve, level), taken / size).await? {
                thinner.take(size as u64, row.extremes());
                last = Some(row.last());
                taken += size;
            }
        }
        let rest = points_after(&mut reading, curve, last, usize::MAX).await?;
        drop(reading);
        if bucket_size >= SIZE && rest.len() as i64 >= WORTH_SEALING {
            self.seal_later(curve);
        }
        rest.into_iter()
            .for_each(|point| thinner.take(1, Extremes::of(point)));
        Ok(thinner.finish())
    }

    /// Seals a curve bit by bit, other writes in between.
    fn seal_later(&self, curve: CurveId) {
        let store = self.clone();
        tokio::spawn(async move { while let Ok(true) = store.write(Seal(curve)).await {} });
    }
}
