//! Intervals by resampling (Efron 1979), the percentile kind: what could the mean have been, had other phrases been asked?

use std::cmp::Reverse;

use super::mean;
use idiom_gan::Draws;
use serde::{Deserialize, Serialize};

/// Resamples.
const RESAMPLES: u64 = 2000;
/// Share of resamples left out on each side: 95 % stay.
const TAIL: f64 = 0.025;

/// A value between two bounds that hold 95 % of the resamples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The value itself.
    pub value: f64,
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

/// The mean of `values`, one a phrase (or another unit that was drawn): whole units are resampled, since what follows from one phrase hangs
/// together. `None` of none.
#[must_use]
pub fn mean_interval(values: &[f64], seed: u64) -> Option<Interval> {
    if values.is_empty() {
        return None;
    }
    let means = resampled(values, &Draws::new(seed, "bootstrap"));
    Some(interval(mean(values), means))
}

/// The difference of the means of two independent lists of units, first minus second. `None` where one is empty.
#[must_use]
pub fn gap_interval(first: &[f64], second: &[f64], seed: u64) -> Option<Interval> {
    if first.is_empty() || second.is_empty() {
        return None;
    }
    let (a, b) = (
        resampled(first, &Draws::new(seed, "bootstrap_first")),
        resampled(second, &Draws::new(seed, "bootstrap_second")),
    );
    let gaps = a.iter().zip(&b).map(|(a, b)| a - b).collect();
    Some(interval(mean(first) - mean(second), gaps))
}

/// How far the two groups of most values lie apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Gap<'a> {
    /// The groups' names, in alphabetical order, so that the sign means the same in every run.
    pub names: [&'a str; 2],
    /// The first one's mean minus the second's.
    pub interval: Interval,
    /// Values of both.
    pub n: usize,
}

/// The gap between the two of `groups` (name and values each) that have most values; `None` where there are not two.
#[must_use]
pub fn gap_of_largest<'a>(
    groups: impl IntoIterator<Item = (&'a str, &'a [f64])>,
    seed: u64,
) -> Option<Gap<'a>> {
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(name, values)| (Reverse(values.len()), *name));
    groups.truncate(2);
    groups.sort_by_key(|(name, _)| *name);
    let &[(first, a), (second, b)] = groups.as_slice() else {
        return None;
    };
    Some(Gap {
        names: [first, second],
        interval: gap_interval(a, b, seed)?,
        n: a.len() + b.len(),
    })
}

fn resampled(values: &[f64], draws: &Draws) -> Vec<f64> {
    let n = values.len();
    let one = |idx| {
        let mut sample = draws.sample(idx);
        let sum: f64 = (0..n)
            .map(|_| values[sample.below(n as u64) as usize])
            .sum();
        sum / n as f64
    };
    (0..RESAMPLES).map(one).collect()
}

fn interval(value: f64, mut resamples: Vec<f64>) -> Interval {
    resamples.sort_by(f64::total_cmp);
    let at = |share: f64| resamples[(share * (resamples.len() - 1) as f64).round() as usize];
    Interval {
        value,
        low: at(TAIL),
        high: at(1.0 - TAIL),
    }
}
