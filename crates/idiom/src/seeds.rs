//! Runs that differ in their seed only, summed up: the mean of each figure and how sure it is.
//!
//! The interval is Student's: half of it is t(0.975, n - 1) s / sqrt(n), with s the deviation between the runs. One run has none.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A run: its settings by dotted key, and its figures.
pub(crate) struct SeededRun {
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) figures: BTreeMap<String, f64>,
}

/// What differs between runs of one variant.
const SEED: &str = "train.seed";
/// Settings that decide nothing about what is learnt.
const IDLE: [&str; 3] = ["loader.", "tracking.", "checkpoint."];
/// t(0.975, df) for df = 1 to 10 (scipy.stats.t.ppf).
const T: [f64; 10] = [
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
];
/// The normal distribution's quantile, which t approaches.
const Z: f64 = 1.959_964;

/// One record a variant: `run` (the experiment), `differs` (in what, from its namesakes), `seeds`, then each figure and its `+-`.
pub(crate) fn over_seeds(runs: &[SeededRun]) -> Vec<Map<String, Value>> {
    let mut variants: BTreeMap<BTreeMap<&str, &str>, Vec<&SeededRun>> = BTreeMap::new();
    for run in runs {
        variants.entry(decisive(run)).or_default().push(run);
    }
    variants
        .iter()
        .map(|(settings, runs)| {
            let name = settings.get("name").copied().unwrap_or_default();
            let namesakes = variants.keys().filter(|s| s.get("name") == Some(&name));
            let mut record = Map::new();
            record.insert("run".into(), name.into());
            record.insert("differs".into(), difference(settings, namesakes).into());
            record.insert("seeds".into(), runs.len().into());
            record.extend(summed_up(runs));
            record
        })
        .collect()
}

fn decisive(run: &SeededRun) -> BTreeMap<&str, &str> {
    run.settings
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .filter(|(key, _)| *key != SEED && !IDLE.iter().any(|idle| key.starts_with(idle)))
        .collect()
}

/// The settings in which some namesake has another value.
fn difference<'a>(
    settings: &BTreeMap<&str, &str>,
    namesakes: impl Iterator<Item = &'a BTreeMap<&'a str, &'a str>>,
) -> String {
    let namesakes: Vec<_> = namesakes.collect();
    let differs = |key: &&str| namesakes.iter().any(|n| n.get(key) != settings.get(key));
    let keys = settings.keys().filter(|key| differs(key));
    keys.map(|key| format!("{key}={}", settings[key]))
        .collect::<Vec<_>>()
        .join(" ")
}

fn summed_up(runs: &[&SeededRun]) -> Map<String, Value> {
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (key, value) in runs.iter().flat_map(|run| &run.figures) {
        values.entry(key).or_default().push(*value);
    }
    let mut record = Map::new();
    for (key, values) in values {
        let (mean, half) = interval(&values);
        record.insert(key.to_owned(), mean.into());
        if let Some(half) = half {
            record.insert(format!("{key} +-"), half.into());
        }
    }
    record
}

/// The mean, and half the width of its 95 % interval where there are two values or more.
fn interval(values: &[f64]) -> (f64, Option<f64>) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if values.len() < 2 {
        return (mean, None);
    }
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (
        mean,
        Some(quantile(values.len() - 1) * (variance / n).sqrt()),
    )
}

/// t(0.975, df); beyond the table by the first term of its expansion.
fn quantile(df: usize) -> f64 {
    T.get(df - 1)
        .copied()
        .unwrap_or_else(|| Z + (Z.powi(3) + Z) / (4.0 * df as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(settings: &[(&str, &str)], figure: f64) -> SeededRun {
        SeededRun {
            settings: settings
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            figures: BTreeMap::from([("kid".to_owned(), figure)]),
        }
    }

    #[test]
    fn the_interval_is_students() {
        // scipy.stats.t.interval(0.95, 2, 2.0, scipy.stats.sem([1, 2, 3])) is (-0.48414, 4.48414).
        let (mean, half) = interval(&[1.0, 2.0, 3.0]);
        assert_eq!(mean, 2.0);
        assert!((half.unwrap() - 2.484_138).abs() < 1e-4);
        assert_eq!(interval(&[5.0]), (5.0, None));
    }

    #[test]
    fn beyond_the_table_the_quantile_is_right_to_two_digits() {
        // scipy.stats.t.ppf(0.975, [11, 30]) is 2.2010, 2.0423.
        assert!((quantile(11) - 2.2010).abs() < 0.03);
        assert!((quantile(30) - 2.0423).abs() < 0.005);
    }

    #[test]
    fn runs_that_differ_in_the_seed_are_one_line() {
        let runs = [
            run(&[("name", "a"), ("train.seed", "1"), ("x", "0")], 1.0),
            run(&[("name", "a"), ("train.seed", "2"), ("x", "0")], 3.0),
            run(&[("name", "a"), ("train.seed", "1"), ("x", "1")], 7.0),
            run(&[("name", "b"), ("train.seed", "1"), ("x", "1")], 9.0),
        ];
        let records = over_seeds(&runs);
        let cells = |key: &str| -> Vec<Value> { records.iter().map(|r| r[key].clone()).collect() };
        assert_eq!(cells("run"), ["a", "a", "b"]);
        assert_eq!(cells("differs"), ["x=0", "x=1", ""]);
        assert_eq!(cells("seeds"), [2, 1, 1]);
        assert_eq!(cells("kid"), [2.0, 7.0, 9.0]);
        assert!(records[1].get("kid +-").is_none());
    }
}
