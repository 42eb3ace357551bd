//! The one error type of the crate.

use std::io;
use std::path::{Path, PathBuf};

use idiom_dataset::DatasetError;
use idiom_encoders::EncoderError;
use idiom_evaluate::EvaluateError;
use idiom_gan::GanError;
use idiom_model::ModelError;
use idiom_picture::PictureError;
use idiom_torch_ext::TorchError;

/// What can go wrong in a training run.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The data set has nothing to learn from.
    #[error("`{}` has no training rows", dataset.display())]
    NoRows {
        /// The data set's folder.
        dataset: PathBuf,
    },
    /// A picture comes without any usable caption.
    #[error("`{key}` has no embedded caption{}", in_languages(languages))]
    NoCaption {
        /// The row's key.
        key: String,
        /// The languages asked for; empty for all.
        languages: Vec<String>,
    },
    /// Restyling needs styles to choose from.
    #[error("`{}` names {found} style(s), but restyling needs at least 2", dataset.display())]
    NoLooks {
        /// The data set's folder.
        dataset: PathBuf,
        /// Styles it names.
        found: usize,
    },
    /// A style cannot be learnt.
    #[error("`{}`: the style `{style}` has no {lacks}", dataset.display())]
    EmptyLook {
        /// The data set's folder.
        dataset: PathBuf,
        /// The style.
        style: String,
        /// What it lacks.
        lacks: &'static str,
    },
    /// Too many rows on end cannot be decoded.
    #[error("`{}`: no picture can be decoded from row {row} on", dataset.display())]
    BrokenPictures {
        /// The data set's folder.
        dataset: PathBuf,
        /// The first of them.
        row: u64,
    },
    /// The networks draw larger pictures than the data set holds.
    #[error("`resolution` is {resolution}, but the pictures of `{}` have {found} pixels a side", dataset.display())]
    Resolution {
        /// What was asked.
        resolution: i64,
        /// What there is.
        found: u32,
        /// The data set's folder.
        dataset: PathBuf,
    },
    /// No training phrase speaks of a look.
    #[error("`contrastive.style_words`: no embedded phrase speaks of the look `{look}`")]
    NoPhrases {
        /// The look.
        look: String,
    },
    /// Every term of the objective is off, or the data has nothing for it.
    #[error("`contrastive`: no term is left to learn from")]
    NothingToLearn,
    /// A measure could not be taken.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// A new run was asked for where one is already.
    #[error("`{}` already holds a run", run.display())]
    RunExists {
        /// The run's folder.
        run: PathBuf,
    },
    /// A run cannot go on since it never saved.
    #[error("`{}` holds no checkpoint", run.display())]
    NoCheckpoint {
        /// The run's folder.
        run: PathBuf,
    },
    /// A run cannot go on since all it saved is damaged.
    #[error("`{}`: every checkpoint is damaged; the newest: {reason}", run.display())]
    AllDamaged {
        /// The run's folder.
        run: PathBuf,
        /// What is wrong with the newest.
        reason: String,
    },
    /// The run was begun with other settings.
    #[error("`{}` was begun with other settings: {}", run.display(), differences.join("; "))]
    OtherSettings {
        /// The run's folder.
        run: PathBuf,
        /// Each difference, as `key: then -> now`.
        differences: Vec<String>,
    },
    /// The losses or gradients stopped being numbers, again and again.
    #[error(
        "`{layer}` has a gradient that is not finite after {images_seen} pictures, and going back did not help"
    )]
    NotFinite {
        /// The first layer that was hit.
        layer: String,
        /// Pictures seen.
        images_seen: u64,
    },
    /// The networks and a batch need more memory than there is.
    #[error(
        "out of memory with {at_once} pictures at once; {}",
        match fits {
            Some(fits) => format!("a trial shows that {fits} at once fit"),
            None => "not even 4 at once fit".to_owned(),
        }
    )]
    OutOfMemory {
        /// Pictures of a batch, or of its part, that went through the networks together.
        at_once: u64,
        /// How many can.
        fits: Option<u64>,
        /// `train.batch_size`, where the task can go through it in parts.
        in_parts: Option<u64>,
    },
    /// An experiment looks through a network that is not there.
    #[error("the experiment looks through `mobilenet_v2`, whose weights are not there")]
    NoVision,
    /// A task that one process has to learn alone.
    #[error(
        "several processes cannot train `{what}`: its discriminator compares each picture with all others of its batch"
    )]
    OneProcessOnly {
        /// The setting.
        what: &'static str,
    },
    /// Weights to begin with cannot be taken.
    #[error("`init_from`: `{}` {reason}", path.display())]
    Init {
        /// Where they should come from.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// `freeze` names something that is not there.
    #[error("`freeze` names `{pattern}`, but there is no such layer")]
    UnknownLayer {
        /// What it names.
        pattern: String,
        /// What there is, networks with their first level of layers.
        known: Vec<String>,
    },
    /// `freeze` leaves a network nothing to learn.
    #[error("`freeze` leaves nothing to learn in `{network}`")]
    AllFrozen {
        /// The network.
        network: String,
    },
    /// A file could not be written or read.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file of a checkpoint is not what it should be.
    #[error("`{}`: {reason}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A loader thread could not be started.
    #[error("a loader thread cannot be started: {0}")]
    Thread(io::Error),
    /// A loader thread ended without an error of its own.
    #[error("a loader thread ended early")]
    LoaderGone,
    /// The data set cannot be read, or the run's folder is in use.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A sheet cannot be written as a picture.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A network refused its settings or its input.
    #[error(transparent)]
    Gan(#[from] GanError),
    /// A file of tensors, or the trained model, cannot be read or written.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A frozen network cannot be read.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// libtorch reported an error.
    #[error(transparent)]
    Torch(#[from] TorchError),
}

impl TrainError {
    /// What to do next, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoRows { .. } => Some("ingest pictures first: `just ingest`".to_owned()),
            Self::NoCaption { .. } => Some(
                "embed the data set anew, or leave `captions.languages` empty: `just embed`"
                    .to_owned(),
            ),
            Self::NoLooks { .. } => {
                Some("give the rows a `style` when they are ingested".to_owned())
            }
            Self::EmptyLook { .. } => Some(
                "add pictures or phrases of it (the pipeline's `phrases` table), then ingest and embed again"
                    .to_owned(),
            ),
            Self::BrokenPictures { .. } => {
                Some("the data set is damaged: ingest it again".to_owned())
            }
            Self::Resolution { found, .. } => Some(format!(
                "set `resolution` to at most {found}, or ingest larger pictures"
            )),
            Self::RunExists { run } => Some(format!(
                "go on with it: `idiom resume {}`",
                run.file_name().unwrap_or_default().display()
            )),
            Self::NoCheckpoint { .. } | Self::AllDamaged { .. } => {
                Some("begin a new run".to_owned())
            }
            Self::OtherSettings { .. } => {
                Some("put the settings back, or begin a new run".to_owned())
            }
            Self::OutOfMemory { fits: Some(fits), in_parts, .. } => Some(match in_parts {
                Some(batch) => format!(
                    "the same mathematics in parts: `train.accumulate={}`; or a smaller batch: `train.batch_size={fits}`",
                    parts_of(*batch, *fits)
                ),
                None => format!("take `train.batch_size={fits}`"),
            }),
            Self::OutOfMemory { fits: None, .. } => {
                Some("take narrower networks (`channels`) or a lower `resolution`".to_owned())
            }
            Self::NoVision => Some(
                "fetch them: `just build` does, or `python3 crates/encoders/fetch_encoders.py`"
                    .to_owned(),
            ),
            Self::OneProcessOnly { .. } => {
                Some("start one process, without RANK and WORLD_SIZE".to_owned())
            }
            Self::Init { .. } => Some(
                "begin from a run of the same task and sizes, or leave `init_from` out".to_owned(),
            ),
            Self::UnknownLayer { known, .. } => Some(format!("one of: {}", known.join(", "))),
            Self::AllFrozen { .. } => Some("freeze some of its layers only".to_owned()),
            Self::NotFinite { .. } => {
                Some("lower the learning rates, or raise `objective.penalty.gamma`".to_owned())
            }
            Self::Io { source, .. } if is_full(source.kind()) => Some(
                "free some space and go on with `idiom resume`; what was saved before is whole"
                    .to_owned(),
            ),
            Self::NoPhrases { .. } => Some(
                "add phrases for it to the pipeline, or set `contrastive.looks` and leave `style_words` at 0".to_owned(),
            ),
            Self::NothingToLearn => Some(
                "without looks, give `subject_pairs` or `subject_words` a weight above 0".to_owned(),
            ),
            Self::Evaluate(error) => error.hint(),
            Self::Picture(error) => error.hint(),
            Self::Dataset(error) => error.hint(),
            Self::Gan(error) => error.hint(),
            Self::Model(error) => error.hint(),
            Self::Encoder(error) => error.hint(),
            Self::Torch(error) => error.hint(),
            _ => None,
        }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

impl From<tch::TchError> for TrainError {
    fn from(error: tch::TchError) -> Self {
        Self::Torch(TorchError::Tch(error))
    }
}

/// The fewest equal parts, each of whole groups of four, of which none is larger than what fits.
fn parts_of(batch: u64, fits: u64) -> u64 {
    (batch.div_ceil(fits)..batch / 4)
        .find(|parts| batch.is_multiple_of(4 * parts))
        .unwrap_or(batch / 4)
}

/// The disk, the user's share of it, or the largest file allowed is used up.
fn is_full(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(kind, StorageFull | QuotaExceeded | FileTooLarge)
}

fn in_languages(languages: &[String]) -> String {
    if languages.is_empty() {
        String::new()
    } else {
        format!(" in {}", languages.join(", "))
    }
}
