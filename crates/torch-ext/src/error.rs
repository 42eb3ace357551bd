//! The one error type of the crate.

use tch::TchError;

/// What can go wrong at the border to libtorch.
#[derive(Debug, thiserror::Error)]
pub enum TorchError {
    /// libtorch threw; its own words follow, without the backtrace.
    #[error("libtorch: {0}")]
    Libtorch(String),
    /// `tch` reported an error.
    #[error("libtorch: {0}")]
    Tch(#[from] TchError),
    /// Another process of the training is gone, or does not answer in time.
    #[error("the other processes of this training cannot be reached: {0}")]
    Group(String),
    /// Two lists that belong together differ in length.
    #[error("{what}: {found} tensors, but {expected} were expected")]
    Count {
        /// Which list.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length it must have.
        expected: usize,
    },
    /// Two tensors that belong together differ in shape.
    #[error("`{name}` has the shape {found:?}, but {expected:?} was expected")]
    Shape {
        /// The tensor's name.
        name: String,
        /// Its shape.
        found: Vec<i64>,
        /// The shape it must have.
        expected: Vec<i64>,
    },
    /// A tensor that must be there is not.
    #[error("`{name}` is missing in the optimiser's state")]
    Missing {
        /// The tensor's name.
        name: String,
    },
    /// Two parameters bear one name.
    #[error("two parameters bear the name `{name}`")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A parameter has no gradient because the loss does not depend on it.
    #[error("the loss does not depend on `{name}`, so that it has no gradient")]
    NoGradient {
        /// The parameter's name.
        name: String,
    },
    /// A setting is outside its range.
    #[error("`{name}` is {value}, but must be {allowed}")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// What was asked.
        value: f64,
        /// What is allowed, in words.
        allowed: &'static str,
    },
}

impl TorchError {
    /// What to do next, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Libtorch(message) if message.contains("out of memory") => {
                Some("take a smaller batch or narrower networks".to_owned())
            }
            Self::Group(_) => Some(
                "start all of them again; `idiom resume RUN` goes on from the last save, with any number of processes".to_owned(),
            ),
            Self::Missing { .. } | Self::Shape { .. } => {
                Some("the state was written for another network: load it with the configuration it was saved with".to_owned())
            }
            _ => None,
        }
    }
}
