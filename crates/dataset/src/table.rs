//! Small Parquet tables beside the shards, written whole and committed by rename.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};

use crate::{DatasetError, commit, schema};

/// Commits one batch as a whole Parquet file.
pub(crate) fn write(path: &Path, batch: &RecordBatch) -> Result<(), DatasetError> {
    write_batches(path, &batch.schema(), std::iter::once(Ok(batch.clone())))
}

/// Commits batches of one schema as a whole Parquet file, one in memory at a time.
pub(crate) fn write_batches(
    path: &Path,
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, DatasetError>>,
) -> Result<(), DatasetError> {
    commit::create_folder_of(path)?;
    let temporary = commit::temporary(path);
    let file = File::create(&temporary).map_err(DatasetError::io(&temporary))?;
    let mut writer = ArrowWriter::try_new(
        file,
        Arc::clone(schema),
        Some(schema::table_properties().build()),
    )
    .map_err(DatasetError::parquet(path))?;
    for batch in batches {
        writer.write(&batch?).map_err(DatasetError::parquet(path))?;
    }
    let metadata = writer.close().map_err(DatasetError::parquet(path))?;
    let n_columns = metadata.file_metadata().schema_descr().num_columns();
    name_old_order(&temporary, n_columns).map_err(DatasetError::io(&temporary))?;
    commit::publish(&temporary, path)
}

/// A column order in the footer, as Thrift's compact protocol writes it: the one that every reader knows, and the order
/// of IEEE 754, which arrow-rs names for columns of floats since version 60.
const KNOWN_ORDER: [u8; 3] = [0x1c, 0, 0];
const FLOAT_ORDER: [u8; 3] = [0x2c, 0, 0];

/// Names the order that every reader knows for all columns. polars (1.35) and older readers refuse a file whose footer names
/// an order that they have not heard of; for finite numbers both orders are the same. The orders are the footer's last
/// field: one for each column, then the end mark, the footer's length and the magic number.
fn name_old_order(path: &Path, n_columns: usize) -> std::io::Result<()> {
    let mut file = File::options().read(true).write(true).open(path)?;
    let orders_bytes = (n_columns * KNOWN_ORDER.len()) as i64;
    let start = file.seek(SeekFrom::End(-(1 + 4 + 4 + orders_bytes)))?;
    let mut orders = vec![0; orders_bytes as usize];
    file.read_exact(&mut orders)?;
    for order in orders.chunks_exact_mut(KNOWN_ORDER.len()) {
        if order == FLOAT_ORDER {
            order.copy_from_slice(&KNOWN_ORDER);
        } else if order != KNOWN_ORDER {
            // Another version of the writer ends the footer otherwise: what it wrote is left alone.
            return Ok(());
        }
    }
    file.seek(SeekFrom::Start(start))?;
    file.write_all(&orders)
}

/// Opens a Parquet file.
pub(crate) fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, DatasetError> {
    let file = File::open(path).map_err(DatasetError::io(path))?;
    parquet_builder(file).map_err(DatasetError::parquet(path))
}

/// What reads a Parquet file, ours or another's, once its footer is known to name places that are in it: at others the
/// library panics as it reads. [`ParquetBatches`] then does the reading.
///
/// # Errors
/// Where the file is no Parquet, or its footer gives a column a negative place or length.
pub fn parquet_builder(file: File) -> Result<ParquetRecordBatchReaderBuilder<File>, ParquetError> {
    let builder = guarded(|| ParquetRecordBatchReaderBuilder::try_new(file))
        .map_err(ParquetError::General)??;
    let groups = builder.metadata().row_groups().iter();
    if groups.flat_map(RowGroupMetaData::columns).any(is_nowhere) {
        let reason = "a column begins before the file does, or has a negative length";
        return Err(ParquetError::General(reason.to_owned()));
    }
    Ok(builder)
}

/// Whether a damaged footer gives a column no place in the file.
fn is_nowhere(column: &ColumnChunkMetaData) -> bool {
    let first_page = column.dictionary_page_offset();
    first_page.unwrap_or(column.data_page_offset()) < 0 || column.compressed_size() < 0
}

/// The batches of a Parquet file, ours or another's. On some damaged pages the library divides by zero or reads out of bounds:
/// its panic is an error here, and the last item.
#[derive(Debug)]
pub struct ParquetBatches(Option<ParquetRecordBatchReader>);

impl ParquetBatches {
    /// Reads what the builder has chosen.
    ///
    /// # Errors
    /// Where the file does not hold it.
    pub fn of(builder: ParquetRecordBatchReaderBuilder<File>) -> Result<Self, ParquetError> {
        let reader = guarded(|| builder.build()).map_err(ParquetError::General)??;
        Ok(Self(Some(reader)))
    }
}

impl Iterator for ParquetBatches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let reader = self.0.as_mut()?;
        guarded(|| reader.next()).unwrap_or_else(|message| {
            self.0 = None;
            Some(Err(ArrowError::ParquetError(message)))
        })
    }
}

/// Runs the library so that a panic in it becomes words.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
        format!("is damaged: {}", words.unwrap_or("it cannot be decoded"))
    })
}

/// All batches of a Parquet file.
pub(crate) fn read(path: &Path) -> Result<Vec<RecordBatch>, DatasetError> {
    ParquetBatches::of(open(path)?)
        .map_err(DatasetError::parquet(path))?
        .map(|batch| batch.map_err(DatasetError::arrow(path)))
        .collect()
}
