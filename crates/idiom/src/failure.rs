//! What ends a verb early: a message, what to do next, and the exit status.

use idiom_dataset::DatasetError;
use idiom_embed::EmbedError;
use idiom_encoders::EncoderError;
use idiom_evaluate::EvaluateError;
use idiom_ingest::IngestError;
use idiom_model::ModelError;
use idiom_picture::PictureError;
use idiom_spec::SpecError;
use idiom_studio::StudioError;
use idiom_torch_ext::TorchError;
use idiom_tracking::TrackingError;
use idiom_tracking_server::{ServerError, UpkeepError};
use idiom_train::TrainError;
use std::path::PathBuf;

/// Why a verb ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something is wrong; exit status 2.
    Error {
        /// What is wrong, with the path first.
        message: String,
        /// What to do next.
        hint: Option<String>,
    },
    /// Another process writes where this one would; it may be waited for. Otherwise like an error.
    Busy {
        /// The folder.
        folder: PathBuf,
        /// That it is being written, and by whom.
        message: String,
        /// What to do next.
        hint: Option<String>,
    },
    /// A signal asked to stop; what was done is kept. The exit status is 128 + the signal's number.
    Interrupted {
        /// How to go on.
        go_on: String,
    },
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Error {
            message: message.into(),
            hint: Some(hint.into()),
        }
    }

    /// What is wrong, or how to go on.
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::Error { message, .. } | Self::Busy { message, .. } => message,
            Self::Interrupted { go_on } => go_on,
        }
    }
}

macro_rules! from_library_errors {
    ($($error:ty),*) => { $(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Error { message: error.to_string(), hint: error.hint() }
            }
        }
    )* };
}

from_library_errors!(
    SpecError,
    DatasetError,
    PictureError,
    EncoderError,
    TrainError,
    EvaluateError,
    ModelError,
    TorchError,
    TrackingError,
    ServerError,
    UpkeepError,
    StudioError
);

macro_rules! from_writers_errors {
    ($($error:ident),*) => { $(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                let (message, hint) = (error.to_string(), error.hint());
                match error {
                    $error::Dataset(DatasetError::Locked { path: folder, .. }) => {
                        Self::Busy { folder, message, hint }
                    }
                    _ => Self::Error { message, hint },
                }
            }
        }
    )* };
}

from_writers_errors!(IngestError, EmbedError);
