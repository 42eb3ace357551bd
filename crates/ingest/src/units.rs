//! Units of work: each becomes a staging file of rows and a report, committed one after the other, in any order, by any
//! thread. A unit whose report exists is done; done twice, it gives the same bytes.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use idiom_dataset::{Record, Reject, ShardWriter, Split, commit};
use idiom_picture::Watched;
use serde::{Deserialize, Serialize};

use crate::plan::{Plan, Unit};
use crate::retry::Sealed;
use crate::row::{Offered, Recipe};
use crate::source::{self, Item, Places, Reader};
use crate::thumbnails::{Original, Thumbnails};
use crate::{Event, IngestError, Share};

/// What a unit left behind.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct UnitReport {
    /// Its rows, sorted by key.
    pub(crate) rows: Vec<StagedRow>,
    /// What it refused.
    pub(crate) rejects: Vec<Reject>,
}

/// What the seal must know of a row before it reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StagedRow {
    pub(crate) key: Box<str>,
    pub(crate) split: Split,
    /// Size of the stored picture.
    pub(crate) bytes: u64,
    /// Of the source bytes.
    #[serde(with = "hex")]
    pub(crate) sha256: [u8; 32],
    /// Perceptual hash of the stored picture.
    pub(crate) phash: u64,
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
    /// Which units are to be done here.
    pub(crate) share: Share,
    /// A sealed dataset of which only some rejects are read again.
    pub(crate) sealed: Option<&'a Sealed>,
    pub(crate) on: &'a (dyn Fn(Event) + Sync),
    pub(crate) stop: &'a AtomicBool,
}

/// The file of a unit's rows.
pub(crate) fn rows_path(staging: &Path, unit: &Unit) -> PathBuf {
    staging.join(format!("{}.parquet", unit.name))
}

