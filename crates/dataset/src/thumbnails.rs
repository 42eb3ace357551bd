//! `rejects/thumbnails.parquet`: small pictures of a few refused rows of each code, for people who look at a report. Beside the table of
//! rejects and not in it, since that one is read whole and may have millions of rows.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;

use crate::columns::BatchView;
use crate::{DatasetError, Reject, table};

/// Path of the table below the dataset's folder.
pub const FILE: &str = "rejects/thumbnails.parquet";

/// A small picture of what was refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thumbnail {
    /// As in the reject.
    pub code: String,
    /// As in the reject.
    pub source: String,
    /// As in the reject.
    pub member: String,
    /// JPEG.
    pub image: Bytes,
}

impl Thumbnail {
    /// Whether it shows what was refused here.
    #[must_use]
    pub fn is_of(&self, reject: &Reject) -> bool {
        reject.code == self.code && reject.source == self.source && reject.member == self.member
    }
}

/// Commits the table.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, thumbnails: &[Thumbnail]) -> Result<(), DatasetError> {
    let text = |name| Field::new(name, DataType::Utf8, true);
    let image = Field::new("image", DataType::Binary, true);
    let schema = Schema::new(vec![text("code"), text("source"), text("member"), image]);
    let column = |of: fn(&Thumbnail) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(thumbnails.iter().map(of)))
    };
    let columns = vec![
        column(|t| &t.code),
        column(|t| &t.source),
        column(|t| &t.member),
        Arc::new(BinaryArray::from_iter_values(
            thumbnails.iter().map(|t| &t.image),
        )),
    ];
    let batch = RecordBatch::try_new(Arc::new(schema), columns);
    table::write(path, &batch.map_err(DatasetError::arrow(path))?)
}

/// Reads the table.
///
/// # Errors
/// The file cannot be read or lacks a column.
pub fn read(path: &Path) -> Result<Vec<Thumbnail>, DatasetError> {
    let mut thumbnails = Vec::new();
    for batch in table::read(path)? {
        let view = BatchView {
            batch: &batch,
            path,
        };
        let column = |name: &str| view.column::<StringArray>(name, "Utf8");
        let (codes, sources, members) = (column("code")?, column("source")?, column("member")?);
        let images: &BinaryArray = view.column("image", "Binary")?;
        thumbnails.extend((0..batch.num_rows()).map(|i| Thumbnail {
            code: codes.value(i).to_owned(),
            source: sources.value(i).to_owned(),
            member: members.value(i).to_owned(),
            image: Bytes::copy_from_slice(images.value(i)),
        }));
    }
    Ok(thumbnails)
}
