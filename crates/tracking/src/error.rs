//! What can go wrong where the caller can do something about it. A live run meets these only at its start; after
//! that a fault is a warning and a longer spool, never an error.

use std::io;
use std::path::{Path, PathBuf};

use crate::Ledger;

/// Why a run could not be started, or a spool not be sent.
#[derive(Debug, thiserror::Error)]
pub enum TrackingError {
    /// The spool's folder or files cannot be made, read or written.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The first record of a spool is not readable, so nobody knows whose it is.
    #[error("{path}: the first record is damaged: {reason}", path = path.display())]
    Damaged {
        /// The spool's file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder holds no spool.
    #[error("{path}: holds no spool", path = path.display())]
    NoSpool {
        /// The folder.
        path: PathBuf,
    },
    /// Another process writes or sends this spool.
    #[error("{path}: {work} by process {holder}", path = path.display())]
    Held {
        /// The lock's file.
        path: PathBuf,
        /// `written` or `sent`.
        work: &'static str,
        /// The process, or `?` where it left no number.
        holder: String,
    },
    /// The address is not one that this client can speak to.
    #[error("tracking address `{uri}`: {reason}")]
    Address {
        /// The address, without credentials.
        uri: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No answer, or only passing faults, for as long as we were told to try.
    #[error("`{uri}` did not take the run: {reason}")]
    Away {
        /// The address, without credentials.
        uri: String,
        /// The last fault.
        reason: String,
        /// How far it got.
        ledger: Ledger,
    },
    /// The server refuses us, and will until somebody acts.
    #[error("`{uri}` refuses the run: {reason}")]
    Refused {
        /// The address, without credentials.
        uri: String,
        /// What the server said.
        reason: String,
        /// How far it got.
        ledger: Ledger,
    },
}

impl TrackingError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Io { .. } => return None,
            Self::Damaged { .. } => "move the spool away; what it held is not readable",
            Self::NoSpool { .. } => "give the `spool` folder of a run",
            Self::Held { .. } => "wait until that process ends, or end it",
            Self::Address { .. } => {
                "give `http://HOST:PORT` or `https://HOST`, e.g. in MLFLOW_TRACKING_URI"
            }
            Self::Away { .. } => "start the server and try again; everything is kept in the spool",
            Self::Refused { .. } => {
                "check the token or the username and password, and that neither the run nor its experiment is \
                 deleted; everything is kept in the spool"
            }
        };
        Some(hint.to_owned())
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
