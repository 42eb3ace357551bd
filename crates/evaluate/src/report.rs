//! What an evaluation found: figures with all that is needed to read them, as a table, as JSON, and as a page.
//!
//! A figure never stands alone: it names its number of pictures, the encoder whose features it is taken in, and the split; where real pictures
//! can be asked the same, their answer stands beside it as floor or ceiling.

use crate::EvaluateError;
use crate::metrics::bootstrap::mean_interval;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The file of all figures.
pub const RESULTS: &str = "results.json";
/// The page.
pub const PAGE: &str = "results.html";

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// The higher the better.
    Higher,
    /// The lower the better.
    Lower,
    /// Nearest to a value that the figure's words name.
    Neither,
}

/// What real pictures (or chance) come to under the same metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Reference {
    /// What it is, in words.
    pub what: String,
    /// Its value.
    pub value: f64,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Figure {
    /// Its name in the log: `evaluate/SPLIT/METRIC`.
    pub key: String,
    /// What it says, in words.
    pub what: String,
    /// The value.
    pub value: f64,
    /// A lower and an upper bound, and what they are; absent where none was taken.
    pub bounds: Option<Bounds>,
    /// What to hold it against.
    pub reference: Option<Reference>,
    /// Pictures (or pairs, or phrases) that it rests on.
    pub n: usize,
    /// The network and filter whose features or verdicts it is taken in.
    pub encoder: String,
    /// The split of the data.
    pub split: String,
    /// Which way is better.
    pub better: Better,
}

/// Bounds of a figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Bounds {
    /// The lower.
    pub low: f64,
    /// The upper.
    pub high: f64,
    /// What they hold: `sd over subsets`, `95 % over phrases`.
    pub what: String,
}

/// All that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Report {
    /// The run.
    pub run: String,
    /// The hashes of model, data set, judge and feature network, and other facts.
    pub facts: BTreeMap<String, String>,
    /// The figures, in the order in which they are shown.
    pub figures: Vec<Figure>,
    /// Figures that are read side by side.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Table>,
    /// What is to be said beside them, a sentence each.
    pub remarks: Vec<String>,
    /// Pictures that belong to the page, by file name, with their caption.
    pub pictures: Vec<(String, String)>,
}

/// Figures side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Table {
    /// What it shows, in a sentence.
    pub title: String,
    /// The columns' heads.
    pub head: Vec<String>,
    /// The rows, as long as the head.
    pub rows: Vec<Vec<String>>,
}

impl Report {
    /// Writes `results.json` and `results.html` into `folder`, which is made if need be.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), EvaluateError> {
        std::fs::create_dir_all(folder).map_err(EvaluateError::io(folder))?;
        let json = serde_json::to_vec_pretty(self).expect("plain data has a JSON form");
        for (name, bytes) in [
            (RESULTS, json),
            (PAGE, crate::page::page(self).into_bytes()),
        ] {
            let path = folder.join(name);
            idiom_dataset::commit::write(&path, &bytes)?;
        }
        Ok(())
    }

    /// The figures as lines of text.
    #[must_use]
    pub fn table(&self) -> String {
        let head: Vec<String> = HEAD.map(str::to_owned).into();
        let rows = self.figures.iter().map(|figure| figure.cells().into());
        let rows: Vec<Vec<String>> = rows.collect();
        let mut text = aligned(&head, &rows);
        for table in &self.tables {
            text.push_str(&format!("\n{}\n", table.title));
            text.push_str(&aligned(&table.head, &table.rows));
        }
        for remark in &self.remarks {
            text.push_str(&format!("* {remark}\n"));
        }
        text
    }
}

