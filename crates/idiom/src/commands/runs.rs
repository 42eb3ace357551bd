//! `idiom runs`: the runs of this project as a table, best first.
//!
//! Each run leaves its last figures in `figures.json` beside its configuration, so no server is needed here.

use super::Session;
use crate::arguments::Runs;
use crate::failure::Failure;
use crate::seeds::{SeededRun, over_seeds};
use polars::prelude::*;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::Path;

/// The file of a run's last figures: one JSON object of numbers and short texts.
pub(crate) const FIGURES: &str = "figures.json";
/// Columns that stand first, in this order.
const FIRST: [&str; 6] = [
    "run",
    "differs",
    "seeds",
    "images",
    "images_per_second",
    "seed",
];

impl Session {
    pub(super) fn runs(&self, arguments: &Runs) -> Result<String, Failure> {
        let records = if arguments.over_seeds {
            over_seeds(&seeded(&self.home.runs()))
        } else {
            records(&self.home.runs())
        };
        if records.is_empty() {
            return Ok("no run has finished yet: `just experiment FILE` makes one".into());
        }
        let mut table = table(&records).map_err(unreadable)?;
        if let Some(metric) = &arguments.by {
            table = sorted(&table, metric, arguments.order())?;
        }
        if arguments.csv {
            csv(&mut table)
        } else {
            drawn(&table)
        }
        .map_err(unreadable)
    }
}

/// The figures of every run that has some, by name.
fn records(runs: &Path) -> Vec<Map<String, Value>> {
    let entries = std::fs::read_dir(runs).into_iter().flatten().flatten();
    let mut folders: Vec<_> = entries.map(|e| e.path()).collect();
    folders.sort();
    let read = |folder: &Path| -> Option<Map<String, Value>> {
        let text = std::fs::read(folder.join(FIGURES)).ok()?;
        let mut record: Map<String, Value> = serde_json::from_slice(&text).ok()?;
        record.insert("run".into(), folder.file_name()?.to_string_lossy().into());
        Some(record)
    };
    folders.iter().filter_map(|f| read(f)).collect()
}

/// The runs with their settings, for sums over seeds.
fn seeded(runs: &Path) -> Vec<SeededRun> {
    let numbers = |record: Map<String, Value>| {
        let figures = record.into_iter().filter(|(key, _)| key != "seed");
        figures
            .filter_map(|(key, value)| Some((key, value.as_f64()?)))
            .collect()
    };
    let read = |record: Map<String, Value>| -> Option<SeededRun> {
        let name = record.get("run")?.as_str()?;
        let text = std::fs::read_to_string(runs.join(name).join("experiment.yaml")).ok()?;
        Some(SeededRun {
            settings: idiom_train::flatten_value(&serde_yaml::from_str(&text).ok()?),
            figures: numbers(record),
        })
    };
    records(runs).into_iter().filter_map(read).collect()
}

/// One row a run; what a run has not stays empty.
fn table(records: &[Map<String, Value>]) -> PolarsResult<DataFrame> {
    let mut lines = Vec::new();
    for record in records {
        serde_json::to_writer(&mut lines, record).map_err(|e| polars_err!(ComputeError: "{e}"))?;
        lines.push(b'\n');
    }
    let table = JsonReader::new(Cursor::new(lines))
        .with_json_format(JsonFormat::JsonLines)
        .finish()?;
    let names: BTreeSet<String> = table
        .get_column_names()
        .iter()
        .map(ToString::to_string)
        .collect();
    let rest = names
        .iter()
        .filter(|n| !FIRST.contains(&n.as_str()))
        .cloned();
    let first = FIRST
        .iter()
        .filter(|f| names.contains(**f))
        .map(ToString::to_string);
    table.select(first.chain(rest))
}

fn sorted(table: &DataFrame, metric: &str, order: Order) -> Result<DataFrame, Failure> {
    let options = SortMultipleOptions::default()
        .with_order_descending(order == Order::HighestFirst)
        .with_nulls_last(true);
    table.sort([metric], options).map_err(|_| {
        let known: Vec<String> = table
            .get_column_names()
            .iter()
            .map(ToString::to_string)
            .collect();
        Failure::new(
            format!("no run has `{metric}`"),
            format!("one of: {}", known.join(", ")),
        )
    })
}

/// Which end of a metric is the best.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    LowestFirst,
    HighestFirst,
}

fn csv(table: &mut DataFrame) -> PolarsResult<String> {
    let mut text = Vec::new();
    CsvWriter::new(&mut text).finish(table)?;
    Ok(String::from_utf8_lossy(&text).trim_end().to_owned())
}

/// The table with every row and column, whatever the terminal's width.
fn drawn(table: &DataFrame) -> PolarsResult<String> {
    let columns = table
        .get_column_names()
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>();
    let mut rows = vec![columns.clone()];
    for row in 0..table.height() {
        let cell = |name: &String| {
            table
                .column(name)
                .and_then(|c| c.get(row))
                .map(|v| shown(&v))
        };
        rows.push(columns.iter().map(cell).collect::<PolarsResult<_>>()?);
    }
    let width = |i: usize| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:>width$}"));
        cells.collect::<Vec<_>>().join("  ")
    };
    Ok(rows.iter().map(line).collect::<Vec<_>>().join("\n"))
}

fn shown(value: &AnyValue<'_>) -> String {
    match value {
        AnyValue::Null => "-".into(),
        AnyValue::Float64(x) => format!("{x:.4}"),
        AnyValue::String(text) => (*text).to_owned(),
        other => other.to_string(),
    }
}

fn unreadable(error: PolarsError) -> Failure {
    Failure::new(
        format!("the runs' figures cannot be laid out: {error}"),
        "remove the `figures.json` that is damaged",
    )
}
