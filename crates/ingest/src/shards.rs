//! The last step of the seal: staged rows, merged in key order, stream into the shards of their splits.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::Ordering;

use idiom_dataset::{Columns, Record, Records, ShardEntry, ShardWriter, Split};

use crate::fate::{Fate, Place};
use crate::stats::Stats;
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
) -> Result<Vec<ShardEntry>, IngestError> {
    (work.on)(Event::Started {
        stage: "shards",
        total: places.len() as u64,
    });
    let mut readers: HashMap<usize, Records> = HashMap::new();
    let mut left = vec![0_usize; work.plan.units.len()];
    places.iter().for_each(|place| left[place.unit] += 1);
    let mut shards = Shards::new(work, places, out);
    for place in places {
        if work.stop.load(Ordering::Relaxed) {
            let units = work.plan.units.len();
            return Err(IngestError::Interrupted {
                units_done: units,
                units_total: units,
            });
        }
        let path = || units::rows_path(work.staging, &work.plan.units[place.unit]);
        let reader = readers
            .entry(place.unit)
            .or_insert_with(|| Records::of_shard(&path(), Columns::All));
        let record = reader.next().ok_or_else(|| {
            IngestError::Internal(format!("`{}` ends too early", path().display()))
        })??;
        left[place.unit] -= 1;
        if left[place.unit] == 0 {
            readers.remove(&place.unit);
        }
        if let Fate::Row { shard } = place.fate {
            stats.count(&record, place.row.split);
            shards.push(place.row.split, shard, record)?;
        }
        (work.on)(Event::Advanced(1));
    }
    shards.finish()
}

/// The shard being written of each split.
struct Shards<'a> {
    out: &'a Path,
    config_sha256: &'a str,
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
                (shard, ShardWriter::create(&path, self.config_sha256, &[])?),
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
