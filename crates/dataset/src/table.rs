//! Small Parquet tables beside the shards, written whole and committed by rename.

use std::fs::File;
use std::path::Path;

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::{DatasetError, commit, schema};

/// Commits one batch as a whole Parquet file.
pub(crate) fn write(path: &Path, batch: &RecordBatch) -> Result<(), DatasetError> {
    commit::create_folder_of(path)?;
    let temporary = commit::temporary(path);
    let file = File::create(&temporary).map_err(DatasetError::io(&temporary))?;
    let mut writer = ArrowWriter::try_new(
        file,
        batch.schema(),
        Some(schema::table_properties().build()),
    )
    .map_err(DatasetError::parquet(path))?;
    writer.write(batch).map_err(DatasetError::parquet(path))?;
    writer.close().map_err(DatasetError::parquet(path))?;
    commit::publish(&temporary, path)
}

/// All batches of a Parquet file.
pub(crate) fn read(path: &Path) -> Result<Vec<RecordBatch>, DatasetError> {
    let file = File::open(path).map_err(DatasetError::io(path))?;
    ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .map_err(DatasetError::parquet(path))?
        .map(|batch| batch.map_err(DatasetError::arrow(path)))
        .collect()
}
