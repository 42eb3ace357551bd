//! The one error type of the crate.

use idiom_dataset::DatasetError;
use idiom_encoders::EncoderError;
use idiom_gan::GanError;
use idiom_model::ModelError;
use idiom_picture::PictureError;
use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong in an evaluation.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// Features, labels or pictures of another shape than a metric takes.
    #[error("`{name}` has the shape {found:?}, but {expected} was expected")]
    Shape {
        /// Which.
        name: &'static str,
        /// Its shape.
        found: Vec<i64>,
        /// What it must be, in words.
        expected: String,
    },
    /// Too few distractors of the kind asked for.
    #[error("{wanted} distractors are wanted, but only {found} others are there")]
    Pool {
        /// How many there are.
        found: usize,
        /// How many are wanted.
        wanted: usize,
    },
    /// Pairs on which no probability can be fitted.
    #[error("no probability can be fitted on {n} pairs, {n_matches} of them matching")]
    Calibration {
        /// All pairs.
        n: usize,
        /// Matching ones.
        n_matches: usize,
    },
    /// A data set without what the evaluation needs.
    #[error("`{}` {what}", dataset.display())]
    Data {
        /// The data set's folder.
        dataset: PathBuf,
        /// What is missing.
        what: String,
    },
    /// The judge took part in the training it is to judge.
    #[error("the judge {sha256} stands in the configuration of `{}`", run.display())]
    PartialJudge {
        /// The run.
        run: PathBuf,
        /// The judge's hash.
        sha256: String,
    },
    /// A judge that tells no looks, or other ones than the judges beside it.
    #[error("the judge {sha256} knows the looks {knows:?}, the first of the panel {looks:?}")]
    UnlikeJudges {
        /// The judge's hash.
        sha256: String,
        /// The looks that it was taught.
        knows: Vec<String>,
        /// Those of the first.
        looks: Vec<String>,
    },
    /// A file cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A data set cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A sheet cannot be written as a picture.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A model cannot be read.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// An encoder cannot be read.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// A network refused its input.
    #[error(transparent)]
    Gan(#[from] GanError),
    /// libtorch reported an error.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
}

impl EvaluateError {
    /// What to do next, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::PartialJudge { .. } => {
                Some("name another judge: one that no loss of this run has seen".to_owned())
            }
            Self::UnlikeJudges { .. } => {
                Some("judge with runs that have `looks` and learnt from one data set".to_owned())
            }
            Self::Picture(error) => error.hint(),
            Self::Dataset(error) => error.hint(),
            Self::Model(error) => error.hint(),
            Self::Encoder(error) => error.hint(),
            Self::Gan(error) => error.hint(),
            _ => None,
        }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
