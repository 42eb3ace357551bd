//! What can be wrong with a configuration, said so that a person can mend it.
//!
//! A [`Problem`] names the place (`file:line:column` or the command line), the dotted path of the key, what
//! is wrong, and, apart from that, what to do. Reading a file again to find the place is `locate`'s work.

use std::fmt;
use std::path::PathBuf;

/// One thing that is wrong with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it was typed: `experiments/a.yaml:12:3` or `command line`.
    pub place: String,
    /// Dotted path of the key, `optimizer.generator.learning_rate`; empty for the whole document.
    pub key: String,
    /// What is wrong and what was allowed.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            return write!(f, "{}: {}", self.place, self.message);
        }
        write!(f, "{}: `{}`: {}", self.place, self.key, self.message)
    }
}

/// Why a configuration could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The file could not be read at all.
    #[error("{path}: {reason}")]
    Unreadable {
        /// The file, as it was asked for.
        path: PathBuf,
        /// The system's reason.
        reason: String,
    },
    /// Keys or values that are not possible, all those that were found.
    #[error("{}", join(.0))]
    Problems(Vec<Problem>),
    /// `extends:` leads back to a file that was already read, or too deep.
    #[error("{path}: `extends` {reason}")]
    Extends {
        /// The file that holds the `extends:`.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A `key=value` from the command line that cannot be read.
    #[error("command line: `{text}`: {reason}")]
    Override {
        /// What was typed.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl SpecError {
    /// What to do next, where there is something to say beyond the message.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } => None,
            Self::Problems(problems) => problems.iter().find_map(|p| p.hint.clone()),
            Self::Extends { .. } => {
                Some("name another file after `extends:`, relative to this one".into())
            }
            Self::Override { .. } => Some("write overrides as `train.seed=2`".into()),
        }
    }
}

fn join(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}
