//! The seal: when every unit is in, rows are merged in key order, duplicates decided, shards written with their final
//! `-of-N`, and the manifest committed.
//!
//! The old manifest goes first, so that a half-sealed folder is no dataset; sealing again from the same staging files
//! gives the same bytes. Units hold neighbouring keys, so only those that overlap are open at a time.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use idiom_dataset::manifest::FileEntry;
use idiom_dataset::{
    Columns, Counts, Manifest, Records, Reject, ShardEntry, ShardWriter, Split, phrases, rejects,
    schema,
};
use idiom_spec::pipeline::Duplicates;

use crate::fault::Fault;
use crate::stats::Stats;
use crate::units::{self, StagedRow, Work};
use crate::{Event, IngestError, Summary, stats};

/// What becomes of a staged row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// A row of this shard of its split.
    Row { shard: usize },
    /// Dropped: another row has the same key and bytes, or the pipeline drops equal pictures.
    Duplicate,
    /// Refused: another row has the same key but other bytes.
    Conflict,
}

/// A staged row and where it lies.
struct Place {
    row: StagedRow,
    unit: usize,
    fate: Fate,
}

/// Writes the dataset from the staging files.
///
/// # Errors
/// It was stopped, no row is left, or a file cannot be read or written.
pub(crate) fn seal(work: &Work<'_>, out: &Path) -> Result<Summary, IngestError> {
    let mut rejects: Vec<Reject> = Vec::new();
    for planned in &work.plan.sources {
        rejects.extend(planned.listing.rejects.iter().cloned());
    }
    let mut places = read_reports(work, &mut rejects)?;
    let rows_in = (places.len() + rejects.len()) as u64;
    places.sort_by(|a, b| (&a.row.key, a.unit).cmp(&(&b.row.key, b.unit)));
    decide(&mut places, work);
    for place in places.iter().filter(|place| place.fate == Fate::Conflict) {
        let fault = Fault::new(
            "seal",
            "key_conflict",
            "another picture has the same key but other bytes",
        );
        let source = &work.plan.sources[work.plan.units[place.unit].source]
            .listing
            .name;
        rejects.push(Reject {
            sha256: place.row.sha256.clone(),
            ..fault.at(source, &place.row.key)
        });
    }
    rejects.sort();

    unpublish(out)?;
    rejects::write(&out.join(rejects::FILE), &rejects)?;
    let n_rows = places
        .iter()
        .filter(|place| matches!(place.fate, Fate::Row { .. }))
        .count();
    if n_rows == 0 {
        return Err(no_rows(rows_in, &rejects, out));
    }
    let mut stats = Stats::new(work, &rejects, identical(&places));
    let shards = write_shards(work, &places, out, &mut stats)?;
    let counts = Counts {
        rows_in,
        rows_out: shards.iter().map(|shard| shard.rows).sum(),
        rejects: rejects.len() as u64,
        duplicates: places
            .iter()
            .filter(|place| place.fate == Fate::Duplicate)
            .count() as u64,
    };
    if !counts.agree() {
        return Err(IngestError::Internal(format!(
            "the sums do not agree: {counts:?}"
        )));
    }
    let manifest = Manifest {
        schema_version: schema::VERSION,
        name: work.places.pipeline.name.clone(),
        config_sha256: work.config_sha256.to_owned(),
        phrases: write_phrases(work, out)?,
        rejects: Some(FileEntry::of(out, rejects::FILE, rejects.len() as u64)?),
        counts,
        styles: stats.styles(),
        languages: stats.languages(),
        classes: Vec::new(),
        shards,
    };
    stats::write(&stats, &manifest, work, out)?;
    remove_strangers(out, &manifest)?;
    manifest.write(out)?;
    let (manifest, sha256) = Manifest::read(out)?;
    Ok(Summary {
        skipped: false,
        counts: manifest.counts,
        sha256,
        rejects_by_code: stats.rejects_by_code(),
        identical_pictures: stats.identical_pictures,
    })
}

fn read_reports(work: &Work<'_>, rejects: &mut Vec<Reject>) -> Result<Vec<Place>, IngestError> {
    let mut places = Vec::new();
    for (unit, description) in work.plan.units.iter().enumerate() {
        let report = units::report(work.staging, description).ok_or_else(|| {
            IngestError::Internal(format!("`{}` has no report", description.name))
        })?;
        rejects.extend(report.rejects);
        places.extend(report.rows.into_iter().map(|row| Place {
            row,
            unit,
            fate: Fate::Row { shard: 0 },
        }));
    }
    Ok(places)
}

