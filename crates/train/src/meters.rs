//! Figures on their way to the log: means over the steps since the last entry, and how fast the run goes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Sums of named figures since the last entry. Names are sorted, so the log's order is always the same.
#[derive(Debug, Default)]
pub(crate) struct Means {
    sums: BTreeMap<&'static str, (f64, u64)>,
}

/// Counts pictures and time since the last entry.
#[derive(Debug)]
pub(crate) struct Pace {
    begun: Instant,
    images: u64,
    waited: Duration,
}

/// How fast the run went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rates {
    /// Pictures a second.
    pub images_per_second: f64,
    /// Share of the time spent waiting for the loader, 0 to 1.
    pub loader_wait: f64,
}

impl Means {
    /// Adds one figure.
    pub(crate) fn add(&mut self, key: &'static str, value: f64) {
        let (sum, count) = self.sums.entry(key).or_default();
        *sum += value;
        *count += 1;
    }

    /// The means so far, by name; starts anew.
    pub(crate) fn take(&mut self) -> Vec<(&'static str, f64)> {
        let sums = std::mem::take(&mut self.sums);
        sums.into_iter()
            .map(|(key, (sum, count))| (key, sum / count as f64))
            .collect()
    }
}

impl Pace {
    /// Starts now.
    #[must_use]
    pub(crate) fn start() -> Self {
        Self {
            begun: Instant::now(),
            images: 0,
            waited: Duration::ZERO,
        }
    }

    /// Adds a step of so many pictures that waited so long for the loader.
    pub(crate) fn add(&mut self, images: u64, waited: Duration) {
        self.images += images;
        self.waited += waited;
    }

    /// The rates so far.
    #[must_use]
    pub(crate) fn rates(&self) -> Rates {
        let seconds = self.begun.elapsed().as_secs_f64().max(1e-9);
        Rates {
            images_per_second: self.images as f64 / seconds,
            loader_wait: self.waited.as_secs_f64() / seconds,
        }
    }

    /// Leaves out what happened between two steps (a save, a sheet): time that is not training.
    pub(crate) fn leave_out(&mut self, pause: Duration) {
        self.begun += pause;
    }

    /// Training time so far.
    #[must_use]
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_starts_anew_after_it_was_taken() {
        let mut means = Means::default();
        means.add("a", 1.0);
        means.add("a", 3.0);
        assert_eq!(means.take(), [("a", 2.0)]);
        means.add("a", 5.0);
        assert_eq!(means.take(), [("a", 5.0)]);
    }
}
