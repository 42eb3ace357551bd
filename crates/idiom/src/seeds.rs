//! Runs that differ in their seed only, summed up: the mean of each figure and how sure it is.
//!
//! The interval is Student's: half of it is t(0.975, n - 1) s / sqrt(n), with s the deviation between the runs. One run has none.

use crate::records::{EVALUATED, Record};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What differs between runs of one variant.
const SEED: &str = "train.seed";
/// Settings that decide nothing about what is learnt.
const IDLE: [&str; 8] = [
    "name",
    "train.threads",
    "train.device",
    "loader.",
    "tracking.",
    "checkpoint.",
    "samples.",
    "logging.",
];
/// What ends the name of a column with half the width of an interval.
pub(crate) const HALF: &str = " +-";
/// t(0.975, df) for df = 1 to 10 (scipy.stats.t.ppf).
const T: [f64; 10] = [
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
];
/// The normal distribution's quantile, which t approaches.
const Z: f64 = 1.959_964;

/// The settings that decide what is learnt.
type Settings<'a> = BTreeMap<&'a str, &'a str>;

/// Runs with the same settings but for their seed.
struct Variant<'a> {
    settings: Settings<'a>,
    /// The names that their experiments give them.
    name: String,
    /// One a seed: of runs that are the same, the last by name.
    runs: Vec<&'a Record>,
}

impl<'a> Variant<'a> {
    fn of(settings: Settings<'a>, runs: &[&'a Record]) -> Self {
        let names: BTreeSet<&str> = (runs.iter())
            .filter_map(|run| run.settings.get("name").map(String::as_str))
            .collect();
        let by_seed: BTreeMap<&str, &Record> =
            (runs.iter()).map(|run| (run.seed.as_str(), *run)).collect();
        Self {
            settings,
            name: names.into_iter().collect::<Vec<_>>().join(", "),
            runs: by_seed.into_values().collect(),
        }
    }
}

/// One record a variant: `run` (the experiment), `differs` (in what, from its namesakes), `seeds`, `judged_by`, then each figure and its `+-`.
/// Where its runs were judged by different judges, `judged_by` says `several` and the figures of their evaluations are left out.
pub(crate) fn over_seeds(runs: &[Record]) -> Vec<Map<String, Value>> {
    let variants = variants(runs);
    let record = |variant: &Variant<'_>| {
        let namesakes = variants.iter().filter(|other| other.name == variant.name);
        let namesakes: Vec<_> = namesakes.map(|other| &other.settings).collect();
        let judges: BTreeSet<_> = variant
            .runs
            .iter()
            .filter_map(|run| run.judge.as_ref())
            .collect();
        let mut record = Map::new();
        record.insert("run".into(), variant.name.as_str().into());
        record.insert(
            "differs".into(),
            difference(&variant.settings, &namesakes).into(),
        );
        record.insert("seeds".into(), variant.runs.len().into());
        if let Some(judge) = judges.first() {
            let judge = if judges.len() == 1 { judge } else { "several" };
            record.insert("judged_by".into(), judge.into());
        }
        let is_fair = |key: &str| judges.len() < 2 || !key.starts_with(EVALUATED);
        record.extend(summed_up(&variant.runs, is_fair));
        record
    };
    variants.iter().map(record).collect()
}

fn variants(runs: &[Record]) -> Vec<Variant<'_>> {
    let mut by_settings: BTreeMap<Settings<'_>, Vec<&Record>> = BTreeMap::new();
    for run in runs {
        by_settings.entry(decisive(run)).or_default().push(run);
    }
    let mut variants: Vec<_> = by_settings
        .into_iter()
        .map(|(settings, runs)| Variant::of(settings, &runs))
        .collect();
    variants.sort_by(|a, b| a.name.cmp(&b.name));
    variants
}

fn decisive(run: &Record) -> Settings<'_> {
    let is_idle = |key: &str| {
        (IDLE.iter()).any(|idle| key == *idle || (idle.ends_with('.') && key.starts_with(idle)))
    };
    run.settings
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .filter(|(key, _)| *key != SEED && !is_idle(key))
        .collect()
}

/// The settings in which some namesake has another value.
fn difference(settings: &Settings<'_>, namesakes: &[&Settings<'_>]) -> String {
    let differs = |key: &&&str| {
        namesakes
            .iter()
            .any(|n| n.get(**key) != settings.get(**key))
    };
    let keys = settings.keys().filter(differs);
    keys.map(|key| format!("{key}={}", settings[key]))
        .collect::<Vec<_>>()
        .join(" ")
}

fn summed_up(runs: &[&Record], is_wanted: impl Fn(&str) -> bool) -> Map<String, Value> {
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (key, value) in runs.iter().flat_map(|run| &run.figures) {
        if is_wanted(key) {
            values.entry(key).or_default().push(*value);
        }
    }
    let mut record = Map::new();
    for (key, values) in values {
        let (mean, half) = interval(&values);
        record.insert(key.to_owned(), mean.into());
        if let Some(half) = half {
            record.insert(format!("{key}{HALF}"), half.into());
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

    fn run(name: &str, seed: &str, settings: &[(&str, &str)], kid: f64) -> Record {
        let given = [("name", name), ("train.seed", seed)];
        let settings = given.iter().chain(settings);
        Record {
            run: format!("{name}-{seed}"),
            seed: seed.to_owned(),
            settings: settings
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            figures: BTreeMap::from([("evaluate/kid".to_owned(), kid), ("loss".to_owned(), kid)]),
            ..Record::default()
        }
    }

    fn judged(record: Record, judge: &str) -> Record {
        let judge = Some(judge.to_owned());
        Record { judge, ..record }
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
            run("a", "1", &[("x", "0")], 1.0),
            run("a", "2", &[("x", "0"), ("train.threads", "2")], 3.0),
            run("a", "1", &[("x", "1")], 7.0),
            run("b", "1", &[("x", "2")], 9.0),
            run("c", "2", &[("x", "2")], 11.0),
        ];
        let records = over_seeds(&runs);
        let cells = |key: &str| -> Vec<Value> { records.iter().map(|r| r[key].clone()).collect() };
        assert_eq!(cells("run"), ["a", "a", "b, c"]);
        assert_eq!(cells("differs"), ["x=0", "x=1", ""]);
        assert_eq!(cells("seeds"), [2, 1, 2]);
        assert_eq!(cells("loss"), [2.0, 7.0, 10.0]);
        assert!(records[1].get("loss +-").is_none());
    }

    #[test]
    fn the_same_seed_counts_once() {
        let runs = [run("a", "1", &[], 1.0), run("a", "1", &[], 1.0)];
        let records = over_seeds(&runs);
        assert_eq!(records[0]["seeds"], 1);
        assert!(records[0].get("loss +-").is_none());
    }

    #[test]
    fn figures_by_different_judges_are_not_averaged() {
        let [one, two] = [run("a", "1", &[], 1.0), run("a", "2", &[], 3.0)];
        let same = over_seeds(&[judged(one.clone(), "j"), judged(two.clone(), "j")]);
        assert_eq!(
            (&same[0]["judged_by"], &same[0]["evaluate/kid"]),
            (&"j".into(), &2.0.into())
        );
        let several = over_seeds(&[judged(one, "j"), judged(two, "k")]);
        assert_eq!(
            (&several[0]["judged_by"], &several[0]["loss"]),
            (&"several".into(), &2.0.into())
        );
        assert!(several[0].get("evaluate/kid").is_none());
    }
}
