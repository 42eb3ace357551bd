//! `idiom runs`: the runs of this project as a table, best first.

use super::Session;
use crate::arguments::Runs;
use crate::failure::Failure;
use crate::records::{Record, records};
use crate::seeds::{HALF, over_seeds};
use polars::prelude::*;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::io::Cursor;

/// Columns that stand first, in this order.
const FIRST: [&str; 7] = [
    "run",
    "differs",
    "seeds",
    "images",
    "images_per_second",
    "seed",
    "judged_by",
];
/// What a table shows of figures where nobody has chosen any, as far as there is room.
const LEADING: [&str; 9] = [
    "evaluate/test/kid",
    "evaluate/test/look_accuracy",
    "evaluate/test/r_precision",
    "evaluate/test/retrieval_at_1",
    "evaluate/train/kid",
    "evaluate/train/look_accuracy",
    "evaluate/train/r_precision",
    "validation/look_accuracy",
    "validation/retrieval_at_1",
];
/// Characters a line, where nobody has said what to show.
const ROOM: usize = 140;
/// What is between two columns.
const GAP: &str = "  ";

/// A column as it is printed.
struct Column {
    /// The folder in the figure's name and the rest of it, one above the other.
    head: [String; 2],
    cells: Vec<String>,
}

impl Session {
    pub(super) fn runs(&self, arguments: &Runs) -> Result<String, Failure> {
        let runs = records(&self.home.runs(), &arguments.names)?;
        if runs.is_empty() {
            return Ok(if arguments.names.is_empty() {
                "no run has finished yet: `just experiment FILE` makes one".into()
            } else {
                format!(
                    "no finished run's name begins with {}",
                    arguments.names.join(" or ")
                )
            });
        }
        let rows = if arguments.over_seeds {
            over_seeds(&runs)
        } else {
            runs.iter().map(row).collect()
        };
        let mut table = table(&rows).map_err(unreadable)?;
        if let Some(metric) = &arguments.by {
            let is_higher_better = runs.iter().any(|run| run.higher.contains(metric));
            table = sorted(&table, metric, arguments.highest || is_higher_better)?;
        }
        if arguments.csv {
            return csv(&mut table).map_err(unreadable);
        }
        let columns = columns(&table, arguments)?;
        let mut text = drawn(&columns);
        let n_heads = heads(&table).len();
        if columns.len() < n_heads && arguments.columns.is_empty() {
            text.push_str(&format!(
                "\n({} of {n_heads} columns; `--columns PART,...` shows those with a part in their name, `--columns all` and `--csv` all of them)",
                columns.len()
            ));
        }
        let judges: BTreeSet<_> = runs.iter().filter_map(|run| run.judge.as_ref()).collect();
        if judges.len() > 1 {
            text.push_str(
                "\nnote: not all were judged by the same judge; `evaluate/` figures compare only where `judged_by` is the same",
            );
        }
        Ok(text)
    }
}

/// One row a run.
fn row(run: &Record) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("run".into(), run.run.as_str().into());
    row.insert("seed".into(), run.seed.as_str().into());
    row.extend(
        run.judge
            .as_ref()
            .map(|judge| ("judged_by".into(), judge.as_str().into())),
    );
    row.extend(
        run.figures
            .iter()
            .map(|(key, value)| (key.clone(), (*value).into())),
    );
    row
}

/// What a run has not stays empty.
fn table(rows: &[Map<String, Value>]) -> PolarsResult<DataFrame> {
    let mut lines = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut lines, row).map_err(|e| polars_err!(ComputeError: "{e}"))?;
        lines.push(b'\n');
    }
    let table = JsonReader::new(Cursor::new(lines))
        .with_json_format(JsonFormat::JsonLines)
        .infer_schema_len(None)
        .finish()?;
    let names: BTreeSet<String> = names_of(&table).into_iter().collect();
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

fn names_of(table: &DataFrame) -> Vec<String> {
    (table.get_column_names().iter())
        .map(ToString::to_string)
        .collect()
}

