//! The seal: when every unit is in, rows are merged in key order, duplicates decided, shards written with their final
//! `-of-N`, and the manifest committed.
//!
//! The old manifest goes first, so that a half-sealed folder is no dataset; sealing again from the same staging files
//! gives the same bytes. Units hold neighbouring keys, so only those that overlap are open at a time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use idiom_dataset::manifest::FileEntry;
use idiom_dataset::thumbnails::FILE;
use idiom_dataset::{Counts, Manifest, Reject, ShardEntry, digest, phrases, rejects, schema};

use crate::fate::{self, Fate, Lies, Place};
use crate::fault::Fault;
use crate::retry::LedgerWriter;
use crate::stats::Stats;
use crate::thumbnails::{self, Thumbnails};
use crate::units::{self, UnitReport, Work};
use crate::{IngestError, Summary, remove, shards, stats};

/// Writes the dataset from the staging files.
///
/// # Errors
/// It was stopped, no row is left, or a file cannot be read or written.
pub(crate) fn seal(work: &Work<'_>, out: &Path) -> Result<Summary, IngestError> {
    // The old manifest goes: what the folder holds is no dataset until the new one is there.
    remove(&out.join(Manifest::FILE))?;
    let (places, rejects) = collect(work, out)?;
    rejects::write(&out.join(rejects::FILE), &rejects)?;
    let mut thumbnails = thumbnails::gather(work, out, &rejects)?;
    let counts = count(&places, &rejects);
    if counts.rows_out == 0 {
        return Err(no_rows(counts.rows_in, &rejects, out));
    }
    let mut stats = Stats::new(work, &rejects, fate::identical(&places));
    let shards = shards::write(work, &places, out, &mut stats, &mut thumbnails)?;
    let rows_out: u64 = shards.iter().map(|shard| shard.rows).sum();
    if !counts.agree() || rows_out != counts.rows_out {
        return Err(IngestError::Internal(format!(
            "the sums do not agree: {rows_out} of {counts:?}"
        )));
    }
    let mut manifest = manifest(work, shards, &stats, counts, out)?;
    manifest.thumbnails = write_thumbnails(thumbnails, out)?;
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

/// What a unit gave, a retry's new rows after the old ones; and how many of the rows are old.
fn report(work: &Work<'_>, number: usize) -> Result<(UnitReport, usize), IngestError> {
    let unit = &work.plan.units[number];
    let staged = units::report(work.staging, unit);
    let missing = || IngestError::Internal(format!("`{}` has no report", unit.name));
    let Some(sealed) = work.sealed else {
        return Ok((staged.ok_or_else(missing)?, 0));
    };
    let mut report = sealed.ledger.get(number).cloned().ok_or_else(missing)?;
    let n_old = report.rows.len();
    if let Some(staged) = staged {
        report.rejects.retain(|reject| reject.code != sealed.code);
        report.rejects.extend(staged.rejects);
        report.rows.extend(staged.rows);
    }
    Ok((report, n_old))
}

/// Every row with its fate, sorted by key, and every reject, sorted. Writes the ledger on the way: a list may have millions of
/// rows, so what the units say of them is held once.
fn collect(work: &Work<'_>, out: &Path) -> Result<(Vec<Place>, Vec<Reject>), IngestError> {
    let pipeline = work.places.pipeline;
    let decide = |places: &mut Vec<Place>| {
        places.sort_by(|a, b| (&a.row.key, a.unit).cmp(&(&b.row.key, b.unit)));
        let rules = fate::Rules {
            duplicates: pipeline.duplicates,
            drop_similar: pipeline.drop_similar,
            max_bytes: pipeline.shards.max_bytes,
        };
        fate::decide(places, rules);
    };
    let (mut places, mut fresh) = (Vec::new(), Vec::new());
    let sources = &work.plan.sources;
    let listed = sources.iter().flat_map(|planned| &planned.listing.rejects);
    let mut rejects: Vec<Reject> = listed.cloned().collect();
    let mut ledger = LedgerWriter::create(out)?;
    for unit in 0..work.plan.units.len() {
        let (report, n_old) = report(work, unit)?;
        ledger.push(&report)?;
        rejects.extend(report.rejects);
        for (i, row) in report.rows.into_iter().enumerate() {
            let (lies, to) = if i < n_old {
                (Lies::Sealed, &mut places)
            } else {
                (Lies::Staged, &mut fresh)
            };
            let fate = Fate::Row { shard: 0 };
            to.push(Place {
                row,
                unit,
                lies,
                fate,
            });
        }
    }
    ledger.finish()?;
    if places.is_empty() {
        places = fresh;
    } else {
        // As the earlier seal decided: what it dropped is in no shard.
        decide(&mut places);
        for place in &mut places {
            if !matches!(place.fate, Fate::Row { .. }) {
                place.lies = Lies::Dropped;
            }
            place.fate = Fate::Row { shard: 0 };
        }
        places.append(&mut fresh);
    }
    decide(&mut places);
    let conflicts = places.iter().filter(|place| place.fate == Fate::Conflict);
    rejects.extend(conflicts.map(|place| conflict(work, place)));
    rejects.sort_unstable();
    Ok((places, rejects))
}

/// What is said of a row whose key another one has.
pub(crate) fn conflict(work: &Work<'_>, place: &Place) -> Reject {
    let message = "another picture has the same key but other bytes";
    let source = work.plan.units[place.unit].source;
    let source = &work.plan.sources[source].listing.name;
    Reject {
        sha256: digest::hex(&place.row.sha256).into(),
        ..Fault::new("seal", "key_conflict", message).at(source, &place.row.key)
    }
}

/// Where every row went; a conflict is among the rejects already.
fn count(places: &[Place], rejects: &[Reject]) -> Counts {
    let with = |wanted: fn(&Fate) -> bool| {
        places.iter().filter(|place| wanted(&place.fate)).count() as u64
    };
    let conflicts = with(|fate| *fate == Fate::Conflict);
    Counts {
        rows_in: places.len() as u64 + rejects.len() as u64 - conflicts,
        rows_out: with(|fate| matches!(fate, Fate::Row { .. })),
        rejects: rejects.len() as u64,
        duplicates: with(|fate| *fate == Fate::Duplicate),
    }
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

fn manifest(
    work: &Work<'_>,
    shards: Vec<ShardEntry>,
    stats: &Stats,
    counts: Counts,
    out: &Path,
) -> Result<Manifest, IngestError> {
    Ok(Manifest {
        schema_version: schema::VERSION,
        name: work.places.pipeline.name.clone(),
        config_sha256: work.config_sha256.to_owned(),
        shards,
        phrases: write_phrases(work, out)?,
        rejects: Some(FileEntry::of(out, rejects::FILE, counts.rejects)?),
        counts,
        styles: stats.styles(),
        languages: stats.languages(),
        classes: work.plan.classes.clone(),
        thumbnails: None,
    })
}

fn write_thumbnails(few: Thumbnails, out: &Path) -> Result<Option<FileEntry>, IngestError> {
    let rows = few.write(&out.join(FILE))?;
    let entry = || FileEntry::of(out, FILE, rows);
    Ok((rows > 0).then(entry).transpose()?)
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
