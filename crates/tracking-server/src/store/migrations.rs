//! The schema of each database, step by step. A database remembers which steps it has taken and their checksums.
//!
//! The lists stand here in plain code: sqlx's macros would compile SQLite a second time, for the compiler's own use.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Version, description, text.
type Step = (i64, &'static str, &'static str);

macro_rules! steps {
    ($folder:literal: $($version:literal $description:literal $file:literal),+ $(,)?) => {
        &[$((
            $version,
            $description,
            include_str!(concat!("../../migrations/", $folder, "/", $file)),
        )),+]
    };
}

/// Steps go forward only; never change one that was released.
const SQLITE: &[Step] = steps![
    "sqlite":
    1 "runs and metrics" "0001_runs_and_metrics.sql",
    2 "chunks of curves" "0002_chunks_of_curves.sql",
    3 "logged models" "0003_logged_models.sql",
    4 "accounts" "0004_accounts.sql",
    5 "packed points" "0005_packed_points.sql",
];

/// The same for PostgreSQL, which came when points were packed already.
const POSTGRES: &[Step] = steps!["postgres": 1 "the whole store" "0001_the_whole_store.sql"];

/// A SQLite file's steps, for sqlx to take those that are missing.
pub(super) fn sqlite() -> Migrator {
    migrator(SQLITE)
}

/// A PostgreSQL database's steps.
pub(super) fn postgres() -> Migrator {
    migrator(POSTGRES)
}

fn migrator(steps: &'static [Step]) -> Migrator {
    let step = |&(version, description, text): &Step| {
        let text = SqlSafeStr::into_sql_str(text);
        Migration::new(
            version,
            description.into(),
            MigrationType::Simple,
            text,
            false,
        )
    };
    Migrator::with_migrations(steps.iter().map(step).collect())
}
