//! Curves as a screen needs them: of a million points, the few that can be seen.
//!
//! A long curve is cut into buckets of equally many points; of each bucket the least, the greatest and the last are
//! kept, and the first NaN, so that no spike and no collapse is smoothed away. Buckets go by the order of points, not by
//! step, so that a curve logged without steps is drawn too.

use serde::Serialize;
use serde::ser::{SerializeTuple, Serializer};

use super::points::value_of;
use super::{Store, StoreError};
use futures_util::TryStreamExt;
use idiom_tracking_api::number;

/// A curve of one run, thinned out.
#[derive(Debug, Serialize)]
pub(crate) struct Curve {
    pub(crate) run_id: String,
    pub(crate) key: String,
    /// How many points there are in the store.
    pub(crate) n_points: u64,
    /// By step, time and value.
    pub(crate) points: Vec<Point>,
}

/// A point, written as `[step, timestamp, value]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) step: i64,
    pub(crate) timestamp: i64,
    pub(crate) value: f64,
}

impl Serialize for Point {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Value(#[serde(with = "number::double")] f64);
        let mut tuple = serializer.serialize_tuple(3)?;
        tuple.serialize_element(&self.step)?;
        tuple.serialize_element(&self.timestamp)?;
        tuple.serialize_element(&Value(self.value))?;
        tuple.end()
    }
}

/// What tables show of a curve: its latest, least and greatest value, each with its step.
#[derive(Debug, Serialize)]
pub(crate) struct CurveSummary {
    pub(crate) run_id: String,
    pub(crate) key: String,
    pub(crate) last: At,
    /// Absent while every value is NaN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) least: Option<At>,
    /// Absent while every value is NaN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) greatest: Option<At>,
}

/// A value at a step.
#[derive(Debug, Serialize)]
pub(crate) struct At {
    #[serde(with = "number::double")]
    pub(crate) value: f64,
    pub(crate) step: i64,
}

type SummaryRow = (
    String,
    String,
    f64,
    bool,
    i64,
    Option<f64>,
    Option<i64>,
    Option<f64>,
    Option<i64>,
);

impl Store {
    /// What tables show of the curves of runs.
    pub(crate) async fn summaries(
        &self,
        run_ids: &[String],
    ) -> Result<Vec<CurveSummary>, StoreError> {
        let rows: Vec<SummaryRow> = sqlx::query_as(
            "SELECT run_id, metric_keys.key, last_value, last_is_nan, last_step, least_value, least_step, \
             greatest_value, greatest_step FROM runs JOIN metric_summaries ON run = number JOIN metric_keys \
             ON metric_keys.id = metric_summaries.key WHERE run_id IN (SELECT value FROM json_each($1)) \
             ORDER BY run_id, metric_keys.key",
        )
        .bind(serde_json::to_string(run_ids).unwrap_or_default())
        .fetch_all(&self.readers)
        .await?;
        let at = |value: Option<f64>, step: Option<i64>| {
            Some(At {
                value: value?,
                step: step?,
            })
        };
        let summary = |(
            run_id,
            key,
            last,
            is_nan,
            step,
            least,
            least_step,
            greatest,
            greatest_step,
        ): SummaryRow| {
            let last = At {
                value: value_of(last, is_nan),
                step,
            };
            let (least, greatest) = (at(least, least_step), at(greatest, greatest_step));
            CurveSummary {
                run_id,
                key,
                last,
                least,
                greatest,
            }
        };
        Ok(rows.into_iter().map(summary).collect())
    }

    /// The curves of runs, each thinned out to about `max_points`; all curves when no keys are given.
    pub(crate) async fn curves(
        &self,
        run_ids: &[String],
        keys: &[String],
        max_points: usize,
    ) -> Result<Vec<Curve>, StoreError> {
        let mut curves = Vec::new();
        for run_id in run_ids {
            let run = self.run_number(run_id).await?;
            for (number, key) in self.curve_keys(run, keys).await? {
                let (n_points, points) = self.thinned_curve((run, number), max_points).await?;
                curves.push(Curve {
                    run_id: run_id.clone(),
                    key,
                    n_points,
                    points,
                });
            }
        }
        Ok(curves)
    }

    async fn curve_keys(
        &self,
        run: i64,
        wanted: &[String],
    ) -> Result<Vec<(i64, String)>, StoreError> {
        let mut keys: Vec<(i64, String)> = sqlx::query_as(
            "SELECT metric_keys.id, metric_keys.key FROM metric_summaries JOIN metric_keys \
             ON metric_keys.id = metric_summaries.key WHERE run = $1 ORDER BY metric_keys.key",
        )
        .bind(run)
        .fetch_all(&self.readers)
        .await?;
        keys.retain(|(_, key)| wanted.is_empty() || wanted.contains(key));
        Ok(keys)
    }

