//! What the server remembers: experiments, runs, metrics, params, tags, inputs, in a SQLite file or in PostgreSQL.
//!
//! What was acknowledged survives `kill -9` and a power cut. All writes go through one task ([`writer`]) that commits
//! together whatever queued up during the commit before; reads have a pool of their own and never wait for a write. SQL
//! stands in this folder only, each statement once for both databases ([`database`]).
//!
//! Not here: artifacts (they are files), HTTP.

mod accounts;
mod batch;
mod blocks;
mod chunks;
mod copies;
mod curves;
mod database;
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

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use idiom_tracking_api::ApiError;

pub(crate) use accounts::{Audited, ChangeAccount, PutAccount, RemoveAccount, no_such_user};
pub(crate) use curves::{Curve, CurveSummary, Received};
use database::NulInText;
pub(crate) use database::{Connection, FromRow, Pool, Row, query};
pub(crate) use experiments::{DeleteExperiment, DeleteExperimentTag, RestoreExperiment};
pub(crate) use forget::{Deleted, Forget};
pub(crate) use imported::ImportedRun;
pub(crate) use models::{ChangeModel, ModelChange, NewModel};
pub(crate) use runs::{DeleteRun, DeleteTag, NewRun, RestoreRun};
pub(crate) use said::FoundRuns;
pub(crate) use thinner::{Point, thin};

use crate::ServerError;
use crate::events::News;
use crate::place::DatabasePlace;

/// Why the store refused or failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The request is at fault.
    #[error(transparent)]
    Refused(#[from] ApiError),
    /// The database is.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    /// The writer is gone or stumbled over this request.
    #[error("the write did not go through")]
    Lost,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Encode(reason) if reason.is::<NulInText>() => {
                ApiError::invalid(format!("Invalid value: {reason}")).into()
            }
            _ => Self::Database(error),
        }
    }
}

/// The store. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    readers: Pool,
    writer: writer::Writer,
    said: Arc<said::Said>,
}

impl Store {
    /// Opens the database, bringing its schema up to date first, and starts the writer.
    pub(crate) async fn open(place: &DatabasePlace, news: News) -> Result<Self, ServerError> {
        let failed = |source| ServerError::Database {
            place: place.clone(),
            source,
        };
        let writing = Pool::writing(place).await.map_err(failed)?;
        let mut connection = writing.acquire().await.map_err(failed)?;
        connection
            .migrate()
            .await
            .map_err(|source| ServerError::Migration {
                place: place.clone(),
                source: Box::new(source),
            })?;
        if place.file().is_some() {
            unpacked::pack_rows(&mut connection).await.map_err(failed)?;
        }
        Ok(Self {
            readers: Pool::reading(place).map_err(failed)?,
            writer: writer::Writer::start(writing, connection, news),
            said: Arc::default(),
        })
    }

    /// Carries out one write; it is on disk when this returns.
    pub(crate) async fn write<W: writer::Write>(&self, work: W) -> Result<W::Output, StoreError> {
        self.writer.write(work).await
    }

    /// A connection that reads.
    async fn reading(&self) -> Result<Connection, sqlx::Error> {
        self.readers.acquire().await
    }

    /// Finishes what is queued and closes the database.
    pub(crate) async fn close(&self) {
        // The last to close folds SQLite's log into the file, and readers may not.
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        })
}
