//! Writing one shard: rows go into row groups that close at a fixed number of rows or bytes; the file appears under its
//! name only when it is whole.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;

use crate::{DatasetError, Record, columns, commit, digest, schema};

/// A shard being written.
#[derive(Debug)]
pub struct ShardWriter {
    writer: ArrowWriter<File>,
    schema: SchemaRef,
    path: PathBuf,
    temporary: PathBuf,
    pending: Vec<Record>,
    pending_bytes: usize,
    info: ShardInfo,
}

/// What a finished shard holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShardInfo {
    /// Rows in it.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// Key of its first row.
    pub first_key: String,
    /// Key of its last row.
    pub last_key: String,
}

impl ShardWriter {
    /// Begins the shard `path`, whose folder is made where it is missing.
    ///
    /// # Errors
    /// The temporary file cannot be made.
    pub fn create(
        path: &Path,
        config_sha256: &str,
        classes: &[String],
    ) -> Result<Self, DatasetError> {
        commit::create_folder_of(path)?;
        let temporary = commit::temporary(path);
        let file = File::create(&temporary).map_err(DatasetError::io(&temporary))?;
        // In the file's own metadata and in the Arrow schema within it: some readers ask the one, some the other.
        let metadata = schema::metadata(config_sha256, classes);
        let schema: SchemaRef = Arc::new(schema::columns().with_metadata(metadata.clone()));
        let mut writer =
            ArrowWriter::try_new(file, Arc::clone(&schema), Some(schema::shard_properties()))
                .map_err(DatasetError::parquet(path))?;
        for (key, value) in metadata {
            writer.append_key_value_metadata(KeyValue::new(key, value));
        }
        Ok(Self {
            writer,
            schema,
            path: path.to_owned(),
            temporary,
            pending: Vec::new(),
            pending_bytes: 0,
            info: ShardInfo::default(),
        })
    }

    /// Adds a row; the caller hands them over sorted by key.
    ///
    /// # Errors
    /// A row group closed and could not be written.
    pub fn push(&mut self, row: Record) -> Result<(), DatasetError> {
        if self.info.rows == 0 {
            self.info.first_key.clone_from(&row.key);
        }
        self.info.last_key.clone_from(&row.key);
        self.info.rows += 1;
        self.pending_bytes += row.image.len();
        self.pending.push(row);
        if self.pending.len() >= schema::GROUP_ROWS || self.pending_bytes >= schema::GROUP_BYTES {
            self.close_group()?;
        }
        Ok(())
    }

    /// Bytes of pictures and text handed over so far, about the size of the file.
    #[must_use]
    pub fn bytes_so_far(&self) -> usize {
        self.writer.bytes_written() + self.pending_bytes
    }

    /// Closes the file and commits it under its name.
    ///
    /// # Errors
    /// The file cannot be written, synced or renamed.
    pub fn finish(mut self) -> Result<ShardInfo, DatasetError> {
        self.close_group()?;
        self.writer
            .close()
            .map_err(DatasetError::parquet(&self.path))?;
        commit::publish(&self.temporary, &self.path)?;
        let (sha256, bytes) = digest::file_sha256_hex(&self.path)?;
        Ok(ShardInfo {
            sha256,
            bytes,
            ..self.info
        })
    }

    /// Drops what was written.
    pub fn discard(self) {
        let temporary = self.temporary.clone();
        drop(self);
        let _ = fs::remove_file(temporary);
    }

    fn close_group(&mut self) -> Result<(), DatasetError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let batch = columns::to_batch(&self.pending, &self.schema)
            .map_err(DatasetError::arrow(&self.path))?;
        self.pending.clear();
        self.pending_bytes = 0;
        self.writer
            .write(&batch)
            .map_err(DatasetError::parquet(&self.path))?;
        self.writer
            .flush()
            .map_err(DatasetError::parquet(&self.path))
    }
}