/// The columns' names, without those that say how sure another one is.
fn heads(table: &DataFrame) -> Vec<String> {
    let mut names = names_of(table);
    names.retain(|name| !name.ends_with(HALF));
    names
}

fn sorted(table: &DataFrame, metric: &str, highest_first: bool) -> Result<DataFrame, Failure> {
    let options = SortMultipleOptions::default()
        .with_order_descending(highest_first)
        .with_nulls_last(true);
    let sorted = table.sort([metric], options);
    sorted.map_err(|_| unknown(table, &format!("no run has `{metric}`"), metric))
}

fn unknown(table: &DataFrame, what: &str, typed: &str) -> Failure {
    let likeness = |name: &String| strsim::jaro_winkler(typed, name);
    let known = heads(table).into_iter();
    let nearest = known
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
        .filter(|name| likeness(name) > 0.8);
    let nearest = nearest.map_or_else(String::new, |name| format!("did you mean `{name}`? "));
    Failure::new(
        what,
        format!("{nearest}`idiom runs --csv` names all in its first line"),
    )
}

fn csv(table: &mut DataFrame) -> PolarsResult<String> {
    let mut text = Vec::new();
    CsvWriter::new(&mut text).finish(table)?;
    Ok(String::from_utf8_lossy(&text).trim_end().to_owned())
}

/// The columns to draw: those that were asked for, else the first ones, the one that sorts, and what leads, as long as a line has room.
fn columns(table: &DataFrame, arguments: &Runs) -> Result<Vec<Column>, Failure> {
    let known = heads(table);
    let first = known.iter().filter(|name| FIRST.contains(&name.as_str()));
    let mut names: Vec<&str> = first.map(String::as_str).collect();
    let n_first = names.len();
    match arguments.columns.as_slice() {
        [] => {
            let sorting = arguments.by.iter().map(String::as_str);
            let leading = sorting.chain(LEADING);
            names.extend(leading.filter(|name| known.iter().any(|known| known == name)));
            names.extend(known.iter().map(String::as_str));
        }
        [all] if all == "all" => names.extend(known.iter().map(String::as_str)),
        parts => {
            for part in parts {
                let mut found = known.iter().filter(|name| name.contains(part)).peekable();
                if found.peek().is_none() {
                    let what = format!("no column has `{part}` in its name");
                    return Err(unknown(table, &what, part));
                }
                names.extend(found.map(String::as_str));
            }
        }
    }
    let (mut columns, mut taken, mut seen) = (Vec::new(), 0, BTreeSet::new());
    for name in names {
        if !seen.insert(name) {
            continue;
        }
        let column = column(table, name).map_err(unreadable)?;
        taken += column.width() + GAP.len();
        if arguments.columns.is_empty() && taken > ROOM && columns.len() > n_first {
            break;
        }
        columns.push(column);
    }
    Ok(columns)
}

/// The columns beside each other, under two lines of heads.
fn drawn(columns: &[Column]) -> String {
    let widths: Vec<usize> = columns.iter().map(Column::width).collect();
    let line = |cell: &dyn Fn(&Column) -> String| {
        let cells = columns.iter().zip(&widths);
        let cells = cells.map(|(column, width)| format!("{:>width$}", cell(column)));
        cells.collect::<Vec<_>>().join(GAP)
    };
    let heads = [0, 1].map(|idx| line(&|column| column.head[idx].clone()));
    let n_rows = columns.first().map_or(0, |column| column.cells.len());
    let rows = (0..n_rows).map(|row| line(&|column| column.cells[row].clone()));
    let lines = heads
        .into_iter()
        .filter(|head| !head.trim().is_empty())
        .chain(rows);
    lines.collect::<Vec<_>>().join("\n")
}

impl Column {
    fn width(&self) -> usize {
        let widths = self
            .cells
            .iter()
            .chain(&self.head)
            .map(|cell| cell.chars().count());
        widths.max().unwrap_or(0)
    }
}

