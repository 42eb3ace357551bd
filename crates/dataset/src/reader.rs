//! Opening a dataset and reading its rows: all of a split in file order, or one row group at a time.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::record_batch::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::{
    DatasetError, Manifest, ParquetBatches, Phrase, Record, ShardEntry, Split, columns, phrases,
    table,
};

/// Rows read at once: few enough that even large pictures stay far below Arrow's 2 GiB a batch.
const BATCH_ROWS: usize = 256;

/// Which columns to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    /// Everything.
    All,
    /// Everything but the picture, which makes reading captions cheap.
    WithoutImage,
}

/// A dataset that has been opened for reading.
#[derive(Debug, Clone)]
pub struct Dataset {
    folder: PathBuf,
    manifest: Manifest,
    sha256: String,
}

/// A row group of a split: the unit of random access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowGroup {
    /// Path of the shard.
    pub shard: PathBuf,
    /// Number of the group in its shard.
    pub group: usize,
    /// Number of its first row, counted over the split.
    pub first_row: u64,
    /// Rows in it.
    pub rows: u64,
}

impl Dataset {
    /// Opens a dataset folder by its manifest.
    ///
    /// # Errors
    /// There is no manifest, it is broken, or it has another schema version.
    pub fn open(folder: &Path) -> Result<Self, DatasetError> {
        let (manifest, sha256) = Manifest::read(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            manifest,
            sha256,
        })
    }

    /// What the folder holds.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 of the manifest's bytes in hexadecimal: the data's hash, since the manifest holds every file's.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The folder that was opened.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Rows of a split.
    #[must_use]
    pub fn rows(&self, split: Split) -> u64 {
        self.manifest.rows(split)
    }

    /// The rows of a split in file order, that is sorted by key. Shards are opened one after another.
    #[must_use]
    pub fn records(&self, split: Split, columns: Columns) -> Records {
        let mut shards: Vec<PathBuf> = self
            .shards(split)
            .map(|shard| self.folder.join(&shard.path))
            .collect();
        shards.reverse();
        Records {
            shards,
            columns,
            current: None,
            rows: Vec::new().into_iter(),
        }
    }

    /// The row groups of a split in file order.
    ///
    /// # Errors
    /// A shard's footer cannot be read.
    pub fn row_groups(&self, split: Split) -> Result<Vec<RowGroup>, DatasetError> {
        let mut groups = Vec::new();
        let mut first_row = 0;
        for shard in self.shards(split) {
            let path = self.folder.join(&shard.path);
            let builder = builder(&path, Columns::All)?;
            for (group, metadata) in builder.metadata().row_groups().iter().enumerate() {
                let rows = metadata.num_rows().unsigned_abs();
                groups.push(RowGroup {
                    shard: path.clone(),
                    group,
                    first_row,
                    rows,
                });
                first_row = first_row.saturating_add(rows);
            }
        }
        Ok(groups)
    }

    /// The rows of one group.
    ///
    /// # Errors
    /// The shard cannot be read.
    pub fn read_group(
        &self,
        group: &RowGroup,
        columns: Columns,
    ) -> Result<Vec<Record>, DatasetError> {
        let builder = builder(&group.shard, columns)?.with_row_groups(vec![group.group]);
        let reader = ParquetBatches::of(builder).map_err(DatasetError::parquet(&group.shard))?;
        let mut rows = Vec::new();
        for batch in reader {
            rows.extend(read(batch, &group.shard)?);
        }
        Ok(rows)
    }

    /// The phrases that describe the styles; empty where the dataset has none.
    ///
    /// # Errors
    /// `phrases.parquet` cannot be read.
    pub fn phrases(&self) -> Result<Vec<Phrase>, DatasetError> {
        match &self.manifest.phrases {
            Some(file) => phrases::read(&self.folder.join(&file.path)),
            None => Ok(Vec::new()),
        }
    }

    fn shards(&self, split: Split) -> impl Iterator<Item = &ShardEntry> {
        self.manifest
            .shards
            .iter()
            .filter(move |shard| shard.split == split)
    }
}

/// The rows of a split, one after another; after an error it ends.
#[derive(Debug)]
pub struct Records {
    /// Shards still to be read, last first.
    shards: Vec<PathBuf>,
    columns: Columns,
    current: Option<(PathBuf, ParquetBatches)>,
    rows: std::vec::IntoIter<Record>,
}

impl Records {
    /// Reads one shard by its path, outside any dataset (the staging files of an ingest).
    #[must_use]
    pub fn of_shard(path: &Path, columns: Columns) -> Self {
        Self::of_shards(&[path.to_owned()], columns)
    }

    /// Reads several shards one after another by their paths, outside any dataset.
    #[must_use]
    pub fn of_shards(paths: &[PathBuf], columns: Columns) -> Self {
        Self {
            shards: paths.iter().rev().cloned().collect(),
            columns,
            current: None,
            rows: Vec::new().into_iter(),
        }
    }

    /// Loads the next batch that has rows; `false` at the end.
    fn load(&mut self) -> Result<bool, DatasetError> {
        loop {
            let Some((path, reader)) = &mut self.current else {
                let Some(path) = self.shards.pop() else {
                    return Ok(false);
                };
                let reader = ParquetBatches::of(builder(&path, self.columns)?)
                    .map_err(DatasetError::parquet(&path))?;
                self.current = Some((path, reader));
                continue;
            };
            match reader.next() {
                Some(batch) => {
                    self.rows = read(batch, path)?.into_iter();
                    return Ok(true);
                }
                None => self.current = None,
            }
        }
    }
}

impl Iterator for Records {
    type Item = Result<Record, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.rows.next() {
                return Some(Ok(row));
            }
            match self.load() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.shards.clear();
                    self.current = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

fn builder(
    path: &Path,
    columns: Columns,
) -> Result<ParquetRecordBatchReaderBuilder<File>, DatasetError> {
    let builder = table::open(path)?;
    let mask = match columns {
        Columns::All => ProjectionMask::all(),
        Columns::WithoutImage => {
            let wanted = builder
                .schema()
                .fields()
                .iter()
                .enumerate()
                .filter(|(_, field)| field.name() != "image");
            ProjectionMask::roots(builder.parquet_schema(), wanted.map(|(i, _)| i))
        }
    };
    Ok(builder.with_projection(mask).with_batch_size(BATCH_ROWS))
}

fn read(
    batch: Result<RecordBatch, arrow::error::ArrowError>,
    path: &Path,
) -> Result<Vec<Record>, DatasetError> {
    columns::from_batch(&batch.map_err(DatasetError::arrow(path))?, path)
}