/// A head and rows as lines of text, column beneath column.
fn aligned(head: &[String], rows: &[Vec<String>]) -> String {
    let all = || std::iter::once(head).chain(rows.iter().map(Vec::as_slice));
    let width = |column: usize| {
        all()
            .filter_map(|row| Some(row.get(column)?.chars().count()))
            .max()
    };
    let widths: Vec<usize> = (0..head.len())
        .map(|column| width(column).unwrap_or_default())
        .collect();
    let mut text = String::new();
    for row in all() {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Heads of the table's columns.
pub(crate) const HEAD: [&str; 7] = ["split", "figure", "value", "bounds", "beside", "n", "by"];

impl Figure {
    /// A figure called `[split, key, what]` that rests on `n` pictures (or pairs, or phrases); the higher the better, until said otherwise.
    #[must_use]
    pub fn new([split, key, what]: [&str; 3], value: f64, n: usize) -> Self {
        Self {
            key: format!("evaluate/{split}/{key}"),
            what: what.to_owned(),
            value,
            bounds: None,
            reference: None,
            n,
            encoder: String::new(),
            split: split.to_owned(),
            better: Better::Higher,
        }
    }

    /// The mean of `units` with its interval over them, which are called `of`; `None` of none.
    #[must_use]
    pub fn mean(labels: [&str; 3], units: &[f64], of: &str, seed: u64) -> Option<Self> {
        let found = mean_interval(units, seed)?;
        let bounds = [found.low, found.high];
        Some(
            Self::new(labels, found.value, units.len()).within(bounds, &format!("95 %, over {of}")),
        )
    }

    /// The share that is true with its interval over pictures; `None` of none.
    #[must_use]
    pub fn share(labels: [&str; 3], found: &[bool], seed: u64) -> Option<Self> {
        let values: Vec<f64> = found
            .iter()
            .map(|is_true| f64::from(u8::from(*is_true)))
            .collect();
        Self::mean(labels, &values, "pictures", seed)
    }

    /// In whose features or by whose verdict it is taken.
    #[must_use]
    pub fn by(self, encoder: &str) -> Self {
        Self {
            encoder: encoder.to_owned(),
            ..self
        }
    }

    /// How many pictures it rests on, where that is not the number of its units.
    #[must_use]
    pub fn resting_on(self, n: usize) -> Self {
        Self { n, ..self }
    }

    /// Which way is better.
    #[must_use]
    pub fn better(self, better: Better) -> Self {
        Self { better, ..self }
    }

    /// What to hold it against; an unknown or missing value leaves it alone.
    #[must_use]
    pub fn beside(self, what: &str, value: Option<f64>) -> Self {
        let reference = value.map(|value| Reference {
            what: what.to_owned(),
            value,
        });
        Self { reference, ..self }
    }

    /// A lower and an upper bound, and what they are.
    #[must_use]
    pub fn within(self, [low, high]: [f64; 2], what: &str) -> Self {
        let bounds = Some(Bounds {
            low,
            high,
            what: what.to_owned(),
        });
        Self { bounds, ..self }
    }

    /// The cells of its line.
    pub(crate) fn cells(&self) -> [String; 7] {
        let arrow = match self.better {
            Better::Higher => " (higher is better)",
            Better::Lower => " (lower is better)",
            Better::Neither => "",
        };
        let bounds = self.bounds.as_ref().map_or_else(String::new, |bounds| {
            format!(
                "{} to {} ({})",
                short(bounds.low),
                short(bounds.high),
                bounds.what
            )
        });
        let beside = self
            .reference
            .as_ref()
            .map_or_else(String::new, |reference| {
                format!("{}: {}", reference.what, short(reference.value))
            });
        [
            self.split.clone(),
            format!("{}{arrow}", self.what),
            short(self.value),
            bounds,
            beside,
            self.n.to_string(),
            self.encoder.clone(),
        ]
    }
}

/// Four decimals for small numbers, fewer for large ones.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let figure = Figure {
            key: "evaluate/test/kid".into(),
            what: "KID <of> drawn".into(),
            value: 0.0421,
            bounds: Some(Bounds {
                low: 0.04,
                high: 0.05,
                what: "sd over subsets".into(),
            }),
            reference: Some(Reference {
                what: "floor, real against real".into(),
                value: 0.0012,
            }),
            n: 400,
            encoder: "a network".into(),
            split: "test".into(),
            better: Better::Lower,
        };
        Report {
            run: "a-run".into(),
            facts: BTreeMap::from([("seed".into(), "0".into())]),
            figures: vec![figure],
            tables: vec![Table {
                title: "side by side".into(),
                head: vec!["strength".into(), "looks met".into()],
                rows: vec![vec!["0.25".into(), ".31 <of> all".into()]],
            }],
            remarks: vec!["no judge".into()],
            pictures: Vec::new(),
        }
    }

    #[test]
    fn a_figure_never_stands_alone() {
        let table = report().table();
        for part in [
            "test",
            "0.0421",
            "floor, real against real: 0.0012",
            "400",
            "a network",
            "side by side\nstrength  looks met\n0.25      .31",
        ] {
            assert!(table.contains(part), "{table} lacks {part}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        report().write(folder.path()).unwrap();
        let bytes = std::fs::read(folder.path().join(RESULTS)).unwrap();
        assert_eq!(serde_json::from_slice::<Report>(&bytes).unwrap(), report());
        let page = std::fs::read_to_string(folder.path().join(PAGE)).unwrap();
        assert!(page.contains("KID &lt;of&gt; drawn") && !page.contains("<of>"));
        assert!(page.contains("<td>.31 &lt;of&gt; all</td>"), "{page}");
    }
}
