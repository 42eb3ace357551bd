//! The one error type of the crate, and the shape check at its public edges.

use idiom_torch_ext::TorchError;
use tch::Tensor;

/// What can be wrong with a configuration or with the tensors given to a network.
#[derive(Debug, thiserror::Error)]
pub enum GanError {
    /// A setting is outside its range.
    #[error("`{key}` is {found}, but must be {allowed}")]
    Setting {
        /// The setting's dotted path within its struct.
        key: String,
        /// What was given.
        found: String,
        /// What is allowed, in words.
        allowed: String,
    },
    /// Two settings that exclude each other.
    #[error("`{first}` cannot go with `{second}`: {reason}")]
    Combination {
        /// One setting.
        first: String,
        /// The other.
        second: String,
        /// Why they exclude each other.
        reason: &'static str,
    },
    /// A tensor of another shape than the network takes.
    #[error("`{name}` has the shape {found:?}, but {expected} was expected")]
    Shape {
        /// The tensor's name.
        name: &'static str,
        /// Its shape.
        found: Vec<i64>,
        /// The shape it must have, in words.
        expected: String,
    },
    /// A batch that cannot be cut into groups of 4.
    #[error("`{name}` holds {found} samples, but operations between samples need a multiple of 4")]
    Group {
        /// The tensor's name.
        name: &'static str,
        /// Its first dimension.
        found: i64,
    },
    /// libtorch reported an error.
    #[error(transparent)]
    Torch(#[from] TorchError),
}

impl GanError {
    /// What to do next, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Setting { key, .. } if key.ends_with("channels") => {
                Some("each step from 4x4 up doubles the side: 64 px takes five generator stages and four discriminator stages".to_owned())
            }
            Self::Combination { second, .. } => Some(format!("take another `{second}`, or leave it out")),
            Self::Group { .. } => Some("take a batch size that is a multiple of 4".to_owned()),
            Self::Torch(error) => error.hint(),
            _ => None,
        }
    }
}

/// Checks `[any, expected...]`: every dimension but the first.
pub(crate) fn check_shape(
    name: &'static str,
    tensor: &Tensor,
    expected: &[i64],
) -> Result<(), GanError> {
    let found = tensor.size();
    if found.len() == expected.len() + 1 && found[1..] == *expected {
        return Ok(());
    }
    let words: Vec<String> = expected.iter().map(i64::to_string).collect();
    Err(GanError::Shape {
        name,
        found,
        expected: format!("[batch, {}]", words.join(", ")),
    })
}

/// Checks that two tensors hold the same number of samples.
pub(crate) fn check_same_batch(
    name: &'static str,
    tensor: &Tensor,
    n_samples: i64,
) -> Result<(), GanError> {
    let found = tensor.size();
    if found.first() == Some(&n_samples) {
        return Ok(());
    }
    Err(GanError::Shape {
        name,
        found,
        expected: format!("[{n_samples}, ...]"),
    })
}
