//! The one error type of the crate.

use idiom_gan::GanError;
use std::io;
use std::path::{Path, PathBuf};

/// What can be wrong with a model on disk. Every message starts with the path.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file or folder cannot be read or written.
    #[error("`{path}`: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// The folder holds no `config.json`.
    #[error("`{path}` is no model folder: it holds no `config.json`")]
    NoConfig {
        /// The folder.
        path: PathBuf,
    },
    /// `config.json` does not say what it must.
    #[error("`{path}`: {reason}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column where it is the JSON.
        reason: String,
    },
    /// A file of a format that can run code when it is read.
    #[error("`{path}` is a pickle file, which is never opened: reading one can run any code")]
    Pickle {
        /// The file.
        path: PathBuf,
    },
    /// A safetensors file that is cut, overlapping or otherwise broken.
    #[error("`{path}` is not a sound safetensors file: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file whose bytes are not those that were saved.
    #[error("`{path}` has the sha256 {found}, but `config.json` says {expected}")]
    Hash {
        /// The file.
        path: PathBuf,
        /// The hash of its bytes.
        found: String,
        /// The hash it was saved with.
        expected: String,
    },
    /// A layer that the file lacks.
    #[error("`{path}` lacks `{layer}`, which the network has with the shape {shape:?}")]
    MissingLayer {
        /// The file.
        path: PathBuf,
        /// The layer.
        layer: String,
        /// The shape the network wants.
        shape: Vec<i64>,
    },
    /// A layer that the network lacks.
    #[error("`{path}` holds `{layer}` with the shape {shape:?}, which the network does not have")]
    UnknownLayer {
        /// The file.
        path: PathBuf,
        /// The layer.
        layer: String,
        /// Its shape in the file.
        shape: Vec<i64>,
    },
    /// A layer of another shape.
    #[error(
        "`{path}` holds `{layer}` with the shape {found:?}, but the network's has {expected:?}"
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// The layer.
        layer: String,
        /// Its shape in the file.
        found: Vec<i64>,
        /// Its shape in the network.
        expected: Vec<i64>,
    },
    /// A layer of another number type.
    #[error("`{path}` holds `{layer}` as {found}, but {expected} was expected")]
    Kind {
        /// The file.
        path: PathBuf,
        /// The layer.
        layer: String,
        /// Its type in the file.
        found: String,
        /// The type it must have.
        expected: String,
    },
    /// A network that cannot be built from its configuration.
    #[error("`{path}`: {source}")]
    Network {
        /// The `config.json`.
        path: PathBuf,
        /// What is wrong.
        source: GanError,
    },
    /// libtorch reported an error.
    #[error("`{path}`: libtorch: {source}")]
    Torch {
        /// The file at hand.
        path: PathBuf,
        /// Its words.
        source: tch::TchError,
    },
}

impl ModelError {
    /// What to do next, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoConfig { .. } => {
                Some("name a run's folder `model`, or the run itself".to_owned())
            }
            Self::Pickle { .. } => Some("convert it to safetensors where it was made".to_owned()),
            Self::Damaged { .. } | Self::Hash { .. } => Some(
                "the file was changed or cut after it was saved: copy the whole folder again"
                    .to_owned(),
            ),
            Self::MissingLayer { .. }
            | Self::UnknownLayer { .. }
            | Self::Shape { .. }
            | Self::Kind { .. } => Some(
                "the weights belong to another configuration than the one they were loaded with"
                    .to_owned(),
            ),
            Self::Network { source, .. } => source.hint(),
            _ => None,
        }
    }

    /// Makes an I/O error that names `path`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// Makes a libtorch error that names `path`.
    pub(crate) fn torch(path: &Path) -> impl FnOnce(tch::TchError) -> Self {
        let path = path.to_owned();
        move |source| Self::Torch { path, source }
    }
}