/// A column's head and cells; half the width of an interval stands behind its mean.
fn column(table: &DataFrame, name: &str) -> PolarsResult<Column> {
    let values = table.column(name)?;
    let halves = table.column(&format!("{name}{HALF}")).ok();
    let cell = |row| -> PolarsResult<String> {
        let cell = text_of(&values.get(row)?);
        let half = halves.map(|halves| halves.get(row)).transpose()?;
        Ok(match half {
            // The same in all runs is no measurement.
            Some(half) if ![AnyValue::Null, AnyValue::Float64(0.0)].contains(&half) => {
                format!("{cell} ±{}", text_of(&half))
            }
            _ => cell,
        })
    };
    let cells: PolarsResult<_> = (0..table.height()).map(cell).collect();
    let (folder, leaf) = name.rsplit_once('/').unwrap_or(("", name));
    Ok(Column {
        head: [folder, leaf].map(str::to_owned),
        cells: cells?,
    })
}

fn text_of(value: &AnyValue<'_>) -> String {
    match value {
        AnyValue::Null => "-".into(),
        // Counts are whole numbers, means of them may not be.
        AnyValue::Float64(x) if x.fract() == 0.0 && x.abs() >= 1.0 => format!("{x:.0}"),
        AnyValue::Float64(x) => format!("{x:.4}"),
        // A text is borrowed or, in a table of one row, owned.
        other => other
            .get_str()
            .map_or_else(|| other.to_string(), str::to_owned),
    }
}

fn unreadable(error: PolarsError) -> Failure {
    Failure::new(
        format!("the runs' figures cannot be laid out: {error}"),
        "remove the `figures.json` that is damaged",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn arguments(columns: &[&str]) -> Runs {
        Runs {
            names: Vec::new(),
            by: None,
            highest: false,
            columns: columns.iter().map(ToString::to_string).collect(),
            over_seeds: false,
            csv: false,
        }
    }

    fn some() -> DataFrame {
        let run = |name: &str, figures: &[(&str, f64)]| Record {
            run: name.to_owned(),
            seed: "1".to_owned(),
            figures: figures
                .iter()
                .map(|(key, value)| ((*key).to_owned(), *value))
                .collect(),
            ..Record::default()
        };
        let many: BTreeMap<String, f64> =
            (0..40).map(|idx| (format!("loss/{idx:02}"), 0.5)).collect();
        let wide = Record {
            figures: many,
            ..run("b", &[])
        };
        let judged = run("a", &[("images", 64.0), ("evaluate/test/kid", 0.25)]);
        table(&[row(&judged), row(&wide)]).unwrap()
    }

    #[test]
    fn a_line_has_room_for_what_leads() {
        let columns = columns(&some(), &arguments(&[])).unwrap();
        let text = drawn(&columns);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines.iter().all(|line| line.chars().count() <= ROOM),
            "{text}"
        );
        let words =
            |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
        assert_eq!(
            words(lines[1])[..4],
            ["run", "images", "seed", "kid"],
            "{text}"
        );
        assert_eq!(words(lines[2])[..4], ["a", "64", "1", "0.2500"], "{text}");
        assert_eq!(words(lines[3])[..4], ["b", "-", "1", "-"], "{text}");
        assert!(columns.len() < heads(&some()).len());
    }

    #[test]
    fn a_table_of_one_row_reads_like_any_other() {
        let record = Record {
            run: "a".to_owned(),
            seed: "1".to_owned(),
            ..Record::default()
        };
        let table = table(&[row(&record)]).unwrap();
        let text = drawn(&columns(&table, &arguments(&[])).unwrap());
        assert_eq!(text, "run  seed\n  a     1");
    }

    #[test]
    fn columns_are_chosen_by_parts_of_their_names() {
        let chosen = |parts: &[&str]| -> Result<Vec<String>, Failure> {
            let columns = columns(&some(), &arguments(parts))?;
            Ok(columns
                .into_iter()
                .map(|column| column.head[1].clone())
                .collect())
        };
        assert_eq!(
            chosen(&["kid", "/3"]).unwrap()[3..],
            [
                "kid", "30", "31", "32", "33", "34", "35", "36", "37", "38", "39"
            ]
        );
        assert_eq!(chosen(&["all"]).unwrap().len(), 44);
        assert!(chosen(&["kid", "lost"]).is_err());
    }
}
