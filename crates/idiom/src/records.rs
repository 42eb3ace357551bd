//! What each run left behind: the last figures of its training, those of its evaluation and who judged them, and its settings.
//!
//! All of it lies beside the run (`figures.json`, `results/results.json`, `experiment.yaml`, `run.json`), so no server is asked.

use crate::failure::Failure;
use idiom_evaluate::report::{Better, RESULTS, Report};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The file of a run's last figures: one JSON object of numbers.
pub(crate) const FIGURES: &str = "figures.json";
/// What the names of an evaluation's figures begin with.
pub(crate) const EVALUATED: &str = "evaluate/";
/// The file of what a run was made of.
const FACTS: &str = "run.json";
/// Facts that tell runs apart as settings do, and the settings that they stand for: the data under a name may change, and `auto` is what the
/// machine made of it.
const DECISIVE: [(&str, &str); 3] = [
    ("dataset_sha256", "dataset_sha256"),
    ("encoder_sha256", "encoder_sha256"),
    ("precision", "train.precision"),
];
/// Digits of a hash that are shown.
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
    /// By dotted key; keys that came after the run have their defaults, and what the machine or the data decided stands among them.
    pub(crate) settings: BTreeMap<String, String>,
}

/// The finished runs whose names begin with one of `names`, or all where none is given; by name.
///
/// # Errors
/// A file of one of them is damaged; none is left out without a word.
pub(crate) fn records(runs: &Path, names: &[String]) -> Result<Vec<Record>, Failure> {
    let entries = std::fs::read_dir(runs).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .map(|entry| {
            (
                entry.file_name().to_string_lossy().into_owned(),
                entry.path(),
            )
        })
        .filter(|(run, _)| names.is_empty() || names.iter().any(|name| run.starts_with(name)))
        .collect();
    found.sort();
    let read = |(run, folder): &(String, PathBuf)| read(run, folder).transpose();
    found.iter().filter_map(read).collect()
}

/// `None` where the run has not finished.
fn read(run: &str, folder: &Path) -> Result<Option<Record>, Failure> {
    let figures = parsed(&folder.join(FIGURES), |bytes| serde_json::from_slice(bytes))?;
    let Some(mut figures): Option<Map<String, Value>> = figures else {
        return Ok(None);
    };
    let settings = parsed(&folder.join("experiment.yaml"), |bytes| {
        serde_yaml::from_slice(bytes)
    })?;
    let facts = parsed(&folder.join(FACTS), |bytes| serde_json::from_slice(bytes))?;
    let seed = figures.remove("seed");
    let number = |(key, value): (String, Value)| Some((key, value.as_f64()?));
    let mut record = Record {
        run: run.to_owned(),
        seed: seed.map_or_else(String::new, |seed| seed.to_string()),
        figures: figures.into_iter().filter_map(number).collect(),
        settings: settings.map_or_else(BTreeMap::new, |document: Value| {
            idiom_train::with_later_keys(&idiom_train::flatten_value(&document))
        }),
        ..Record::default()
    };
    for (key, setting) in DECISIVE {
        if let Some(value) = facts
            .as_ref()
            .and_then(|facts: &BTreeMap<String, String>| facts.get(key))
        {
            let value = value.chars().take(DIGITS).collect();
            record.settings.insert(setting.to_owned(), value);
        }
    }
    let results = folder.join("results").join(RESULTS);
    if let Some(report) = parsed(&results, |bytes| serde_json::from_slice(bytes))? {
        record.add(report);
    }
    Ok(Some(record))
}

/// What a file holds, or `None` where there is none.
fn parsed<T, E: Display>(
    path: &Path,
    parse: impl Fn(&[u8]) -> Result<T, E>,
) -> Result<Option<T>, Failure> {
    let damaged = |error: &dyn Display| {
        Failure::new(
            format!("{}: {error}", path.display()),
            "move the run's folder away, or name the runs to show; an evaluation is made anew by `idiom evaluate RUN`",
        )
    };
    match std::fs::read(path) {
        Ok(bytes) => parse(&bytes).map(Some).map_err(|error| damaged(&error)),
        Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => {
            Ok(None)
        }
        Err(error) => Err(damaged(&error)),
    }
}

impl Record {
    fn add(&mut self, report: Report) {
        let judge = report.facts.get("judge_sha256");
        self.judge = judge.map(|hash| hash.chars().take(DIGITS).collect());
        for figure in report.figures {
            if figure.better == Better::Higher {
                self.higher.insert(figure.key.clone());
            }
            self.figures.insert(figure.key, figure.value);
        }
    }
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
        let facts = r#"{"dataset_sha256": "fedcba987654", "precision": "bf16", "threads": "1"}"#;
        std::fs::write(runs.path().join("one").join(FACTS), facts).unwrap();
        std::fs::create_dir(runs.path().join("unfinished")).unwrap();

        let found = records(runs.path(), &[]).unwrap();
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
        let of_one = ["train.seed", "train.precision", "dataset_sha256"]
            .map(|key| one.settings[key].as_str());
        assert_eq!(of_one, ["7", "bf16", "fedcba98"]);
        // What the file does not say has its default.
        assert_eq!(two.settings["train.precision"], "f32");
        assert_eq!((two.judge.as_deref(), two.figures.len()), (None, 1));
        let of = |name: &str| records(runs.path(), &[name.to_owned()]);
        assert_eq!(of("tw").unwrap().len(), 1);
        // What is cut is named; the others can still be asked for.
        let cut = runs.path().join("one/results").join(RESULTS);
        std::fs::write(&cut, "{\"run\": \"one\", \"fig").unwrap();
        let message = records(runs.path(), &[]).unwrap_err().message().to_owned();
        assert!(message.starts_with(&cut.display().to_string()), "{message}");
        assert_eq!(of("tw").unwrap().len(), 1);
    }
}
