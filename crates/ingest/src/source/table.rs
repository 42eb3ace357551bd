//! Tables that people bring: `.csv`, `.tsv`, `.parquet` through polars, `.jsonl` line by line; only the asked columns, as
//! texts.
//!
//! polars does not say where a quote was left open or that a file is not UTF-8, so `scan.rs` looks at the bytes first.
//! A list of texts in a field becomes one text with [`SEPARATOR`] between them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::sync::Arc;

use polars::prelude::*;
use serde_json::Value;

use super::scan;
use crate::IngestError;
use crate::fault::Fault;

/// Stands between the texts of a list; no text that is kept can hold it.
pub(super) const SEPARATOR: char = '\u{1e}';
/// Longest line of a `.jsonl` file, in bytes.
const MAX_LINE: usize = 16 << 20;

/// The asked columns of a table.
#[derive(Debug, Default)]
pub(super) struct Table {
    columns: BTreeMap<String, StringChunked>,
    pub(super) rows: usize,
    /// Lines that are none, with their numbers.
    pub(super) refused: Vec<Fault>,
}

impl Table {
    /// What a row says in a column that was asked for.
    pub(super) fn text(&self, column: &str, row: usize) -> Option<&str> {
        self.columns.get(column).and_then(|column| column.get(row))
    }

    /// Forgets a column.
    pub(super) fn remove(&mut self, column: &str) {
        self.columns.remove(column);
    }
}

/// Reads a table by its extension.
///
/// # Errors
/// It is no table, not whole, not UTF-8, or lacks a column.
pub(super) fn read(path: &Path, columns: &[&str]) -> Result<Table, IngestError> {
    match super::walk::extension(&path.to_string_lossy()).as_str() {
        "csv" => delimited(path, b',', columns),
        "tsv" => delimited(path, b'\t', columns),
        "jsonl" | "ndjson" => lines(path, columns),
        "parquet" => parquet(path, columns),
        other => Err(refuse(path)(format!(
            "is a `.{other}` file, but a table must be `.csv`, `.tsv`, `.jsonl` or `.parquet`"
        ))),
    }
}

/// Whether a name is that of a table.
pub(super) fn is_table(extension: &str) -> bool {
    matches!(extension, "csv" | "tsv" | "jsonl" | "ndjson" | "parquet")
}

fn refuse(path: &Path) -> impl Fn(String) -> IngestError + '_ {
    move |reason| IngestError::Table {
        path: path.to_owned(),
        reason,
    }
}

fn missing(path: &Path, column: &str, known: Vec<String>) -> IngestError {
    refuse(path)(format!(
        "there is no column `{column}`; there are {}",
        known.join(", ")
    ))
}

fn delimited(path: &Path, separator: u8, columns: &[&str]) -> Result<Table, IngestError> {
    let encoding = match scan::scan(path, separator)? {
        scan::Utf8::Whole => CsvEncoding::Utf8,
        scan::Utf8::Damaged => CsvEncoding::LossyUtf8,
    };
    let options = || {
        CsvReadOptions::default()
            .with_has_header(true)
            .with_infer_schema_length(Some(0))
            .with_rechunk(false)
            .map_parse_options(|parse| parse.with_separator(separator).with_encoding(encoding))
    };
    let broken = |error: PolarsError| refuse(path)(error.to_string());
    let read = |options: CsvReadOptions| {
        options
            .try_into_reader_with_file_path(Some(path.to_owned()))
            .and_then(CsvReader::finish)
            .map_err(broken)
    };
    let head = read(options().with_n_rows(Some(1)))?;
    for column in columns {
        if head.column(column).is_err() {
            return Err(missing(path, column, names(&head)));
        }
    }
    let wanted: Arc<[PlSmallStr]> = columns
        .iter()
        .map(|column| PlSmallStr::from(*column))
        .collect();
    of_frame(path, read(options().with_columns(Some(wanted)))?, columns)
}

fn parquet(path: &Path, columns: &[&str]) -> Result<Table, IngestError> {
    let file = || File::open(path).map_err(IngestError::io(path));
    let broken = |error: PolarsError| refuse(path)(error.to_string());
    let schema = ParquetReader::new(file()?).schema().map_err(broken)?;
    for column in columns {
        if !schema.contains(column) {
            let known = schema.iter_names().map(ToString::to_string).collect();
            return Err(missing(path, column, known));
        }
    }
    let wanted = columns.iter().map(|column| (*column).to_owned()).collect();
    let frame = ParquetReader::new(file()?)
        .with_columns(Some(wanted))
        .finish();
    of_frame(path, frame.map_err(broken)?, columns)
}

