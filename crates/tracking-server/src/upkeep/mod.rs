//! Work on a tracking server's database and artifacts from the command line: taking deleted things away, backups, checks,
//! taking over what MLflow kept. A running server is not disturbed: SQLite lets its writers take turns.
//!
//! Both binaries offer these verbs. They tell what they did line by line, through a callback.

mod backup;
mod check;
mod gc;
mod import;

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;

use crate::artifacts::Artifacts;
use crate::events::News;
use crate::server::make_parent;
use crate::store::Store;
use crate::{ArtifactsPlace, DatabasePlace, ServerError};

/// Work on a tracking server's database and artifacts.
#[derive(Clone, Debug, Subcommand)]
pub enum Upkeep {
    /// List what was deleted long ago from the tracking server; with --delete, take it away for good, artifacts included.
    #[command(
        after_help = "Examples:\n  gc                                   what would go\n  gc --older-than-days 7 --delete"
    )]
    Gc {
        /// What was deleted less than so many days ago stays.
        #[arg(long, default_value_t = 30)]
        older_than_days: u32,
        /// Do it; otherwise it is only listed.
        #[arg(long)]
        delete: bool,
    },
    /// Copy the tracking server's database and artifacts into a folder while the server runs; again into the same folder copies what is new.
    #[command(
        after_help = "Example:\n  backup /backup/idiom    serve --db /backup/idiom/idiom.db --artifacts /backup/idiom/artifacts opens it"
    )]
    Backup {
        /// The folder; made when it is not there.
        folder: PathBuf,
    },
    /// Read the whole tracking database and say what is damaged or does not agree.
    Check,
    /// Take experiments, runs and artifacts of an MLflow file store (`mlruns`) or database (`mlflow.db`) over into the tracking database.
    #[command(
        after_help = "Examples:\n  import mlruns\n  import mlflow.db --artifacts-from mlartifacts\n\nWhat is there already stays as it is, so the same import may be repeated. MLflow's files are only read."
    )]
    Import {
        /// The folder `mlruns`, or MLflow's SQLite file.
        from: PathBuf,
        /// Where MLflow's server kept artifacts; `mlartifacts` beside the database unless named.
        #[arg(long)]
        artifacts_from: Option<PathBuf>,
    },
}

/// Why work on a database could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpkeepError {
    /// The database or the artifacts cannot be used.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// There is no such database.
    #[error("`{place}`: there is no such database")]
    NoDatabase {
        /// The file.
        place: DatabasePlace,
    },
    /// PostgreSQL's own program has not copied the database yet.
    #[error("`{}`: there is no copy of the PostgreSQL database yet", dump.display())]
    NoDump {
        /// Where it must be.
        dump: PathBuf,
    },
    /// One thing went wrong; what was done before it is done.
    #[error("`{what}`: {doing}: {reason}")]
    Stuck {
        /// A file, a run.
        what: String,
        /// What could not be done with it.
        doing: &'static str,
        /// Why.
        reason: String,
    },
    /// What is to be taken over is not as MLflow writes it.
    #[error("`{place}`: {reason}")]
    Foreign {
        /// A file, perhaps with a line.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The database is not in order.
    #[error("`{place}`: {count} things are not in order")]
    Damaged {
        /// The database.
        place: DatabasePlace,
        /// How many; they were told line by line.
        count: usize,
    },
}

impl UpkeepError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Server(error) => error.hint(),
            Self::NoDatabase { .. } => Some("name the database with `--db`".to_owned()),
            Self::NoDump { dump } => Some(format!(
                "copy the database first, `pg_dump --format custom --file {} URI`, then give this command again for the artifacts",
                dump.display()
            )),
            Self::Stuck { .. } => Some(
                "mend the cause and give the same command again; what is done is not done twice"
                    .to_owned(),
            ),
            Self::Foreign { .. } => {
                Some("name MLflow's folder `mlruns` or its database `mlflow.db`".to_owned())
            }
            Self::Damaged {
                place: DatabasePlace::Postgres(_),
                ..
            } => Some("start from a backup".to_owned()),
            Self::Damaged { .. } => Some(
                "start from a backup, or save what can be read with `sqlite3 idiom.db .recover`"
                    .to_owned(),
            ),
        }
    }

    fn stuck<E: Into<BoxedError>>(
        what: impl ToString,
        doing: &'static str,
    ) -> impl FnOnce(E) -> Self {
        let what = what.to_string();
        move |error| Self::Stuck {
            what,
            doing,
            reason: reasons(error.into().as_ref()),
        }
    }
}

/// An error and its causes in one line.
fn reasons(error: &(dyn std::error::Error + 'static)) -> String {
    let mut reasons = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        // Some errors say their cause themselves.
        if !reasons.contains(&reason) {
            reasons = format!("{reasons}: {reason}");
        }
        cause = error.source();
    }
    reasons
}

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// Where lines about what was done go.
type Say<'a> = &'a (dyn Fn(&str) + Sync);

/// What is worked on.
struct Holdings {
    db: DatabasePlace,
    store: Store,
    artifacts: Artifacts,
}

impl Upkeep {
    /// Does it, on a database and its artifacts, and tells what it did line by line.
    ///
    /// # Errors
    /// When the database, the artifacts or what is to be taken over cannot be used, or something is not in order.
    pub async fn carry_out(
        self,
        db: &DatabasePlace,
        artifacts: &ArtifactsPlace,
        say: impl Fn(&str) + Sync,
    ) -> Result<(), UpkeepError> {
        let holdings = Holdings::open(db, artifacts, &self).await?;
        let done = match &self {
            Self::Gc {
                older_than_days,
                delete,
            } => {
                let age = Duration::from_secs(u64::from(*older_than_days) * 24 * 3600);
                let action = if *delete {
                    gc::Action::Delete
                } else {
                    gc::Action::List
                };
                gc::clean(&holdings, age, action, &say).await
            }
            Self::Backup { folder } => backup::copy(&holdings, folder, &say).await,
            Self::Check => check::check(&holdings, &say).await,
            Self::Import {
                from,
                artifacts_from,
            } => import::take_over(&holdings, from, artifacts_from.as_deref(), &say).await,
        };
        holdings.store.close().await;
        done
    }
}

impl Holdings {
    /// Only what is taken over may begin a new database.
    async fn open(
        db: &DatabasePlace,
        artifacts: &ArtifactsPlace,
        work: &Upkeep,
    ) -> Result<Self, UpkeepError> {
        if matches!(work, Upkeep::Import { .. }) {
            make_parent(db)?;
        } else if db.file().is_some_and(|file| !file.exists()) {
            return Err(UpkeepError::NoDatabase { place: db.clone() });
        }
        Ok(Self {
            db: db.clone(),
            store: Store::open(db, News::new()).await?,
            artifacts: Artifacts::open(artifacts, u64::MAX)?,
        })
    }
}
