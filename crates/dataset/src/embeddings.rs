//! The embedding sidecar of a dataset: one row for each distinct text, under `embeddings/ENCODER/`.
//!
//! The sidecar grows by parts. A part is a Parquet file that appears whole or not at all; `begun.json` says which encoder
//! the parts belong to, and `manifest.json` appears when every text has its vector. A writer that was killed therefore
//! loses at most the part it was filling. Parts of another encoder (by hash or length) are thrown away.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{BinaryArray, BooleanArray, RecordBatch, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema};
use serde::{Deserialize, Serialize};

use crate::lock::FolderLock;
use crate::manifest::FileEntry;
use crate::sidecar::{
    self, BEGUN, Begun, MANIFEST, VectorColumn, read_json, remove, vectors, write_json,
};
use crate::{DatasetError, digest, table};

/// The key of a text in the sidecar.
#[must_use]
pub fn text_sha256(text: &str) -> [u8; 32] {
    digest::sha256(text.as_bytes())
}

/// What a sidecar holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct EmbeddingsManifest {
    /// Version of the columns.
    pub schema_version: u32,
    /// The encoder's name.
    pub encoder: String,
    /// SHA-256 of the encoder's weights and tokenizer.
    pub encoder_sha256: String,
    /// Length of a vector.
    pub dim: usize,
    /// SHA-256 over the set of texts, as the caller computed it.
    pub texts_sha256: String,
    /// The parts.
    pub parts: Vec<FileEntry>,
}

/// The vector of one text.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingRow {
    /// Key: [`text_sha256`] of the text.
    pub text_sha256: [u8; 32],
    /// The vector, `[dim]`, unit norm.
    pub embedding: Vec<f32>,
    /// Tokens the encoder saw.
    pub n_tokens: u32,
    /// Whether the text was longer than the encoder reads.
    pub truncated: bool,
}

/// A finished sidecar, in memory.
#[derive(Debug)]
pub struct Embeddings {
    manifest: EmbeddingsManifest,
    rows: HashMap<[u8; 32], usize>,
    /// `[rows, dim]`
    values: Vec<f32>,
}

impl Embeddings {
    /// The manifest of a finished sidecar, or `None` where it was never finished.
    ///
    /// # Errors
    /// It exists but cannot be read.
    pub fn manifest_of(
        dataset: &Path,
        encoder: &str,
    ) -> Result<Option<EmbeddingsManifest>, DatasetError> {
        read_json(&folder(dataset, encoder).join(MANIFEST))
    }

    /// Loads the sidecar of an encoder.
    ///
    /// # Errors
    /// It was never finished, or one of its parts is missing or broken.
    pub fn open(dataset: &Path, encoder: &str) -> Result<Self, DatasetError> {
        let folder = folder(dataset, encoder);
        let manifest =
            Self::manifest_of(dataset, encoder)?.ok_or_else(|| DatasetError::NoEmbeddings {
                path: folder.clone(),
            })?;
        let (mut rows, mut values) = (HashMap::new(), Vec::new());
        sidecar::each_batch(&folder, &manifest.parts, |view| {
            let keys: &BinaryArray = view.column("text_sha256", "Binary")?;
            values.extend_from_slice(&vectors(view, manifest.dim)?);
            for key in keys {
                let next = rows.len();
                rows.insert(key.unwrap_or_default().try_into().unwrap_or_default(), next);
            }
            Ok(())
        })?;
        Ok(Self {
            manifest,
            rows,
            values,
        })
    }

    /// Length of a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.manifest.dim
    }

    /// SHA-256 of the encoder's weights and tokenizer.
    #[must_use]
    pub fn encoder_sha256(&self) -> &str {
        &self.manifest.encoder_sha256
    }

    /// What the sidecar holds.
    #[must_use]
    pub fn manifest(&self) -> &EmbeddingsManifest {
        &self.manifest
    }

    /// The vector of a text, `[dim]`, or `None` for a text that was never embedded.
    #[must_use]
    pub fn get(&self, text: &str) -> Option<&[f32]> {
        let row = *self.rows.get(&text_sha256(text))?;
        self.values
            .get(row * self.manifest.dim..(row + 1) * self.manifest.dim)
    }

    /// The same for a text that must have one.
    ///
    /// # Errors
    /// It was never embedded.
    pub fn require(&self, text: &str) -> Result<&[f32], DatasetError> {
        self.get(text).ok_or_else(|| DatasetError::NoVector {
            encoder: self.manifest.encoder.clone(),
            text: text.to_owned(),
        })
    }

    /// The texts nearest to a vector by cosine among those that are `wanted`, as their keys and cosines, the nearest first; equal ones by key. A
    /// vector of another length has no neighbours.
    #[must_use]
    pub fn nearest(
        &self,
        vector: &[f32],
        n: usize,
        wanted: impl Fn(&[u8; 32]) -> bool,
    ) -> Vec<([u8; 32], f32)> {
        if vector.len() != self.manifest.dim {
            return Vec::new();
        }
        let length = |v: &[f32]| {
            v.iter()
                .map(|x| x * x)
                .sum::<f32>()
                .sqrt()
                .max(f32::MIN_POSITIVE)
        };
        let own = length(vector);
        let mut scored: Vec<([u8; 32], f32)> = self
            .rows
            .iter()
            .filter(|(key, _)| wanted(key))
            .map(|(key, row)| {
                let other = &self.values[row * self.manifest.dim..(row + 1) * self.manifest.dim];
                let dot: f32 = other.iter().zip(vector).map(|(a, b)| a * b).sum();
                (*key, dot / (own * length(other)))
            })
            .collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        scored.truncate(n);
        scored
    }

    /// Distinct texts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Adds vectors to a sidecar, part by part.
