//! Which points of a long curve a screen needs. Pure.
//!
//! A curve is cut into buckets of about equally many points; of each bucket the least, the greatest and the last are
//! kept, and the first NaN, so that no spike and no collapse is smoothed away. Buckets go by the order of points, not by
//! step, so that a curve logged without steps is drawn too.

use std::cmp::Ordering;

use idiom_tracking_api::number;
use serde::Serialize;
use serde::ser::{SerializeTuple, Serializer};

use super::points::columns_of;

/// A point, written as `[step, timestamp, value]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) step: i64,
    pub(crate) timestamp: i64,
    pub(crate) value: f64,
}

impl Point {
    /// The order of points on a curve, which is that of the table they are in.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        let (ours, is_nan) = columns_of(self.value);
        let (theirs, other_is_nan) = columns_of(other.value);
        (self.step, self.timestamp)
            .cmp(&(other.step, other.timestamp))
            .then(ours.partial_cmp(&theirs).unwrap_or(Ordering::Equal))
            .then(is_nan.cmp(&other_is_nan))
    }
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

/// The points that show of some that follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Extremes {
    pub(super) first_nan: Option<Point>,
    pub(super) least: Option<Point>,
    pub(super) greatest: Option<Point>,
    pub(super) last: Option<Point>,
}

impl Extremes {
    /// Of one point.
    pub(super) fn of(point: Point) -> Self {
        let number = (!point.value.is_nan()).then_some(point);
        Self {
            first_nan: point.value.is_nan().then_some(point),
            least: number,
            greatest: number,
            last: Some(point),
        }
    }

    /// Of these and those that follow.
    pub(super) fn then(self, later: Self) -> Self {
        let pick =
            |a: Option<Point>, b: Option<Point>, is_better: fn(f64, f64) -> bool| match (a, b) {
                (Some(a), Some(b)) if is_better(b.value, a.value) => Some(b),
                (a, b) => a.or(b),
            };
        Self {
            first_nan: self.first_nan.or(later.first_nan),
            least: pick(self.least, later.least, |b, a| b < a),
            greatest: pick(self.greatest, later.greatest, |b, a| b > a),
            last: later.last.or(self.last),
        }
    }

    fn points(self) -> impl Iterator<Item = Point> {
        let all = [self.first_nan, self.least, self.greatest, self.last];
        let mut kept: Vec<Point> = all.into_iter().flatten().collect();
        kept.sort_by(Point::order);
        kept.dedup_by(|a, b| a.order(b).is_eq());
        kept.into_iter()
    }
}

/// What shows of a curve whose points are in order, thinned out to about `max_points`.
pub(crate) fn thin(points: &[Point], max_points: usize) -> Vec<Point> {
    let mut thinner = Thinner::new(points.len() as u64, max_points);
    let all = points.iter().copied();
    all.for_each(|point| thinner.take(1, Extremes::of(point)));
    thinner.finish()
}

/// Takes in a curve in order and keeps the points that show.
pub(super) struct Thinner {
    n_points: u64,
    n_buckets: u64,
    n_taken: u64,
    bucket: u128,
    held: Extremes,
    kept: Vec<Point>,
}

impl Thinner {
    /// For a curve of so many points, of which about `max_points` may be kept.
    pub(super) fn new(n_points: u64, max_points: usize) -> Self {
        let max_points = max_points.max(3) as u64;
        let n_buckets = if n_points <= max_points {
            n_points
        } else {
            max_points / 3
        };
        Self {
            n_points: n_points.max(1),
            n_buckets: n_buckets.max(1),
            n_taken: 0,
            bucket: 0,
            held: Extremes::default(),
            kept: Vec::new(),
        }
    }

    /// How many points make up a bucket, at least.
    pub(super) fn bucket_size(&self) -> u64 {
        self.n_points / self.n_buckets
    }

    /// Takes the next `count` points, of which `extremes` are known. They go into one bucket.
    pub(super) fn take(&mut self, count: u64, extremes: Extremes) {
        let bucket =
            u128::from(self.n_taken) * u128::from(self.n_buckets) / u128::from(self.n_points);
        if bucket != self.bucket {
            self.kept.extend(std::mem::take(&mut self.held).points());
            self.bucket = bucket;
        }
        self.held = self.held.then(extremes);
        self.n_taken += count;
    }

    /// What shows.
    pub(super) fn finish(mut self) -> Vec<Point> {
        self.kept.extend(self.held.points());
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(values: &[f64]) -> Vec<Point> {
        let point = |(step, value): (usize, &f64)| Point {
            step: step as i64,
            timestamp: 0,
            value: *value,
        };
        values.iter().enumerate().map(point).collect()
    }

    fn thin(values: &[f64], max_points: usize) -> Vec<Point> {
        let mut thinner = Thinner::new(values.len() as u64, max_points);
        for point in curve(values) {
            thinner.take(1, Extremes::of(point));
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
    fn whole_chunks_keep_the_same_as_their_points() {
        let values: Vec<f64> = (0..64_000_u32)
            .map(|i| f64::from(i * 7919 % 1009))
            .collect();
        let points = curve(&values);
        // 300 / 3 buckets of 640 points: ten chunks of 64 each.
        let mut thinner = Thinner::new(64_000, 300);
        assert_eq!(thinner.bucket_size(), 640);
        for chunk in points.chunks(64) {
            let extremes = chunk.iter().copied().map(Extremes::of);
            thinner.take(64, extremes.reduce(Extremes::then).unwrap());
        }
        assert_eq!(thinner.finish(), thin(&values, 300));
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
