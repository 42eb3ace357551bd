//! Why a server could not start or had to stop. Errors of single requests are [`idiom_tracking_api::ApiError`]s.

use std::path::PathBuf;

/// Why a server could not start or had to stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// Others could reach the address, and nobody would ask them who they are.
    #[error("`{host}` is reachable from other machines, and this server has no accounts yet")]
    NoAccounts {
        /// The address asked for.
        host: String,
    },
    /// The host is no address.
    #[error("`{host}` is not an address, nor `localhost`")]
    NoAddress {
        /// The host asked for.
        host: String,
    },
    /// Somebody else listens there.
    #[error("`{address}` is already in use by {holder}")]
    Busy {
        /// The address asked for.
        address: String,
        /// Who answered there, as far as can be told.
        holder: String,
        /// Whether it is a server of ours.
        is_ours: bool,
    },
    /// The address cannot be listened on for another reason.
    #[error("`{address}` cannot be listened on")]
    Listen {
        /// The address asked for.
        address: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The database cannot be opened.
    #[error("`{}`: the database cannot be opened", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: sqlx::Error,
    },
    /// The database is newer than this program, or damaged.
    #[error("`{}`: the database does not fit this version", path.display())]
    Migration {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: Box<sqlx::migrate::MigrateError>,
    },
    /// A folder cannot be made or used.
    #[error("`{}`: the folder cannot be used", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The folder of artifacts cannot be used.
    #[error("`{}`: the folder of artifacts cannot be used", path.display())]
    Artifacts {
        /// The folder.
        path: PathBuf,
        /// The reason.
        source: object_store::Error,
    },
    /// The server behind our pages cannot be used.
    #[error("`--upstream {uri}`: {reason}")]
    Upstream {
        /// Its address.
        uri: String,
        /// What is wrong.
        reason: String,
    },
    /// An extension does not fit.
    #[error("the extension at `{prefix}` cannot be plugged in: {reason}")]
    Extension {
        /// Its prefix.
        prefix: &'static str,
        /// What does not fit.
        reason: String,
    },
}

impl ServerError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoAccounts { .. } => Some(
                "make one with `idiom-tracking-server account add NAME --role admin`, or use `--host 127.0.0.1` and from \
                 elsewhere `ssh -L 5151:127.0.0.1:5151 THIS_MACHINE`"
                    .to_owned(),
            ),
            Self::NoAddress { .. } => {
                Some("name an address of this machine, `0.0.0.0` for all of them".to_owned())
            }
            Self::Busy { address, is_ours: true, .. } => {
                Some(format!("open `http://{address}` in a browser, or choose another port with `--port`"))
            }
            Self::Busy { .. } | Self::Listen { .. } => Some("choose another port with `--port`".to_owned()),
            Self::Migration { .. } => Some("update idiom, or choose another file with `--db`".to_owned()),
            Self::Database { .. } => Some("choose another file with `--db`".to_owned()),
            Self::Upstream { .. } => Some("name an MLflow server, e.g. `--upstream http://127.0.0.1:5000`".to_owned()),
            Self::Extension { .. } => Some("start the server without it, and tell its makers".to_owned()),
            Self::Folder { .. } | Self::Artifacts { .. } => {
                Some("choose another folder with `--db` or `--artifacts`".to_owned())
            }
        }
    }
}
