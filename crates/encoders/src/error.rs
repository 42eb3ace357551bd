//! What can go wrong with an encoder: one enum, and for each error what to do next.

use std::path::PathBuf;

/// An encoder that could not be found, read or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// The name fits no folder and no model of the hub.
    #[error("`{name}` is not an encoder that can be found; looked in {}", looked.join(", "))]
    NotFound {
        /// What was asked for.
        name: String,
        /// The places, in the order in which they were tried.
        looked: Vec<String>,
    },
    /// A file that can run code when it is opened. It was not opened.
    #[error("{}: is a pickle, which runs code when it is read, so it is never opened; only `.safetensors` is", path.display())]
    Pickle {
        /// The file.
        path: PathBuf,
    },
    /// A file that the operating system does not give us.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A file that is cut, overlapping, or not what its name says.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor of another shape than the configuration demands.
    #[error("{}: `{tensor}` has the shape {found:?}, but must have {wanted:?}", path.display())]
    Shape {
        /// The weight file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The shape in the file.
        found: Vec<i64>,
        /// The shape that the configuration demands.
        wanted: Vec<i64>,
    },
    /// A tensor that does not hold floating point numbers.
    #[error("{}: `{tensor}` holds {found}, but must hold {wanted}", path.display())]
    Dtype {
        /// The weight file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The type in the file.
        found: String,
        /// The types that are read.
        wanted: &'static str,
    },
    /// A sound model of a kind that is not known here.
    #[error("{}: {reason}", path.display())]
    Unsupported {
        /// The file that says so.
        path: PathBuf,
        /// What is not known.
        reason: String,
    },
    /// The hub or its cache did not give the model.
    #[error("the hub's `{id}`: {reason}")]
    Hub {
        /// The model's id, `owner/name`.
        id: String,
        /// What the hub said.
        reason: String,
    },
    /// The tokenizer refused a text.
    #[error("a text could not be cut into tokens: {0}")]
    Tokenize(String),
    /// libtorch refused an operation, for example for want of memory.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// libtorch refused another number format.
    #[error(transparent)]
    Arithmetic(#[from] idiom_torch_ext::TorchError),
}

impl EncoderError {
    pub(crate) fn damaged(path: impl Into<PathBuf>, reason: impl ToString) -> Self {
        Self::Damaged {
            path: path.into(),
            reason: reason.to_string(),
        }
    }

    /// What to do next, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { name, .. } => Some(format!(
                "`python3 crates/encoders/fetch_encoders.py` fetches `use-multilingual` and `all-minilm-l6-v2`; \
                 any other name must be a folder or a hub id such as `owner/{name}`"
            )),
            Self::Pickle { .. } => Some(
                "convert it to `model.safetensors` where you trust it, and name its folder".into(),
            ),
            Self::Damaged { path, .. } | Self::Shape { path, .. } => Some(format!(
                "delete {} and fetch it again",
                path.parent().unwrap_or(path).display()
            )),
            Self::Unsupported { .. } => Some(
                "known are `model_type` bert, roberta and xlm-roberta with pooling, and clip"
                    .into(),
            ),
            Self::Hub { .. } => Some(
                "check the id, the network and the token, or put the model's folder on disk".into(),
            ),
            Self::Torch(_) => {
                Some("encode fewer or shorter texts at once, or use another device".into())
            }
            Self::Io { .. } | Self::Dtype { .. } | Self::Tokenize(_) | Self::Arithmetic(_) => None,
        }
    }
}
