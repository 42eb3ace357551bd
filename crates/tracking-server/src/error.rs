//! Why a server could not start or had to stop. Errors of single requests are [`idiom_tracking_api::ApiError`]s.

use std::path::PathBuf;

use crate::place::{ArtifactsPlace, DatabasePlace};

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
    #[error("`{place}`: the database cannot be opened")]
    Database {
        /// The file or the server's database.
        place: DatabasePlace,
        /// The reason.
        source: sqlx::Error,
    },
    /// The database is newer than this program, or damaged.
    #[error("`{place}`: the database does not fit this version")]
    Migration {
        /// The file or the server's database.
        place: DatabasePlace,
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
    /// The store of artifacts cannot be used.
    #[error("`{place}`: the store of artifacts cannot be used")]
    Artifacts {
        /// The folder or the bucket.
        place: ArtifactsPlace,
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
            Self::Migration { .. } => Some("update idiom, or choose another database with `--db`".to_owned()),
            Self::Database { place: DatabasePlace::File(_), .. } => Some("choose another file with `--db`".to_owned()),
            Self::Database { .. } => Some(
                "see that the PostgreSQL server runs and knows this user and database (`createdb idiom`); a password may \
                 stand in PGPASSWORD or in ~/.pgpass instead of in `--db`"
                    .to_owned(),
            ),
            Self::Artifacts { place: ArtifactsPlace::S3 { .. }, .. } => Some(
                "name the bucket's region and credentials in AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; a \
                 store other than Amazon's in AWS_ENDPOINT_URL, with AWS_ALLOW_HTTP=true where it speaks plain HTTP"
                    .to_owned(),
            ),
            Self::Upstream { .. } => Some("name an MLflow server, e.g. `--upstream http://127.0.0.1:5000`".to_owned()),
            Self::Extension { .. } => Some("start the server without it, and tell its makers".to_owned()),
            Self::Folder { .. } | Self::Artifacts { .. } => {
                Some("choose another folder with `--db` or `--artifacts`".to_owned())
            }
        }
    }
}