    async fn thinned_curve(
        &self,
        curve: (i64, i64),
        max_points: usize,
    ) -> Result<(u64, Vec<Point>), StoreError> {
        let mut connection = self.readers.acquire().await?;
        let count = sqlx::query_scalar("SELECT count(*) FROM metrics WHERE run = $1 AND key = $2");
        let count: i64 = count
            .bind(curve.0)
            .bind(curve.1)
            .fetch_one(&mut *connection)
            .await?;
        let count = u64::try_from(count).unwrap_or_default();
        let rows = sqlx::query_as::<_, (i64, i64, f64, bool)>(
            "SELECT step, timestamp, value, is_nan FROM metrics WHERE run = $1 AND key = $2 \
             ORDER BY step, timestamp, value, is_nan",
        );
        let mut rows = rows.bind(curve.0).bind(curve.1).fetch(&mut *connection);
        let mut thinner = Thinner::new(count, max_points);
        while let Some((step, timestamp, value, is_nan)) = rows.try_next().await? {
            thinner.take(Point {
                step,
                timestamp,
                value: value_of(value, is_nan),
            });
        }
        Ok((count, thinner.finish()))
    }
}

/// Takes in the points of a curve in order and keeps those that show.
struct Thinner {
    n_points: u64,
    n_buckets: u64,
    n_taken: u64,
    bucket: Bucket,
    kept: Vec<Point>,
}

#[derive(Default)]
struct Bucket {
    first_nan: Option<(u64, Point)>,
    least: Option<(u64, Point)>,
    greatest: Option<(u64, Point)>,
    last: Option<(u64, Point)>,
}

impl Thinner {
    fn new(n_points: u64, max_points: usize) -> Self {
        let max_points = max_points.max(3) as u64;
        let n_buckets = if n_points <= max_points {
            n_points
        } else {
            max_points / 3
        };
        Self {
            n_points,
            n_buckets,
            n_taken: 0,
            bucket: Bucket::default(),
            kept: Vec::new(),
        }
    }

    fn take(&mut self, point: Point) {
        let place = self.n_taken;
        self.bucket.take(place, point);
        self.n_taken += 1;
        let bucket_of = |place: u64| {
            u128::from(place) * u128::from(self.n_buckets) / u128::from(self.n_points.max(1))
        };
        if bucket_of(place) != bucket_of(place + 1) {
            self.kept.extend(std::mem::take(&mut self.bucket).points());
        }
    }

    fn finish(mut self) -> Vec<Point> {
        self.kept.extend(self.bucket.points());
        self.kept
    }
}

impl Bucket {
    fn take(&mut self, place: u64, point: Point) {
        let placed = Some((place, point));
        self.last = placed;
        if point.value.is_nan() {
            self.first_nan = self.first_nan.or(placed);
            return;
        }
        if self
            .least
            .is_none_or(|(_, least)| point.value < least.value)
        {
            self.least = placed;
        }
        if self
            .greatest
            .is_none_or(|(_, greatest)| point.value > greatest.value)
        {
            self.greatest = placed;
        }
    }

    fn points(self) -> impl Iterator<Item = Point> {
        let mut kept: Vec<(u64, Point)> = [self.first_nan, self.least, self.greatest, self.last]
            .into_iter()
            .flatten()
            .collect();
        kept.sort_by_key(|(place, _)| *place);
        kept.dedup_by_key(|(place, _)| *place);
        kept.into_iter().map(|(_, point)| point)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thin(values: &[f64], max_points: usize) -> Vec<Point> {
        let mut thinner = Thinner::new(values.len() as u64, max_points);
        for (step, value) in values.iter().enumerate() {
            thinner.take(Point {
                step: step as i64,
                timestamp: 0,
                value: *value,
            });
        }
        thinner.finish()
    }

    #[test]
    fn a_short_curve_is_kept_whole() {
        let steps: Vec<i64> = thin(&[1.0, 3.0, 2.0], 3)
            .iter()
            .map(|point| point.step)
            .collect();
        assert_eq!(steps, [0, 1, 2]);
    }

    #[test]
    fn a_long_curve_keeps_its_spikes_its_nan_and_its_end() {
        let mut values = vec![0.0; 100_000];
        values[12_345] = 9.0;
        values[54_321] = -9.0;
        values[77_777] = f64::NAN;
        let points = thin(&values, 300);
        let steps: Vec<i64> = points.iter().map(|point| point.step).collect();
        assert!(steps.len() <= 400, "{} points", steps.len());
        assert!(
            [12_345, 54_321, 77_777, 99_999]
                .iter()
                .all(|step| steps.contains(step))
        );
        assert!(steps.is_sorted());
    }

    #[test]
    fn a_point_is_a_short_list_and_nan_a_word() {
        let point = Point {
            step: 3,
            timestamp: 7,
            value: f64::NAN,
        };
        assert_eq!(serde_json::to_string(&point).unwrap(), r#"[3,7,"NaN"]"#);
    }
}
