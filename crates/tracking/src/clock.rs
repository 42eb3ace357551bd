//! Time as a run tells it: milliseconds since 1970, fixed when an item is logged, never going back.
//!
//! A server keeps one row for equal (key, timestamp, step, value), so two real points must differ: [`Ties`] moves a
//! point that would equal an earlier one of its key by a millisecond. Steps that rise never move.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use idiom_tracking_api::Metric;

/// The system's clock, held still where it jumps back.
pub(crate) struct Clock(AtomicI64);

impl Clock {
    /// A clock that shows `at_least` this time.
    pub(crate) fn new(at_least: i64) -> Self {
        Self(AtomicI64::new(at_least))
    }

    /// Now, or the latest time shown so far if that is later.
    pub(crate) fn now(&self) -> i64 {
        self.later_of(system_milliseconds())
    }

    fn later_of(&self, now: i64) -> i64 {
        self.0.fetch_max(now, Ordering::Relaxed).max(now)
    }
}

/// The system's clock.
pub(crate) fn system_milliseconds() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The last (timestamp, step) of each key; makes those of a key rise strictly.
#[derive(Default)]
pub(crate) struct Ties(HashMap<String, (i64, i64)>);

impl Ties {
    /// Moves the point's timestamp just as far as needed to stand after the key's last point.
    pub(crate) fn part(&mut self, metric: &mut Metric) {
        match self.0.get_mut(&metric.key) {
            None => {
                self.0
                    .insert(metric.key.clone(), (metric.timestamp, metric.step));
            }
            Some(last) => {
                if (metric.timestamp, metric.step) <= *last {
                    metric.timestamp = if metric.step > last.1 {
                        last.0
                    } else {
                        last.0 + 1
                    };
                }
                *last = (metric.timestamp, metric.step);
            }
        }
    }

    /// Takes note of a point that is already in the spool.
    pub(crate) fn note(&mut self, metric: &Metric) {
        self.0
            .insert(metric.key.clone(), (metric.timestamp, metric.step));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parted(points: &[(i64, i64)]) -> Vec<(i64, i64)> {
        let mut ties = Ties::default();
        points
            .iter()
            .map(|&(timestamp, step)| {
                let mut metric = Metric {
                    key: "a".into(),
                    timestamp,
                    step,
                    ..Metric::default()
                };
                ties.part(&mut metric);
                (metric.timestamp, metric.step)
            })
            .collect()
    }

    #[test]
    fn a_clock_that_jumps_back_stands_still() {
        let clock = Clock::new(0);
        assert_eq!(
            [100, 40, 101].map(|now| clock.later_of(now)),
            [100, 100, 101]
        );
    }

    #[test]
    fn rising_steps_keep_their_time() {
        assert_eq!(parted(&[(5, 1), (5, 2), (6, 3)]), [(5, 1), (5, 2), (6, 3)]);
    }

    #[test]
    fn equal_points_are_told_apart_by_a_millisecond() {
        assert_eq!(
            parted(&[(5, 1), (5, 1), (5, 1), (6, 1)]),
            [(5, 1), (6, 1), (7, 1), (8, 1)]
        );
    }

    #[test]
    fn a_step_back_in_the_same_millisecond_moves_on() {
        assert_eq!(parted(&[(5, 2), (5, 1), (5, 2)]), [(5, 2), (6, 1), (6, 2)]);
    }
}
