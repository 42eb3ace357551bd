//! The picture vectors of a dataset: one row for each row of the shards, under `embeddings/ENCODER/pictures/`, with the row's `key`
//! to join by.
//!
//! A part belongs to one shard and carries the start of its hash in its name, so a shard with other bytes has no part, and a run
//! that was killed goes on with the first shard that has none. `begun.json` says which encoder the parts belong to,
//! `manifest.json` appears when every shard has its part.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use serde::{Deserialize, Serialize};

use crate::lock::FolderLock;
use crate::manifest::FileEntry;
use crate::sidecar::{
    self, BEGUN, Begun, MANIFEST, VectorColumn, read_json, remove, vectors, write_json,
};
use crate::{DatasetError, ShardEntry, table};

/// What a finished folder of picture vectors holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct PictureVectorsManifest {
    /// Which encoder, and how long a vector is.
    #[serde(flatten)]
    begun: Begun,
    /// SHA-256 of each shard, in the order of the parts.
    pub shards: Vec<String>,
    /// The parts, one a shard.
    pub parts: Vec<FileEntry>,
}

impl PictureVectorsManifest {
    /// The manifest of an encoder, or `None` where it was never finished.
    ///
    /// # Errors
    /// It exists but cannot be read.
    pub fn of(dataset: &Path, encoder: &str) -> Result<Option<Self>, DatasetError> {
        read_json(&folder(dataset, encoder).join(MANIFEST))
    }

    /// Whether these are the vectors of these shards by this encoder.
    #[must_use]
    pub fn is_of(&self, shards: &[ShardEntry], encoder_sha256: &str) -> bool {
        let hashes = shards.iter().map(|shard| &shard.sha256);
        self.begun.encoder_sha256 == encoder_sha256 && self.shards.iter().eq(hashes)
    }

    /// Rows of all parts.
    #[must_use]
    pub fn rows(&self) -> u64 {
        let rows = self.parts.iter().map(|part| part.rows);
        rows.fold(0, u64::saturating_add)
    }
}

/// Writes the vectors, shard by shard.
#[derive(Debug)]
pub struct PictureVectorsWriter {
    folder: PathBuf,
    begun: Begun,
    _lock: FolderLock,
}

impl PictureVectorsWriter {
    /// Begins or goes on; holds the folder's lock until it is dropped.
    ///
    /// # Errors
    /// Another process writes here, or the folder cannot be read or written.
    pub fn begin(
        dataset: &Path,
        encoder: &str,
        encoder_sha256: &str,
        dim: usize,
    ) -> Result<Self, DatasetError> {
        let folder = folder(dataset, encoder);
        let lock = FolderLock::take(&folder)?;
        let begun = Begun::new(encoder, encoder_sha256, dim);
        let writer = Self {
            folder,
            begun,
            _lock: lock,
        };
        if read_json(&writer.folder.join(BEGUN))?.as_ref() != Some(&writer.begun) {
            remove(&writer.folder.join(MANIFEST))?;
            remove(&writer.folder.join(BEGUN))?;
            sidecar::keep_only(&writer.folder, &[])?;
            write_json(&writer.folder.join(BEGUN), &writer.begun)?;
        }
        Ok(writer)
    }

    /// Whether a shard has its part.
    #[must_use]
    pub fn has(&self, shard: &ShardEntry) -> bool {
        self.folder.join(part_of(shard)).exists()
    }

    /// Commits the part of a shard: keys and vectors of its rows, in its order.
    ///
    /// # Errors
    /// A vector has the wrong length, or the part cannot be written.
    pub fn append(
        &mut self,
        shard: &ShardEntry,
        keys: &[String],
        vectors: &[Vec<f32>],
    ) -> Result<(), DatasetError> {
        let path = self.folder.join(part_of(shard));
        let vectors = VectorColumn::of(vectors, self.begun.dim, &path)?;
        let batch = to_batch(keys, vectors).map_err(DatasetError::arrow(&path))?;
        table::write(&path, &batch)
    }

    /// Writes the manifest and removes parts of other shards.
    ///
    /// # Errors
    /// A shard has no part, or the manifest cannot be written.
    pub fn finish(self, shards: &[ShardEntry]) -> Result<PictureVectorsManifest, DatasetError> {
        let part = |shard: &ShardEntry| FileEntry::of(&self.folder, &part_of(shard), shard.rows);
        let manifest = PictureVectorsManifest {
            begun: self.begun.clone(),
            shards: shards.iter().map(|shard| shard.sha256.clone()).collect(),
            parts: shards.iter().map(part).collect::<Result<_, _>>()?,
        };
        write_json(&self.folder.join(MANIFEST), &manifest)?;
        let names: Vec<&str> = manifest.parts.iter().map(|part| &*part.path).collect();
        sidecar::keep_only(&self.folder, &names)?;
        Ok(manifest)
    }
}

/// Finished picture vectors, in memory.
#[derive(Debug)]
pub struct PictureVectors {
    dim: usize,
    keys: Vec<String>,
    /// `[rows, dim]`, unit norm.
    values: Vec<f32>,
}

impl PictureVectors {
    /// Loads the picture vectors of an encoder.
    ///
    /// # Errors
    /// They were never finished, or a part is missing or broken.
    pub fn open(dataset: &Path, encoder: &str) -> Result<Self, DatasetError> {
        let folder = folder(dataset, encoder);
        let manifest = PictureVectorsManifest::of(dataset, encoder)?;
        let manifest = manifest.ok_or_else(|| DatasetError::NoEmbeddings {
            path: folder.clone(),
        })?;
        let dim = manifest.begun.dim;
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        sidecar::each_batch(&folder, &manifest.parts, |view| {
            let column: &StringArray = view.column("key", "Utf8")?;
            keys.extend(column.iter().map(|key| key.unwrap_or_default().to_owned()));
            values.extend_from_slice(&vectors(view, dim)?);
            Ok(())
        })?;
        Ok(Self { dim, keys, values })
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Keys and vectors, in the order of the shards.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &[f32])> {
        let keys = self.keys.iter().map(String::as_str);
        keys.zip(self.values.chunks_exact(self.dim.max(1)))
    }

    /// The rows nearest to a vector of unit norm by cosine, the nearest first; equal ones by key.
    #[must_use]
    pub fn nearest(&self, vector: &[f32], n: usize) -> Vec<(&str, f32)> {
        let score = |own: &[f32]| own.iter().zip(vector).map(|(a, b)| a * b).sum();
        let mut scored: Vec<(&str, f32)> =
            self.rows().map(|(key, own)| (key, score(own))).collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        scored.truncate(n);
        scored
    }
}

fn folder(dataset: &Path, encoder: &str) -> PathBuf {
    dataset.join("embeddings").join(encoder).join("pictures")
}

/// The name of a shard's part.
fn part_of(shard: &ShardEntry) -> String {
    let stem = Path::new(&shard.path).file_stem().unwrap_or_default();
    let start = shard.sha256.get(..12).unwrap_or(&shard.sha256);
    format!("{}-{start}.parquet", stem.to_string_lossy())
}

fn to_batch(
    keys: &[String],
    vectors: VectorColumn,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let key = Field::new("key", DataType::Utf8, true);
    let schema = Schema::new(vec![key, vectors.field]);
    let keys = Arc::new(StringArray::from_iter_values(keys));
    RecordBatch::try_new(Arc::new(schema), vec![keys, vectors.values])
}
