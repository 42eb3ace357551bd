//! What each run left behind: the last figures of its training, those of its evaluation and who judged them, and its settings.
//!
//! All of it lies beside the run (`figures.json`, `results/results.json`, `experiment.yaml`), so no server is asked.

use idiom_evaluate::report::{Better, RESULTS, Report};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The file of a run's last figures: one JSON object of numbers.
pub(crate) const FIGURES: &str = "figures.json";
/// What the names of an evaluation's figures begin with.
pub(crate) const EVALUATED: &str = "evaluate/";
/// Digits of a judge's hash that are shown.
const DIGITS: usize = 8;

/// A finished run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    /// Its name.
    pub(crate) run: String,
    /// What its random numbers came from.
    pub(crate) seed: String,
    /// The first digits of the hash of the judge that its evaluation asked; figures by another cannot be compared with them.
    pub(crate) judge: Option<String>,
    /// By name.
    pub(crate) figures: BTreeMap<String, f64>,
    /// Those of them that are better where they are higher, as far as their evaluation says.
    pub(crate) higher: BTreeSet<String>,
    /// By dotted key.
    pub(crate) settings: BTreeMap<String, String>,
}

/// The finished runs whose names begin with one of `names`, or all where none is given; by name.
pub(crate) fn records(runs: &Path, names: &[String]) -> Vec<Record> {
    let entries = std::fs::read_dir(runs).into_iter().flatten().flatten();
    let mut folders: Vec<_> = entries.map(|e| e.path()).collect();
    folders.sort();
    let asked =
        |record: &Record| names.is_empty() || names.iter().any(|name| record.run.starts_with(name));
    (folders.iter().filter_map(|folder| read(folder)))
        .filter(asked)
        .collect()
}

fn read(folder: &Path) -> Option<Record> {
    let text = std::fs::read(folder.join(FIGURES)).ok()?;
    let numbers: Map<String, Value> = serde_json::from_slice(&text).ok()?;
    let number = |(key, value): (String, Value)| Some((key, value.as_f64()?));
    let mut record = Record {
        run: folder.file_name()?.to_string_lossy().into_owned(),
        seed: (numbers.get("seed")).map_or_else(String::new, ToString::to_string),
        figures: (numbers.into_iter().filter(|(key, _)| key != "seed"))
            .filter_map(number)
            .collect(),
        ..Record::default()
    };
    if let Ok(text) = std::fs::read_to_string(folder.join("experiment.yaml"))
        && let Ok(document) = serde_yaml::from_str(&text)
    {
        record.settings = idiom_train::flatten_value(&document);
    }
    if let Ok(text) = std::fs::read(folder.join("results").join(RESULTS))
        && let Ok(report) = serde_json::from_slice::<Report>(&text)
    {
        let judge = report.facts.get("judge_sha256");
        record.judge = judge.map(|hash| hash.chars().take(DIGITS).collect());
        for figure in report.figures {
            if figure.better == Better::Higher {
                record.higher.insert(figure.key.clone());
            }
            record.figures.insert(figure.key, figure.value);
        }
    }
    Some(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use idiom_evaluate::report::Figure;

    #[test]
    fn a_record_joins_training_evaluation_and_settings() {
        let runs = tempfile::tempdir().unwrap();
        let figure = Figure {
            key: "evaluate/test/look_accuracy".into(),
            what: "looks".into(),
            value: 0.75,
            bounds: None,
            reference: None,
            n: 4,
            encoder: "a judge".into(),
            split: "test".into(),
            better: Better::Higher,
        };
        let report = Report {
            run: "one".into(),
            facts: BTreeMap::from([("judge_sha256".to_owned(), "0123456789ab".to_owned())]),
            figures: vec![figure],
            tables: Vec::new(),
            remarks: Vec::new(),
            pictures: Vec::new(),
        };
        for name in ["one", "two"] {
            let folder = runs.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join(FIGURES), r#"{"loss": 0.5, "seed": 7}"#).unwrap();
            std::fs::write(
                folder.join("experiment.yaml"),
                "name: n\ntrain: {seed: 7}\n",
            )
            .unwrap();
        }
        report.write(&runs.path().join("one/results")).unwrap();
        std::fs::create_dir(runs.path().join("unfinished")).unwrap();

        let found = records(runs.path(), &[]);
        assert_eq!(
            found.iter().map(|r| r.run.as_str()).collect::<Vec<_>>(),
            ["one", "two"]
        );
        let [one, two] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!(
            (one.seed.as_str(), one.judge.as_deref()),
            ("7", Some("01234567"))
        );
        assert_eq!(
            (
                one.figures["loss"],
                one.figures["evaluate/test/look_accuracy"]
            ),
            (0.5, 0.75)
        );
        assert!(
            one.higher.contains("evaluate/test/look_accuracy") && !one.figures.contains_key("seed")
        );
        assert_eq!(one.settings["train.seed"], "7");
        assert_eq!((two.judge.as_deref(), two.figures.len()), (None, 1));
        assert_eq!(records(runs.path(), &["tw".to_owned()]).len(), 1);
    }
}
