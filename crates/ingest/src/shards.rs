//! The last step of the seal: staged rows, merged in key order, stream into the shards of their splits.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::Ordering;

use idiom_dataset::{Columns, Record, Records, ShardEntry, ShardWriter, Split};

use crate::fate::{Fate, Lies, Place};
use crate::seal::conflict;
use crate::stats::Stats;
use crate::thumbnails::{self, Thumbnails};
use crate::units::{self, Work};
use crate::{Event, IngestError};

/// Streams the staged rows, in key order, into the shards.
///
/// # Errors
/// It was stopped, or a file cannot be read or written.
pub(crate) fn write(
    work: &Work<'_>,
    places: &[Place],
    out: &Path,
    stats: &mut Stats,
    thumbnails: &mut Thumbnails,
) -> Result<Vec<ShardEntry>, IngestError> {
    (work.on)(Event::Started {
        stage: "shards",
        total: places.len() as u64,
    });
    let mut rows = Rows::new(work, places);
    let mut shards = Shards::new(work, places, out);
    for place in places {
        if work.stop.load(Ordering::Relaxed) {
            let units = work.plan.units.len();
            return Err(IngestError::Interrupted {
                units_done: units,
                units_total: units,
            });
        }
        let Some(record) = rows.next(place)? else {
            (work.on)(Event::Advanced(1));
            continue;
        };
        match place.fate {
            Fate::Row { shard } => {
                stats.count(&record, place.row.split);
                shards.push(place.row.split, shard, record)?;
            }
            Fate::Conflict => {
                thumbnails.offer(&conflict(work, place), || thumbnails::of_row(&record));
            }
            Fate::Duplicate => {}
        }
        (work.on)(Event::Advanced(1));
    }
    shards.finish()
}

/// The bytes of the rows, asked for in key order.
struct Rows<'a> {
    work: &'a Work<'a>,
    units: HashMap<usize, Records>,
    /// Rows of each unit's staging file that are still to be asked for.
    left: Vec<usize>,
    sealed: BTreeMap<Split, Records>,
}

impl<'a> Rows<'a> {
    fn new(work: &'a Work<'a>, places: &[Place]) -> Self {
        let mut left = vec![0_usize; work.plan.units.len()];
        let staged = places.iter().filter(|place| place.lies == Lies::Staged);
        staged.for_each(|place| left[place.unit] += 1);
        let shards = work.sealed.iter().flat_map(|sealed| &sealed.shards);
        Self {
            work,
            units: HashMap::new(),
            left,
            sealed: shards
                .map(|(split, paths)| (*split, Records::of_shards(paths, Columns::All)))
                .collect(),
        }
    }

    /// The row of a place, or nothing where it is in no file.
    fn next(&mut self, place: &Place) -> Result<Option<Record>, IngestError> {
        let ends =
            || IngestError::Internal(format!("the file of `{}` ends too early", place.row.key));
        let record = match place.lies {
            Lies::Dropped => return Ok(None),
            Lies::Sealed => self
                .sealed
                .get_mut(&place.row.split)
                .and_then(Iterator::next),
            Lies::Staged => {
                let unit = &self.work.plan.units[place.unit];
                let path = || units::rows_path(self.work.staging, unit);
                let reader = self
                    .units
                    .entry(place.unit)
                    .or_insert_with(|| Records::of_shard(&path(), Columns::All));
                let record = reader.next();
                self.left[place.unit] -= 1;
                if self.left[place.unit] == 0 {
                    self.units.remove(&place.unit);
                }
                record
            }
        };
        let record = record.ok_or_else(ends)??;
        if *record.key != *place.row.key {
            let message = format!("`{}` stands where `{}` should", record.key, place.row.key);
            return Err(IngestError::Internal(message));
        }
        Ok(Some(record))
    }
}

/// The shard being written of each split.
struct Shards<'a> {
    out: &'a Path,
    config_sha256: &'a str,
    classes: &'a [String],
    /// Shards of each split.
    totals: BTreeMap<Split, usize>,
    open: BTreeMap<Split, (usize, ShardWriter)>,
    done: Vec<(usize, ShardEntry)>,
}

impl<'a> Shards<'a> {
    fn new(work: &Work<'a>, places: &[Place], out: &'a Path) -> Self {
        let mut totals = BTreeMap::new();
        for place in places {
            if let Fate::Row { shard } = place.fate {
                let total = totals.entry(place.row.split).or_insert(0);
                *total = (shard + 1).max(*total);
            }
        }
        Self {
            out,
            config_sha256: work.config_sha256,
            classes: &work.plan.classes,
            totals,
            open: BTreeMap::new(),
            done: Vec::new(),
        }
    }

    fn push(&mut self, split: Split, shard: usize, record: Record) -> Result<(), IngestError> {
        if self
            .open
            .get(&split)
            .is_none_or(|(number, _)| *number != shard)
        {
            self.close(split)?;
            let path = self.out.join(self.path(split, shard));
            self.open.insert(
                split,
                (
                    shard,
                    ShardWriter::create(&path, self.config_sha256, self.classes)?,
                ),
            );
        }
        if let Some((_, writer)) = self.open.get_mut(&split) {
            writer.push(record)?;
        }
        Ok(())
    }

    fn close(&mut self, split: Split) -> Result<(), IngestError> {
        if let Some((number, writer)) = self.open.remove(&split) {
            let info = writer.finish()?;
            let entry = ShardEntry {
                path: self.path(split, number),
                split,
                rows: info.rows,
                bytes: info.bytes,
                sha256: info.sha256,
                first_key: info.first_key,
                last_key: info.last_key,
            };
            self.done.push((number, entry));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<ShardEntry>, IngestError> {
        for split in Split::ALL {
            self.close(split)?;
        }
        self.done
            .sort_by_key(|(number, entry)| (entry.split, *number));
        Ok(self.done.into_iter().map(|(_, entry)| entry).collect())
    }

    fn path(&self, split: Split, shard: usize) -> String {
        format!(
            "data/{}-{shard:05}-of-{:05}.parquet",
            split.name(),
            self.totals[&split]
        )
    }
}
