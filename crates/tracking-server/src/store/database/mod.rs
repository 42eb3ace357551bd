//! The two databases a store can stand on, behind one door: SQLite, one file; PostgreSQL, for a team.
//!
//! Statements are written once ([`query`]); the few things the two spell differently stand in [`Dialect`]. Nothing above
//! this folder knows which one answers, but for what is a file's alone: backups, `PRAGMA`, points in rows.

mod dialect;
mod query;
mod row;
mod rows;

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{
    ConnectOptions, Connection as _, PgConnection, Postgres, Sqlite, SqliteConnection, Transaction,
};

pub(crate) use dialect::Dialect;
pub(crate) use query::{NulInText, Sql, Value, query};
pub(crate) use row::{FromRow, Row};
pub(crate) use rows::insert_rows;

use super::migrations;
use crate::place::DatabasePlace;

/// Connections that read at one time. SQLite's are threads of this process, PostgreSQL's processes of the server.
const READERS: u32 = 4;
const PATIENCE: Duration = Duration::from_secs(20);

/// Connections of one purpose: those that read, or the one that writes.
#[derive(Clone)]
pub(crate) enum Pool {
    Sqlite(sqlx::SqlitePool),
    Postgres(sqlx::PgPool),
}

/// A connection, or one in the middle of a transaction that only reads.
pub(crate) enum Connection {
    Sqlite(PoolConnection<Sqlite>),
    SqliteReading(Transaction<'static, Sqlite>),
    Postgres(PoolConnection<Postgres>),
    PostgresReading(Transaction<'static, Postgres>),
}

/// What a statement is sent to.
enum Raw<'a> {
    Sqlite(&'a mut SqliteConnection),
    Postgres(&'a mut PgConnection),
}

impl Pool {
    /// The connection that writes. It makes a file that is not there.
    pub(crate) async fn writing(place: &DatabasePlace) -> Result<Self, sqlx::Error> {
        Ok(match place {
            DatabasePlace::File(path) => {
                let options = file(path).create_if_missing(true);
                Self::Sqlite(one().connect_lazy_with(options))
            }
            DatabasePlace::Postgres(uri) => {
                let options = server(uri)?;
                // A pool would try for long and then no more say why it got no connection.
                options.connect().await?.close().await?;
                Self::Postgres(one().connect_lazy_with(options))
            }
        })
    }

    /// Connections that read; they see a database that is there.
    pub(crate) fn reading(place: &DatabasePlace) -> Result<Self, sqlx::Error> {
        Ok(match place {
            DatabasePlace::File(path) => {
                Self::Sqlite(some().connect_lazy_with(file(path).read_only(true)))
            }
            DatabasePlace::Postgres(uri) => Self::Postgres(some().connect_lazy_with(server(uri)?)),
        })
    }

    /// Somebody else's SQLite file, to be read only and as it is.
    pub(crate) fn foreign(path: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        Self::Sqlite(one().connect_lazy_with(options.disable_statement_logging()))
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// A connection of the pool, as soon as one is free.
    pub(crate) async fn acquire(&self) -> Result<Connection, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(pool) => Connection::Sqlite(pool.acquire().await?),
            Self::Postgres(pool) => Connection::Postgres(pool.acquire().await?),
        })
    }

    /// A connection that sees one moment of the database, whatever is written meanwhile.
    pub(crate) async fn snapshot(&self) -> Result<Connection, sqlx::Error> {
        const ONE_MOMENT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
        Ok(match self {
            Self::Sqlite(pool) => Connection::SqliteReading(pool.begin().await?),
            Self::Postgres(pool) => Connection::PostgresReading(pool.begin_with(ONE_MOMENT).await?),
        })
    }

    /// Waits until all connections are given back, then closes them.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Connection {
    fn raw(&mut self) -> Raw<'_> {
        match self {
            Self::Sqlite(connection) => Raw::Sqlite(connection),
            Self::SqliteReading(transaction) => Raw::Sqlite(transaction),
            Self::Postgres(connection) => Raw::Postgres(connection),
            Self::PostgresReading(transaction) => Raw::Postgres(transaction),
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) | Self::SqliteReading(_) => Dialect::Sqlite,
            Self::Postgres(_) | Self::PostgresReading(_) => Dialect::Postgres,
        }
    }

    /// Takes the steps of the schema that are missing.
    pub(crate) async fn migrate(&mut self) -> Result<(), MigrateError> {
        // With a log, `NORMAL` leaves a file that is in order wherever a step is cut short, which is then taken again. To wait
        // for the disk at each step would be most of a first start.
        match self.raw() {
            Raw::Sqlite(connection) => {
                sqlx::raw_sql("PRAGMA synchronous = NORMAL")
                    .execute(&mut *connection)
                    .await?;
                migrations::sqlite().run(&mut *connection).await?;
                sqlx::raw_sql("PRAGMA synchronous = FULL")
                    .execute(connection)
                    .await?;
                Ok(())
            }
            Raw::Postgres(connection) => migrations::postgres().run(connection).await,
        }
    }

    /// Sends statements that bind nothing and give nothing, all at once.
    pub(crate) async fn send(&mut self, statements: &'static str) -> Result<(), sqlx::Error> {
        let statements = sqlx::raw_sql(statements);
        match self.raw() {
            Raw::Sqlite(connection) => statements.execute(connection).await.map(drop),
            Raw::Postgres(connection) => statements.execute(connection).await.map(drop),
        }
    }

    /// Whether somebody still answers at the other end.
    pub(crate) async fn is_alive(&mut self) -> bool {
        match self.raw() {
            Raw::Sqlite(_) => true,
            Raw::Postgres(connection) => connection.ping().await.is_ok(),
        }
    }
}

fn one<D: sqlx::Database>() -> PoolOptions<D> {
    // It is held as long as the store lives: no clock may end it.
    PoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(PATIENCE)
}

fn some<D: sqlx::Database>() -> PoolOptions<D> {
    PoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(PATIENCE)
}

/// Write-ahead log and `synchronous = FULL`: what was acknowledged survives `kill -9` and a power cut.
fn file(path: &Path) -> SqliteConnectOptions {
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

/// PostgreSQL's own `synchronous_commit = on` is its default and stays so.
fn server(uri: &str) -> Result<PgConnectOptions, sqlx::Error> {
    let options: PgConnectOptions = uri.parse()?;
    Ok(options
        .application_name("idiom")
        .statement_cache_capacity(200)
        .disable_statement_logging())
}
