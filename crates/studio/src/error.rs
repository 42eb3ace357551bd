//! The one error type of the crate.

use std::path::PathBuf;

use idiom_encoders::EncoderError;
use idiom_gan::GanError;
use idiom_model::ModelError;
use idiom_picture::PictureError;

/// Why a picture could not be made.
#[derive(Debug, thiserror::Error)]
pub enum StudioError {
    /// Nothing was said.
    #[error("no words were given")]
    NoWords,
    /// A number outside its range.
    #[error("`{name}` is {found}, but must be {allowed}")]
    Setting {
        /// What was set.
        name: &'static str,
        /// What was given.
        found: String,
        /// What is allowed, in words.
        allowed: &'static str,
    },
    /// A style that nobody has named in a language.
    #[error("the model has no phrase in `{language}` for `{style}`")]
    NoPhrase {
        /// The style.
        style: String,
        /// The language that was asked for.
        language: String,
        /// Those that it speaks.
        known: String,
    },
    /// A clip without frames, or one whose frames differ in size.
    #[error("a clip needs frames, all of one size")]
    NoFrames,
    /// The name of a file that says no format that is written.
    #[error("`{}`: no picture is written as `{}`", path.display(), path.extension().unwrap_or_default().to_string_lossy())]
    OtherFormat {
        /// The file.
        path: PathBuf,
    },
    /// The encoder at hand gives other vectors than the one that the model was trained on.
    #[error(
        "the model was trained on vectors of `{expected}` ({expected_sha256:.12}), but `{found}` at hand has other weights ({found_sha256:.12})"
    )]
    OtherEncoder {
        /// The encoder's name in the model.
        expected: String,
        /// Its hash.
        expected_sha256: String,
        /// The name of the one at hand.
        found: String,
        /// Its hash.
        found_sha256: String,
    },
    /// Words cannot become a vector.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// A picture cannot be written.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The model cannot be read.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A network refuses its input.
    #[error(transparent)]
    Gan(#[from] GanError),
    /// libtorch reported an error.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
}

impl StudioError {
    /// What to do next, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoWords => Some("say a look, such as \"like a napkin scribble\"".to_owned()),
            Self::NoPhrase { known, .. } => Some(format!("it speaks {known}")),
            Self::OtherFormat { .. } => {
                Some("let the name end in .png, .jpg, .webp or .gif".to_owned())
            }
            Self::OtherEncoder { .. } => {
                Some("fetch the encoder that the model names: `just embed` does".to_owned())
            }
            Self::Encoder(error) => error.hint(),
            Self::Picture(error) => error.hint(),
            Self::Model(error) => error.hint(),
            Self::Gan(error) => error.hint(),
            _ => None,
        }
    }
}
