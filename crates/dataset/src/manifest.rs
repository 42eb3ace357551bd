//! `manifest.json`: the commit record of a dataset. What it does not name is not part of the dataset.
//!
//! It holds no time, host or path outside the dataset, so that equal input gives an equal manifest and its SHA-256 can
//! stand for the data.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::record::Split;
use crate::{DatasetError, commit, digest, schema};

/// What a dataset folder holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Manifest {
    /// Version of the columns, see [`schema::VERSION`].
    pub schema_version: u32,
    /// The dataset's name.
    pub name: String,
    /// SHA-256 of the resolved pipeline.
    pub config_sha256: String,
    /// The shards, in the order of splits and numbers.
    pub shards: Vec<ShardEntry>,
    /// `phrases.parquet`, where the pipeline has phrases.
    pub phrases: Option<FileEntry>,
    /// The table of rejects; present even when it is empty.
    pub rejects: Option<FileEntry>,
    /// Small pictures of some rejects, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnails: Option<FileEntry>,
    /// The sums.
    pub counts: Counts,
    /// Styles present, sorted.
    pub styles: Vec<String>,
    /// Languages of the captions, sorted.
    pub languages: Vec<String>,
    /// Names of the classes that the column `label` counts, empty where there are none.
    pub classes: Vec<String>,
}

/// One shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct ShardEntry {
    /// Path below the dataset's folder.
    pub path: String,
    /// The split it belongs to.
    pub split: Split,
    /// Rows in it.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Key of its first row.
    pub first_key: String,
    /// Key of its last row.
    pub last_key: String,
}

/// A further file of the dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct FileEntry {
    /// Path below the dataset's folder.
    pub path: String,
    /// Rows in it.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// Where every row that came in went: `rows_in = rows_out + rejects + duplicates`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Counts {
    /// Rows the sources offered.
    pub rows_in: u64,
    /// Rows in the shards.
    pub rows_out: u64,
    /// Rows that became rejects.
    pub rejects: u64,
    /// Rows dropped because another row has the same key and the same bytes.
    pub duplicates: u64,
}

impl Counts {
    /// Whether no row was lost on the way.
    #[must_use]
    pub fn agree(&self) -> bool {
        let sum = self.rows_out.checked_add(self.rejects);
        sum.and_then(|sum| sum.checked_add(self.duplicates)) == Some(self.rows_in)
    }
}

impl FileEntry {
    /// Measures a committed file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of(folder: &Path, path: &str, rows: u64) -> Result<Self, DatasetError> {
        let (sha256, bytes) = digest::file_sha256_hex(&folder.join(path))?;
        Ok(Self {
            path: path.to_owned(),
            rows,
            bytes,
            sha256,
        })
    }
}

impl Manifest {
    /// Name of the file in the dataset's folder.
    pub const FILE: &'static str = "manifest.json";

    /// Reads and checks a folder's manifest; also returns the SHA-256 of its bytes in hexadecimal.
    ///
    /// # Errors
    /// There is none, it is not one, or it has another schema version.
    pub fn read(folder: &Path) -> Result<(Self, String), DatasetError> {
        let path = folder.join(Self::FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
                return Err(DatasetError::NoManifest {
                    path: folder.to_owned(),
                });
            }
            Err(source) => return Err(DatasetError::Io { path, source }),
        };
        let manifest: Self =
            serde_json::from_slice(&bytes).map_err(|error| DatasetError::BadManifest {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        if manifest.schema_version != schema::VERSION {
            return Err(DatasetError::SchemaVersion {
                path,
                found: manifest.schema_version,
                expected: schema::VERSION,
            });
        }
        Ok((manifest, digest::sha256_hex(&bytes)))
    }

    /// Commits the manifest, which makes everything it names the dataset.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), DatasetError> {
        let path = folder.join(Self::FILE);
        let mut bytes =
            serde_json::to_vec_pretty(self).map_err(|error| DatasetError::BadManifest {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        bytes.push(b'\n');
        commit::write(&path, &bytes)
    }

    /// Rows of one split.
    #[must_use]
    pub fn rows(&self, split: Split) -> u64 {
        self.shards
            .iter()
            .filter(|shard| shard.split == split)
            .map(|shard| shard.rows)
            .fold(0, u64::saturating_add)
    }
}
