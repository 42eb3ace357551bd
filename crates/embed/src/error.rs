//! What can end an embedding early.

use idiom_dataset::DatasetError;
use idiom_encoders::EncoderError;
use std::path::PathBuf;

/// Why a dataset was not embedded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// The dataset or its sidecar.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The encoder.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// Somebody asked to stop. What was done is saved.
    #[error("{}: stopped after {n_done} of {n_texts}, which are kept", dataset.display())]
    Interrupted {
        /// The dataset's folder.
        dataset: PathBuf,
        /// Texts or pictures that have their vector on disk.
        n_done: u64,
        /// Distinct texts, or pictures, of the dataset.
        n_texts: u64,
    },
    /// There is nothing to encode.
    #[error("{}: has no captions and no phrases", dataset.display())]
    NoTexts {
        /// The dataset's folder.
        dataset: PathBuf,
    },
    /// A stored picture cannot be decoded: the shard was damaged.
    #[error("the picture of `{key}`: {source}")]
    Picture {
        /// The row.
        key: String,
        /// The decoder's reason.
        source: idiom_picture::PictureError,
    },
    /// A phrase has no vector in the sidecar.
    #[error("the phrase `{text}` has no vector")]
    NoVector {
        /// The phrase.
        text: String,
    },
}

impl EmbedError {
    /// What to do next, where there is something to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Dataset(error) => error.hint(),
            Self::Encoder(error) => error.hint(),
            Self::Interrupted { .. } => {
                Some("the same command goes on where this one stopped".into())
            }
            Self::NoTexts { .. } => Some("ingest pictures that have captions".into()),
            Self::Picture { .. } => Some("ingest the data set again: its shard was damaged".into()),
            Self::NoVector { .. } => Some("embed the dataset again".into()),
        }
    }
}
