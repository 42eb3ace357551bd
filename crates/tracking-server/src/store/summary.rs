//! What is kept of a curve besides its points: the latest, the least and the greatest.
//!
//! Pure: a summary takes in points in any order, and the same point twice, and ends up the same.

use super::thinner::Point;

/// The latest, least and greatest point of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Summary {
    pub(super) last: Last,
    /// Value and step; none while every value is NaN.
    pub(super) least: Option<(f64, i64)>,
    /// Value and step; none while every value is NaN.
    pub(super) greatest: Option<(f64, i64)>,
}

/// The point that is greatest by step, then time, then value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Last {
    pub(super) step: i64,
    pub(super) timestamp: i64,
    pub(super) value: f64,
}

impl Last {
    fn is_after(&self, other: &Self) -> bool {
        let (ours, theirs) = ((self.step, self.timestamp), (other.step, other.timestamp));
        ours > theirs || (ours == theirs && self.value.total_cmp(&other.value).is_gt())
    }
}

impl Summary {
    /// The summary of a curve of one point.
    pub(super) fn of(point: &Point) -> Self {
        let Point {
            value,
            timestamp,
            step,
        } = *point;
        let extreme = (!value.is_nan()).then_some((value, step));
        Self {
            last: Last {
                step,
                timestamp,
                value,
            },
            least: extreme,
            greatest: extreme,
        }
    }

    /// The summary of two parts of a curve.
    pub(super) fn merge(self, other: Self) -> Self {
        Self {
            last: if other.last.is_after(&self.last) {
                other.last
            } else {
                self.last
            },
            least: pick(self.least, other.least, |a, b| {
                b.0 < a.0 || (b.0 == a.0 && b.1 < a.1)
            }),
            greatest: pick(self.greatest, other.greatest, |a, b| {
                b.0 > a.0 || (b.0 == a.0 && b.1 < a.1)
            }),
        }
    }
}

type Extreme = Option<(f64, i64)>;

fn pick(a: Extreme, b: Extreme, is_better: impl Fn((f64, i64), (f64, i64)) -> bool) -> Extreme {
    match (a, b) {
        (Some(a), Some(b)) => Some(if is_better(a, b) { b } else { a }),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(step: i64, timestamp: i64, value: f64) -> Summary {
        Summary::of(&Point {
            step,
            timestamp,
            value,
        })
    }

    #[test]
    fn the_latest_point_is_greatest_by_step_then_time_then_value() {
        let by_step = point(2, 1, 0.0).merge(point(1, 9, 9.0));
        assert_eq!(by_step.last.step, 2);
        let by_time = point(2, 1, 5.0).merge(point(2, 3, 0.0));
        assert_eq!(by_time.last.timestamp, 3);
        let by_value = point(2, 1, 5.0).merge(point(2, 1, 7.0));
        assert_eq!(by_value.last.value, 7.0);
    }

    #[test]
    fn order_and_repetition_change_nothing() {
        let points = [point(0, 0, 3.0), point(1, 0, -1.0), point(2, 0, 3.0)];
        let forwards = points.into_iter().reduce(Summary::merge).unwrap();
        let backwards = points
            .into_iter()
            .rev()
            .chain(points)
            .reduce(Summary::merge)
            .unwrap();
        assert_eq!(forwards, backwards);
        assert_eq!(
            (forwards.least, forwards.greatest),
            (Some((-1.0, 1)), Some((3.0, 0)))
        );
    }

    #[test]
    fn nan_is_latest_but_never_least_or_greatest() {
        let summary = point(1, 0, 2.0).merge(point(5, 0, f64::NAN));
        assert!(summary.last.value.is_nan());
        assert_eq!(
            (summary.least, summary.greatest),
            (Some((2.0, 1)), Some((2.0, 1)))
        );
        assert_eq!(point(1, 0, f64::NAN).least, None);
    }
}
