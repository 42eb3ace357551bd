//! The schema, step by step. A database remembers which steps it has taken and their checksums.
//!
//! The list stands here in plain code: sqlx's macros would compile SQLite a second time, for the compiler's own use.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

macro_rules! steps {
    ($($version:literal $description:literal $file:literal),+ $(,)?) => {
        &[$(($version, $description, include_str!(concat!("../../migrations/", $file)))),+]
    };
}

/// Version, description, text. Steps go forward only; never change one that was released.
const STEPS: &[(i64, &str, &str)] = steps![
    1 "runs and metrics" "0001_runs_and_metrics.sql",
    2 "chunks of curves" "0002_chunks_of_curves.sql",
    3 "logged models" "0003_logged_models.sql",
    4 "accounts" "0004_accounts.sql",
    5 "packed points" "0005_packed_points.sql",
];

/// All steps, for sqlx to take those that are missing.
pub(super) fn all() -> Migrator {
    let step = |&(version, description, text): &(i64, &'static str, &'static str)| {
        let kind = MigrationType::Simple;
        Migration::new(
            version,
            description.into(),
            kind,
            SqlSafeStr::into_sql_str(text),
            false,
        )
    };
    Migrator::with_migrations(STEPS.iter().map(step).collect())
}