/// Decides every row's fate; `places` is sorted by key.
fn decide(places: &mut [Place], work: &Work<'_>) {
    for same_key in places.chunk_by_mut(|a, b| a.row.key == b.row.key) {
        let equal = same_key
            .iter()
            .all(|place| place.row.sha256 == same_key[0].row.sha256);
        let rest = if equal { 1 } else { 0 };
        let fate = if equal {
            Fate::Duplicate
        } else {
            Fate::Conflict
        };
        if same_key.len() > 1 {
            same_key[rest..]
                .iter_mut()
                .for_each(|place| place.fate = fate);
        }
    }
    if work.places.pipeline.duplicates == Duplicates::Drop {
        let mut seen = HashMap::new();
        for place in places
            .iter_mut()
            .filter(|place| matches!(place.fate, Fate::Row { .. }))
        {
            if seen.insert(place.row.sha256.clone(), ()).is_some() {
                place.fate = Fate::Duplicate;
            }
        }
    }
    let max_bytes = work.places.pipeline.shards.max_bytes;
    for split in Split::ALL {
        let (mut shard, mut filled) = (0, 0);
        for place in places.iter_mut().filter(|place| place.row.split == split) {
            if !matches!(place.fate, Fate::Row { .. }) {
                continue;
            }
            if filled > 0 && filled + place.row.bytes > max_bytes {
                shard += 1;
                filled = 0;
            }
            filled += place.row.bytes;
            place.fate = Fate::Row { shard };
        }
    }
}

/// Rows whose source bytes equal an earlier row's.
fn identical(places: &[Place]) -> u64 {
    let kept = places
        .iter()
        .filter(|place| matches!(place.fate, Fate::Row { .. }));
    let distinct: std::collections::HashSet<&str> = kept
        .clone()
        .map(|place| place.row.sha256.as_str())
        .collect();
    (kept.count() - distinct.len()) as u64
}

fn no_rows(rows_in: u64, rejects: &[Reject], out: &Path) -> IngestError {
    let mut codes: BTreeMap<&str, u64> = BTreeMap::new();
    for reject in rejects {
        *codes.entry(&reject.code).or_default() += 1;
    }
    let code = codes
        .into_iter()
        .max_by_key(|(_, n)| *n)
        .map_or("nothing_offered", |(code, _)| code);
    IngestError::NoRows {
        rows_in,
        code: code.to_owned(),
        rejects: out.join(rejects::FILE),
    }
}

/// Streams the staged rows, in key order, into the shards.
fn write_shards(
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

    fn push(
        &mut self,
        split: Split,
        shard: usize,
        record: idiom_dataset::Record,
    ) -> Result<(), IngestError> {
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

fn write_phrases(work: &Work<'_>, out: &Path) -> Result<Option<FileEntry>, IngestError> {
    if work.plan.phrases.is_empty() {
        return Ok(None);
    }
    phrases::write(&out.join(phrases::FILE), &work.plan.phrases)?;
    Ok(Some(FileEntry::of(
        out,
        phrases::FILE,
        work.plan.phrases.len() as u64,
    )?))
}

/// Takes the manifest away: what the folder holds is no dataset until the new one is there.
fn unpublish(out: &Path) -> Result<(), IngestError> {
    remove(&out.join(Manifest::FILE))
}

/// Removes shards and tables of an earlier ingest that the manifest does not name.
fn remove_strangers(out: &Path, manifest: &Manifest) -> Result<(), IngestError> {
    let data = out.join("data");
    let named: Vec<PathBuf> = manifest
        .shards
        .iter()
        .map(|shard| out.join(&shard.path))
        .collect();
    for entry in fs::read_dir(&data).map_err(IngestError::io(&data))? {
        let path = entry.map_err(IngestError::io(&data))?.path();
        if !named.contains(&path) {
            remove(&path)?;
        }
    }
    if manifest.phrases.is_none() {
        remove(&out.join(phrases::FILE))?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), IngestError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(IngestError::Io {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}
