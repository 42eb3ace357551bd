//! What the server remembers: experiments, runs, metrics, params, tags, inputs, in one SQLite file.
//!
//! WAL and `synchronous = FULL`: what was acknowledged survives `kill -9` and a power cut. All writes go through one
//! task ([`writer`]) that commits together whatever queued up during the commit before; reads have a pool of their own
//! and never wait for a write. SQL stands in this folder only, with `$1` placeholders, so that a second database can be
//! added beside it.
//!
//! Not here: artifacts (they are files), HTTP.

mod accounts;
mod batch;
mod blocks;
mod chunks;
mod copies;
mod curves;
mod experiments;
mod forget;
mod histories;
mod imported;
mod inputs;
mod migrations;
mod model_search;
mod models;
mod pack;
mod points;
mod runs;
mod said;
mod search;
mod summary;
mod thinner;
mod unpacked;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use idiom_tracking_api::ApiError;
use sqlx::ConnectOptions;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

pub(crate) use accounts::{Audited, ChangeAccount, PutAccount, RemoveAccount, no_such_user};
pub(crate) use curves::{Curve, CurveSummary, Received};
pub(crate) use experiments::{DeleteExperiment, DeleteExperimentTag, RestoreExperiment};
pub(crate) use forget::{Deleted, Forget};
pub(crate) use imported::ImportedRun;
pub(crate) use models::{ChangeModel, ModelChange, NewModel};
pub(crate) use runs::{DeleteRun, DeleteTag, NewRun, RestoreRun};
pub(crate) use said::FoundRuns;
pub(crate) use thinner::{Point, thin};

use crate::ServerError;
use crate::events::News;

/// Why the store refused or failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The request is at fault.
    #[error(transparent)]
    Refused(#[from] ApiError),
    /// The database is.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The writer is gone or stumbled over this request.
    #[error("the write did not go through")]
    Lost,
}

/// The store. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    readers: SqlitePool,
    writer: writer::Writer,
    said: Arc<said::Said>,
}

impl Store {
    /// Opens the file, bringing its schema up to date first, and starts the writer.
    pub(crate) async fn open(path: &Path, news: News) -> Result<Self, ServerError> {
        let database = |source| ServerError::Database {
            path: path.to_owned(),
            source,
        };
        let options = options(path);
        let mut connection = options
            .clone()
            .create_if_missing(true)
            .connect()
            .await
            .map_err(database)?;
        migrations::all()
            .run(&mut connection)
            .await
            .map_err(|source| ServerError::Migration {
                path: path.to_owned(),
                source: Box::new(source),
            })?;
        unpacked::pack_rows(&mut connection)
            .await
            .map_err(database)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(Duration::from_secs(20))
            .connect_lazy_with(options.read_only(true));
        Ok(Self {
            readers,
            writer: writer::Writer::start(connection, news),
            said: Arc::default(),
        })
    }

    /// Carries out one write; it is on disk when this returns.
    pub(crate) async fn write<W: writer::Write>(&self, work: W) -> Result<W::Output, StoreError> {
        self.writer.write(work).await
    }

    /// Finishes what is queued and closes the file.
    pub(crate) async fn close(&self) {
        // The last to close folds the log into the file, and readers may not.
        self.readers.close().await;
        self.writer.close().await;
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .statement_cache_capacity(200)
        // Rows come from a thread that waits when so many are not taken yet; long reads should not wait often.
        .row_buffer_size(2048)
        .disable_statement_logging()
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        })
}
