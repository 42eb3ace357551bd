//! `rejects/rejects.parquet`: everything a source offered that could not become a row, with where and why.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::columns::BatchView;
use crate::{DatasetError, table};

/// Path of the table below the dataset's folder.
pub const FILE: &str = "rejects/rejects.parquet";

/// Rows that go to the writer at a time.
const BATCH: usize = 1 << 16;

/// One refused row. Its words lie in it, not beside it, while they are short: a list may have millions of rows that are refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reject {
    /// The source it came from: a package or a folder.
    pub source: CompactString,
    /// The member or file, and where a key was known, the key.
    pub member: CompactString,
    /// Line in the member, counted from 1, where the fault has one.
    pub line: Option<u64>,
    /// The stage that refused it: `read`, `decode`, `filter`, `caption` or `join`.
    pub stage: CompactString,
    /// A word for the kind of fault, stable across versions.
    pub code: CompactString,
    /// What was wrong, for people.
    pub message: CompactString,
    /// SHA-256 of the source bytes in hexadecimal, empty where there are none.
    pub sha256: CompactString,
}

/// Commits the rejects as a table; an empty one is a table too.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, rejects: &[Reject]) -> Result<(), DatasetError> {
    let text = |name| Field::new(name, DataType::Utf8, true);
    let schema: SchemaRef = Arc::new(Schema::new(vec![
        text("source"),
        text("member"),
        Field::new("line", DataType::UInt64, true),
        text("stage"),
        text("code"),
        text("message"),
        text("sha256"),
    ]));
    let batches = rejects.chunks(BATCH).map(|some| batch(&schema, some));
    let batches = batches.map(|batch| batch.map_err(DatasetError::arrow(path)));
    table::write_batches(path, &schema, batches)
}

fn batch(schema: &SchemaRef, rejects: &[Reject]) -> Result<RecordBatch, ArrowError> {
    let column = |of: fn(&Reject) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rejects.iter().map(of)))
    };
    let columns = vec![
        column(|r| &r.source),
        column(|r| &r.member),
        Arc::new(rejects.iter().map(|r| r.line).collect::<UInt64Array>()),
        column(|r| &r.stage),
        column(|r| &r.code),
        column(|r| &r.message),
        column(|r| &r.sha256),
    ];
    RecordBatch::try_new(Arc::clone(schema), columns)
}

/// Reads a table of rejects.
///
/// # Errors
/// The file cannot be read or lacks a column.
pub fn read(path: &Path) -> Result<Vec<Reject>, DatasetError> {
    let mut rejects = Vec::new();
    for batch in table::read(path)? {
        let view = BatchView {
            batch: &batch,
            path,
        };
        let column = |name: &str| view.column::<StringArray>(name, "Utf8");
        let (sources, members, stages) = (column("source")?, column("member")?, column("stage")?);
        let (codes, messages, digests) = (column("code")?, column("message")?, column("sha256")?);
        let lines: &UInt64Array = view.column("line", "UInt64")?;
        rejects.extend((0..batch.num_rows()).map(|i| Reject {
            source: sources.value(i).into(),
            member: members.value(i).into(),
            line: lines.is_valid(i).then(|| lines.value(i)),
            stage: stages.value(i).into(),
            code: codes.value(i).into(),
            message: messages.value(i).into(),
            sha256: digests.value(i).into(),
        }));
    }
    Ok(rejects)
}