#[derive(Debug)]
pub struct EmbeddingsWriter {
    folder: PathBuf,
    begun: Begun,
    parts: Vec<FileEntry>,
    done: HashSet<[u8; 32]>,
    _lock: FolderLock,
}

impl EmbeddingsWriter {
    /// Begins or goes on with the sidecar of an encoder; holds the sidecar's lock until it is dropped.
    ///
    /// # Errors
    /// Another process writes this sidecar, or the folder cannot be read or written.
    pub fn begin(
        dataset: &Path,
        encoder: &str,
        encoder_sha256: &str,
        dim: usize,
    ) -> Result<Self, DatasetError> {
        let folder = folder(dataset, encoder);
        let lock = FolderLock::take(&folder)?;
        let mut writer = Self {
            folder,
            begun: Begun::new(encoder, encoder_sha256, dim),
            parts: Vec::new(),
            done: HashSet::new(),
            _lock: lock,
        };
        if read_json(&writer.folder.join(BEGUN))?.as_ref() == Some(&writer.begun) {
            writer.take_up()?;
        } else {
            writer.start_over()?;
        }
        Ok(writer)
    }

    /// Whether a text already has its vector in a committed part.
    #[must_use]
    pub fn already_done(&self, text_sha256: &[u8; 32]) -> bool {
        self.done.contains(text_sha256)
    }

    /// Commits one part; when this returns, the rows survive a crash.
    ///
    /// # Errors
    /// A vector has the wrong length, or the part cannot be written.
    pub fn append(&mut self, rows: &[EmbeddingRow]) -> Result<(), DatasetError> {
        if rows.is_empty() {
            return Ok(());
        }
        let name = format!("part-{:05}.parquet", self.parts.len());
        let path = self.folder.join(&name);
        let vectors: Vec<&[f32]> = rows.iter().map(|row| &*row.embedding).collect();
        let vectors = VectorColumn::of(&vectors, self.begun.dim, &path)?;
        let batch = to_batch(rows, vectors).map_err(DatasetError::arrow(&path))?;
        table::write(&path, &batch)?;
        self.parts
            .push(FileEntry::of(&self.folder, &name, rows.len() as u64)?);
        self.done.extend(rows.iter().map(|row| row.text_sha256));
        Ok(())
    }

    /// Writes the manifest: from now on the sidecar is whole for the texts that `texts_sha256` stands for.
    ///
    /// # Errors
    /// The manifest cannot be written.
    pub fn finish(self, texts_sha256: &str) -> Result<EmbeddingsManifest, DatasetError> {
        let manifest = EmbeddingsManifest {
            schema_version: self.begun.schema_version,
            encoder: self.begun.encoder,
            encoder_sha256: self.begun.encoder_sha256,
            dim: self.begun.dim,
            texts_sha256: texts_sha256.to_owned(),
            parts: self.parts,
        };
        write_json(&self.folder.join(MANIFEST), &manifest)?;
        Ok(manifest)
    }

    fn take_up(&mut self) -> Result<(), DatasetError> {
        loop {
            let name = format!("part-{:05}.parquet", self.parts.len());
            let path = self.folder.join(&name);
            if !path.exists() {
                return Ok(());
            }
            let mut rows = 0;
            sidecar::each_batch_of(&path, |view| {
                let keys: &BinaryArray = view.column("text_sha256", "Binary")?;
                self.done.extend(
                    keys.iter()
                        .flatten()
                        .filter_map(|key| <[u8; 32]>::try_from(key).ok()),
                );
                rows += view.batch.num_rows() as u64;
                Ok(())
            })?;
            self.parts.push(FileEntry::of(&self.folder, &name, rows)?);
        }
    }

    /// Removes another encoder's parts, the manifest first, so that no moment shows a whole sidecar with missing parts.
    fn start_over(&self) -> Result<(), DatasetError> {
        for name in [MANIFEST, BEGUN] {
            remove(&self.folder.join(name))?;
        }
        sidecar::keep_only(&self.folder, &[])?;
        write_json(&self.folder.join(BEGUN), &self.begun)
    }
}

fn folder(dataset: &Path, encoder: &str) -> PathBuf {
    dataset.join("embeddings").join(encoder)
}

fn to_batch(
    rows: &[EmbeddingRow],
    vectors: VectorColumn,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let schema = Schema::new(vec![
        Field::new("text_sha256", DataType::Binary, true),
        vectors.field,
        Field::new("n_tokens", DataType::UInt32, true),
        Field::new("truncated", DataType::Boolean, true),
    ]);
    let keys = BinaryArray::from_iter_values(rows.iter().map(|row| row.text_sha256));
    let n_tokens = UInt32Array::from_iter_values(rows.iter().map(|row| row.n_tokens));
    let truncated: BooleanArray = rows.iter().map(|row| Some(row.truncated)).collect();
    RecordBatch::try_new(
        Arc::new(schema),
        vec![
            Arc::new(keys),
            vectors.values,
            Arc::new(n_tokens),
            Arc::new(truncated),
        ],
    )
}