/// The file of small pictures of what it refused, where there are any.
pub(crate) fn thumbnails_path(staging: &Path, unit: &Unit) -> PathBuf {
    staging.join(format!("{}-thumbnails.parquet", unit.name))
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
    /// The units of this worker, with their numbers.
    pub(crate) fn own_units(&self) -> impl Iterator<Item = (usize, &Unit)> {
        let units = self.plan.units.iter().enumerate();
        units.filter(|(number, _)| self.share.has(*number))
    }

    /// Does every unit of this worker that is not done yet.
    ///
    /// # Errors
    /// It was stopped, a source cannot be opened, or a file not written.
    pub(crate) fn run(&self) -> Result<(), IngestError> {
        let own: Vec<Task<'_>> = self
            .own_units()
            .map(|(number, unit)| self.task(number, unit))
            .filter(|task| !task.items.is_empty())
            .collect();
        let sum = |tasks: &[Task<'_>]| tasks.iter().map(|task| task.items.len() as u64).sum();
        (self.on)(Event::Started {
            stage: "pictures",
            total: sum(&own),
        });
        let (done, open): (Vec<_>, Vec<_>) = own
            .into_iter()
            .partition(|task| report(self.staging, task.unit).is_some());
        (self.on)(Event::Advanced(sum(&done)));
        let n_done = AtomicUsize::new(done.len());
        for (i, source) in self.places.pipeline.sources.values().enumerate() {
            let open: Vec<&Task<'_>> = open.iter().filter(|task| task.unit.source == i).collect();
            if open.is_empty() {
                continue;
            }
            let reader = source::open(source, &self.plan.sources[i].listing, self.places)?;
            self.run_source(&open, reader.as_ref(), &n_done)?;
        }
        Ok(())
    }

    /// What is to be read in a unit: everything, or in a retry what was refused with the asked code.
    fn task<'b>(&'b self, number: usize, unit: &'b Unit) -> Task<'b> {
        let all = &self.plan.sources[unit.source].listing.items[unit.items.clone()];
        let items = match self.sealed {
            None => Cow::Borrowed(all),
            Some(sealed) => {
                let rejects = sealed
                    .ledger
                    .get(number)
                    .map_or(&[][..], |report| &report.rejects);
                let wanted: BTreeSet<&str> = rejects
                    .iter()
                    .filter(|reject| reject.code == sealed.code)
                    .map(|reject| reject.member.as_str())
                    .collect();
                all.iter()
                    .filter(|item| wanted.contains(item.member()))
                    .cloned()
                    .collect()
            }
        };
        Task { unit, items }
    }

    fn run_source(
        &self,
        open: &[&Task<'_>],
        reader: &dyn Reader,
        n_done: &AtomicUsize,
    ) -> Result<(), IngestError> {
        let next = AtomicUsize::new(0);
        let failure: Mutex<Option<IngestError>> = Mutex::new(None);
        let failed = AtomicBool::new(false);
        let work = || {
            let mut watched = self.watched();
            while let Some(task) = open.get(next.fetch_add(1, Ordering::Relaxed)) {
                if failed.load(Ordering::Relaxed) {
                    return;
                }
                match self.run_unit(task, reader, &mut watched) {
                    Ok(true) => n_done.fetch_add(1, Ordering::Relaxed),
                    Ok(false) => return,
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
            None if self.stop.load(Ordering::Relaxed) => Err(IngestError::Interrupted {
                units_done: n_done.load(Ordering::Relaxed),
                units_total: self.own_units().count(),
            }),
            None => Ok(()),
        }
    }

    fn watched(&self) -> Watched {
        let seconds = self.places.pipeline.picture.max_seconds;
        Watched::new(Duration::from_secs(u64::from(seconds)))
    }

    /// Commits a unit's rows and report; `false` where it was stopped before that.
    fn run_unit(
        &self,
        task: &Task<'_>,
        reader: &dyn Reader,
        watched: &mut Watched,
    ) -> Result<bool, IngestError> {
        let rows = rows_path(self.staging, task.unit);
        let mut writer = ShardWriter::create(&rows, self.config_sha256, &self.plan.classes)?;
        let (mut report, mut thumbnails) = (UnitReport::default(), Thumbnails::default());
        let mut n_read = 0;
        let source_name = self.plan.sources[task.unit.source].listing.name.as_str();
        let source = self.places.source(task.unit.source)?;
        for (item, raw) in task.items.iter().zip(reader.pictures(&task.items)) {
            if self.stop.load(Ordering::Relaxed) {
                writer.discard();
                return Ok(false);
            }
            let offered = Offered {
                item,
                source,
                source_name,
            };
            let pipeline = self.places.pipeline;
            let original = raw.as_ref().ok();
            let original = original.and_then(|raw| Original::of(raw, source, pipeline));
            match raw.and_then(|raw| self.recipe.row(offered, raw, watched)) {
                Ok((record, split)) => {
                    report.rows.push(staged(&record, split));
                    writer.push(record)?;
                }
                Err(fault) => {
                    let reject = fault.at(source_name, item.member());
                    thumbnails.offer(&reject, || {
                        original?.draw(&reject, &pipeline.picture, watched)
                    });
                    report.rejects.push(reject);
                }
            }
            n_read += 1;
            (self.on)(Event::Advanced(1));
        }
        if n_read != task.items.len() {
            let message = format!(
                "`{}`: {n_read} of {} items were read",
                task.unit.name,
                task.items.len()
            );
            return Err(IngestError::Internal(message));
        }
        writer.finish()?;
        thumbnails.write(&thumbnails_path(self.staging, task.unit))?;
        let json = serde_json::to_vec(&report)
            .map_err(|error| IngestError::Internal(error.to_string()))?;
        commit::write(&report_path(self.staging, task.unit), &json)?;
        Ok(true)
    }
}

/// What is to be read of one unit.
struct Task<'a> {
    unit: &'a Unit,
    items: Cow<'a, [Item]>,
}

fn staged(record: &Record, split: Split) -> StagedRow {
    StagedRow {
        key: record.key.as_str().into(),
        split,
        bytes: record.image.len() as u64,
        sha256: record.sha256,
        phash: record.phash.unwrap_or_default(),
    }
}
