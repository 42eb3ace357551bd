//! Units of work: each becomes a staging file of rows and a report, committed one after the other, in any order, by any
//! thread. A unit whose report exists is done; done twice, it gives the same bytes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use idiom_dataset::{Record, Reject, ShardWriter, Split, commit, digest};
use serde::{Deserialize, Serialize};

use crate::plan::{Plan, Unit};
use crate::row::Recipe;
use crate::source::{self, Places, Reader};
use crate::{Event, IngestError};

/// Stack of a working thread: drawing a deeply nested vector picture recurses.
const STACK_BYTES: usize = 32 << 20;

/// What a unit left behind.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct UnitReport {
    /// Its rows, sorted by key.
    pub(crate) rows: Vec<StagedRow>,
    /// What it refused.
    pub(crate) rejects: Vec<Reject>,
}

/// What the seal must know of a row before it reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StagedRow {
    pub(crate) key: String,
    pub(crate) split: Split,
    /// Size of the stored picture.
    pub(crate) bytes: u64,
    /// Of the source bytes.
    pub(crate) sha256: String,
}

/// Everything the work needs.
pub(crate) struct Work<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) places: &'a Places<'a>,
    pub(crate) recipe: Recipe<'a>,
    /// Folder of the staging files.
    pub(crate) staging: &'a Path,
    pub(crate) config_sha256: &'a str,
    pub(crate) threads: usize,
    pub(crate) on: &'a (dyn Fn(Event) + Sync),
    pub(crate) stop: &'a AtomicBool,
}

/// The file of a unit's rows.
pub(crate) fn rows_path(staging: &Path, unit: &Unit) -> PathBuf {
    staging.join(format!("{}.parquet", unit.name))
}

fn report_path(staging: &Path, unit: &Unit) -> PathBuf {
    staging.join(format!("{}.json", unit.name))
}

/// The report of a unit that is done.
pub(crate) fn report(staging: &Path, unit: &Unit) -> Option<UnitReport> {
    let report = serde_json::from_slice(&fs::read(report_path(staging, unit)).ok()?).ok()?;
    rows_path(staging, unit).exists().then_some(report)
}

impl Work<'_> {
    /// Does every unit that is not done yet.
    ///
    /// # Errors
    /// It was stopped, a source cannot be opened, or a file not written.
    pub(crate) fn run(&self) -> Result<(), IngestError> {
        let total: usize = self.plan.units.iter().map(|unit| unit.items.len()).sum();
        (self.on)(Event::Started {
            stage: "pictures",
            total: total as u64,
        });
        let (done, open): (Vec<&Unit>, Vec<&Unit>) = self
            .plan
            .units
            .iter()
            .partition(|unit| report(self.staging, unit).is_some());
        (self.on)(Event::Advanced(
            done.iter().map(|unit| unit.items.len() as u64).sum(),
        ));
        let n_done = AtomicUsize::new(done.len());
        for (i, source) in self.places.pipeline.sources.values().enumerate() {
            let open: Vec<&Unit> = open
                .iter()
                .copied()
                .filter(|unit| unit.source == i)
                .collect();
            if open.is_empty() {
                continue;
            }
            let reader = source::open(source, &self.plan.sources[i].listing, self.places)?;
            self.run_source(&open, reader.as_ref(), &n_done)?;
        }
        Ok(())
    }

    fn run_source(
        &self,
        open: &[&Unit],
        reader: &dyn Reader,
        n_done: &AtomicUsize,
    ) -> Result<(), IngestError> {
        let next = AtomicUsize::new(0);
        let failure: Mutex<Option<IngestError>> = Mutex::new(None);
        let failed = AtomicBool::new(false);
        let work = || {
            while let Some(unit) = open.get(next.fetch_add(1, Ordering::Relaxed)) {
                if failed.load(Ordering::Relaxed) {
                    return;
                }
                match self.run_unit(unit, reader, n_done) {
                    Ok(()) => n_done.fetch_add(1, Ordering::Relaxed),
                    Err(error) => {
                        failed.store(true, Ordering::Relaxed);
                        failure
                            .lock()
                            .unwrap_or_else(std::sync::PoisonError::into_inner)
                            .get_or_insert(error);
                        return;
                    }
                };
            }
        };
        std::thread::scope(|scope| -> Result<(), IngestError> {
            for _ in 0..self.threads.clamp(1, open.len()) {
                std::thread::Builder::new()
                    .name("ingest".to_owned())
                    .stack_size(STACK_BYTES)
                    .spawn_scoped(scope, work)
                    .map_err(IngestError::io(self.staging))?;
            }
            Ok(())
        })?;
        match failure
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
        {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn run_unit(
        &self,
        unit: &Unit,
        reader: &dyn Reader,
        n_done: &AtomicUsize,
    ) -> Result<(), IngestError> {
        let mut writer =
            ShardWriter::create(&rows_path(self.staging, unit), self.config_sha256, &[])?;
        let mut report = UnitReport::default();
        let listing = &self.plan.sources[unit.source].listing;
        let source = self.places.source(unit.source)?;
        for item in &listing.items[unit.items.clone()] {
            if self.stop.load(Ordering::Relaxed) {
                writer.discard();
                let units_done = n_done.load(Ordering::Relaxed);
                return Err(IngestError::Interrupted {
                    units_done,
                    units_total: self.plan.units.len(),
                });
            }
            let row = reader
                .read(item)
                .and_then(|raw| self.recipe.row(item, raw, source, &listing.name));
            match row {
                Ok((record, split)) => {
                    report.rows.push(staged(&record, split));
                    writer.push(record)?;
                }
                Err(fault) => report.rejects.push(fault.at(&listing.name, &item.member)),
            }
            (self.on)(Event::Advanced(1));
        }
        writer.finish()?;
        let json = serde_json::to_vec(&report)
            .map_err(|error| IngestError::Internal(error.to_string()))?;
        Ok(commit::write(&report_path(self.staging, unit), &json)?)
    }
}

fn staged(record: &Record, split: Split) -> StagedRow {
    StagedRow {
        key: record.key.clone(),
        split,
        bytes: record.image.len() as u64,
        sha256: digest::hex(&record.sha256),
    }
}