fn names(frame: &DataFrame) -> Vec<String> {
    frame
        .get_column_names()
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// Takes the frame apart column by column, so that at most one is in memory twice.
fn of_frame(path: &Path, mut frame: DataFrame, columns: &[&str]) -> Result<Table, IngestError> {
    let broken = |error: PolarsError| refuse(path)(error.to_string());
    let mut table = Table {
        rows: frame.height(),
        ..Table::default()
    };
    for name in columns {
        let column = frame.drop_in_place(name).map_err(broken)?;
        let column = column.as_materialized_series();
        let texts = match column.dtype() {
            DataType::String => column.str().map_err(broken)?.rechunk().into_owned(),
            DataType::List(inner) if **inner == DataType::String => {
                joined(column).map_err(broken)?
            }
            kind if kind.is_primitive_numeric() || kind.is_bool() || kind.is_null() => {
                let texts = column.cast(&DataType::String).map_err(broken)?;
                texts.str().map_err(broken)?.rechunk().into_owned()
            }
            kind => {
                let reason = format!(
                    "column `{name}` is `{kind}`, but must be texts, lists of texts or numbers"
                );
                return Err(refuse(path)(reason));
            }
        };
        table.columns.insert((*name).to_owned(), texts);
    }
    Ok(table)
}

/// Lists of texts, each as one text.
fn joined(column: &Series) -> PolarsResult<StringChunked> {
    let lists = column.list()?;
    let mut builder = StringChunkedBuilder::new(column.name().clone(), column.len());
    for row in 0..lists.len() {
        match lists.get_as_series(row) {
            Some(texts) => {
                let texts = texts.str()?;
                let texts: Vec<&str> = (0..texts.len()).filter_map(|i| texts.get(i)).collect();
                builder.append_value(texts.join(&SEPARATOR.to_string()));
            }
            None => builder.append_null(),
        }
    }
    Ok(builder.finish())
}

fn lines(path: &Path, columns: &[&str]) -> Result<Table, IngestError> {
    let mut reader = BufReader::new(File::open(path).map_err(IngestError::io(path))?);
    let mut builders: Vec<StringChunkedBuilder> = columns
        .iter()
        .map(|column| StringChunkedBuilder::new(PlSmallStr::from(*column), 0))
        .collect();
    let mut seen = vec![false; columns.len()];
    let mut table = Table::default();
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let n = reader
            .read_until(b'\n', &mut line)
            .map_err(IngestError::io(path))?;
        if n == 0 {
            break;
        }
        let bytes = line
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(&line)
            .trim_ascii();
        if bytes.is_empty() {
            continue;
        }
        let fields: serde_json::Map<String, Value> = match object(bytes) {
            Ok(fields) => fields,
            Err(fault) => {
                table.refused.push(Fault {
                    line: Some(number),
                    ..fault
                });
                continue;
            }
        };
        for ((column, builder), seen) in columns.iter().zip(&mut builders).zip(&mut seen) {
            let value = fields.get(*column);
            *seen |= value.is_some();
            builder.append_option(value.and_then(text));
        }
        table.rows += 1;
    }
    if let Some(column) = columns
        .iter()
        .zip(&seen)
        .find_map(|(column, seen)| (!seen).then_some(column))
        && table.rows > 0
    {
        return Err(refuse(path)(format!("no line has the field `{column}`")));
    }
    let finished = columns.iter().zip(builders);
    table.columns = finished
        .map(|(column, builder)| ((*column).to_owned(), builder.finish()))
        .collect();
    Ok(table)
}

fn object(line: &[u8]) -> Result<serde_json::Map<String, Value>, Fault> {
    if line.len() > MAX_LINE {
        let message = format!(
            "the line has {} bytes, but at most {MAX_LINE} are read",
            line.len()
        );
        return Err(Fault::new("list", "line_too_long", message));
    }
    let text = std::str::from_utf8(line).map_err(|error| {
        let message = format!(
            "the line is not UTF-8 from its byte {} on",
            error.valid_up_to()
        );
        Fault::new("list", "bad_utf8", message)
    })?;
    serde_json::from_str(text).map_err(|error| Fault::new("list", "broken_line", error.to_string()))
}

/// A field as text; what is no text, number, truth or list of texts is nothing.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Array(list) => {
            let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
            Some(texts.join(&SEPARATOR.to_string()))
        }
        Value::Null | Value::Object(_) => None,
    }
}
