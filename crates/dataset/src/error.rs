//! What can go wrong with a dataset on disk, and what to do about it.

use std::path::PathBuf;

/// Why a dataset could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// There is no `manifest.json`: the folder is not a dataset, or its ingest never ended.
    #[error("`{}` holds no dataset: `manifest.json` is missing", path.display())]
    NoManifest {
        /// The folder that was opened.
        path: PathBuf,
    },
    /// `manifest.json` or an embedding manifest cannot be understood.
    #[error("`{}` is not a manifest of this program: {reason}", path.display())]
    BadManifest {
        /// The manifest file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The dataset was written by a version with another schema.
    #[error("`{}` has schema version {found}, but this program reads version {expected}", path.display())]
    SchemaVersion {
        /// The manifest file.
        path: PathBuf,
        /// The version in the file.
        found: u32,
        /// The version this program knows.
        expected: u32,
    },
    /// A shard lacks a column, or holds it with another type.
    #[error("`{}`: column `{column}` is {found}, but must be {expected}", path.display())]
    Column {
        /// The Parquet file.
        path: PathBuf,
        /// The column's name.
        column: String,
        /// The Arrow type found, or `missing`.
        found: String,
        /// The Arrow type needed.
        expected: String,
    },
    /// A file's Parquet structure is broken.
    #[error("`{}` cannot be read as Parquet: {source}", path.display())]
    Parquet {
        /// The Parquet file.
        path: PathBuf,
        /// The reader's or writer's own message.
        source: parquet::errors::ParquetError,
    },
    /// Arrow refused a batch.
    #[error("`{}`: {source}", path.display())]
    Arrow {
        /// The Parquet file.
        path: PathBuf,
        /// Arrow's own message.
        source: arrow::error::ArrowError,
    },
    /// The operating system refused.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's own message.
        source: std::io::Error,
    },
    /// Another process is writing here.
    #[error("`{}` is being written by another process{}", path.display(), holder.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The writer's process id, where it can be told.
        holder: Option<u32>,
    },
    /// A sidecar that was never begun or never finished.
    #[error("`{}` holds no finished embeddings", path.display())]
    NoEmbeddings {
        /// The sidecar's folder.
        path: PathBuf,
    },
    /// A text that was not there when the dataset was embedded.
    #[error("the vectors of `{encoder}` lack the text `{text}`")]
    NoVector {
        /// The encoder's name.
        encoder: String,
        /// The text.
        text: String,
    },
    /// A vector of the wrong length was handed to the sidecar's writer.
    #[error("an embedding has {found} values, but the sidecar `{}` holds vectors of {expected}", path.display())]
    Dimension {
        /// The sidecar's folder.
        path: PathBuf,
        /// The length handed in.
        found: usize,
        /// The sidecar's length.
        expected: usize,
    },
}

impl DatasetError {
    /// What the reader can do next, where there is something to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoManifest { .. } => {
                Some("run `just ingest` for its pipeline, or check the path".to_owned())
            }
            Self::NoEmbeddings { .. } | Self::NoVector { .. } => {
                Some("run `just embed` for this dataset and encoder".to_owned())
            }
            Self::BadManifest { .. } | Self::SchemaVersion { .. } => {
                Some("ingest again; the folder can be deleted first".to_owned())
            }
            Self::Column { .. } | Self::Parquet { .. } | Self::Arrow { .. } => {
                Some("the file is damaged or foreign; delete it and ingest again".to_owned())
            }
            Self::Locked { .. } => Some("wait until it ends, or stop it".to_owned()),
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => Some(
                "free some space and run the same command again: it takes up where it stopped"
                    .to_owned(),
            ),
            Self::Io { .. } | Self::Dimension { .. } => None,
        }
    }

    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn parquet(
        path: &std::path::Path,
    ) -> impl FnOnce(parquet::errors::ParquetError) -> Self + '_ {
        move |source| Self::Parquet {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn arrow(
        path: &std::path::Path,
    ) -> impl FnOnce(arrow::error::ArrowError) -> Self + '_ {
        move |source| Self::Arrow {
            path: path.to_owned(),
            source,
        }
    }
}
