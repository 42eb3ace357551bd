//! The database as a whole: a copy of it, and whether it is in order.

use std::path::Path;

use super::database::{Connection, Dialect, query};
use super::thinner::Point;
use super::{Store, StoreError, blocks};

/// What a look at the whole database found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) curves: usize,
    pub(crate) points: usize,
    /// What is not in order, a line each.
    pub(crate) faults: Vec<String>,
}

impl Store {
    /// Writes a copy of one moment into a new file; reading and writing go on meanwhile.
    pub(crate) async fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let copy = query("VACUUM INTO $1").bind(path.to_string_lossy().into_owned());
        copy.execute(&mut self.reading().await?).await?;
        Ok(())
    }

    /// Reads all of it. Points are held against the counts of their curves' summaries.
    pub(crate) async fn faults(&self) -> Result<Findings, StoreError> {
        // One transaction: a server may be writing.
        let mut reading = self.readers.snapshot().await?;
        let mut found = Findings::default();
        if reading.dialect() == Dialect::Sqlite {
            found.faults = file_faults(&mut reading).await?;
        }
        let curves = query(
            "SELECT run, metric_summaries.key, n_points, runs.run_id, metric_keys.key FROM metric_summaries JOIN runs ON number = run \
             JOIN metric_keys ON metric_keys.id = metric_summaries.key ORDER BY 1, 2",
        );
        let curves: Vec<(i64, i64, i64, String, String)> = curves.fetch_all(&mut reading).await?;
        for (run, key, counted, run_id, name) in curves {
            let points = blocks::points_after(&mut reading, (run, key), None, usize::MAX).await;
            let fault = match &points {
                Err(error) => Some(error.to_string()),
                Ok(points) if points.len() as i64 != counted => Some(format!(
                    "{counted} points are counted, {} are there",
                    points.len()
                )),
                Ok(points) if !points.is_sorted_by(|a, b| Point::order(a, b).is_lt()) => {
                    Some("points are not in order".to_owned())
                }
                Ok(_) => None,
            };
            found.curves += 1;
            found.points += points.map_or(0, |points| points.len());
            found
                .faults
                .extend(fault.map(|fault| format!("run {run_id}, metric `{name}`: {fault}")));
        }
        Ok(found)
    }
}

/// What SQLite itself finds wrong with its file. A PostgreSQL server looks after its own files and keeps the rows' bonds.
async fn file_faults(reading: &mut Connection) -> Result<Vec<String>, StoreError> {
    let pages = query("PRAGMA integrity_check");
    let mut faults: Vec<String> = pages.fetch_all(reading).await?;
    faults.retain(|line| line != "ok");
    let strays =
        query("SELECT \"table\", \"parent\", count(*) FROM pragma_foreign_key_check GROUP BY 1, 2");
    let strays: Vec<(String, String, i64)> = strays.fetch_all(reading).await?;
    faults.extend(strays.into_iter().map(|(table, parent, count)| {
        format!("{count} rows of `{table}` belong to no row of `{parent}`")
    }));
    Ok(faults)
}
