//! Reading rejects again without reading everything again.
//!
//! The seal leaves a ledger: what each unit gave. A retry takes the sealed dataset apart into the staging folder (the
//! manifest first, so that no moment shows a half dataset), reads only what was refused with the asked code, and seals
//! anew: old rows come out of the old shards, new ones out of staging. Killed at any moment, the next ingest goes on.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use idiom_dataset::{Manifest, Reject, Split, commit};
use serde::{Deserialize, Serialize};

use crate::units::UnitReport;
use crate::{IngestError, remove};

/// The ledger, beside the manifest.
pub(crate) const LEDGER: &str = ".ledger.json";
/// What a retry asked for, below the staging folder.
const ASKED: &str = "retry.json";
/// Where the sealed dataset lies while it is taken apart, below the staging folder.
const SEALED: &str = "sealed";

/// A sealed dataset that was taken apart.
#[derive(Debug)]
pub(crate) struct Sealed {
    /// Rejects of this code are read again.
    pub(crate) code: String,
    /// What each unit gave, in the units' order.
    pub(crate) ledger: Vec<UnitReport>,
    /// The old shards of each split, in key order.
    pub(crate) shards: BTreeMap<Split, Vec<PathBuf>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
struct Asked {
    code: String,
}

/// Begins a retry of a dataset that is current.
pub(crate) fn begin(out: &Path, staging: &Path, code: &str) -> Result<Sealed, IngestError> {
    let ledger = read_ledger(&out.join(LEDGER))?.unwrap_or_default();
    let known: Vec<&Reject> = ledger.iter().flat_map(|report| &report.rejects).collect();
    if !known.iter().any(|reject| reject.code == code) {
        let mut codes: Vec<&str> = known.iter().map(|reject| reject.code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        let reason = if codes.is_empty() {
            "nothing was refused when it was read".to_owned()
        } else {
            format!(
                "what was refused when it was read has the codes {}",
                codes.join(", ")
            )
        };
        return Err(IngestError::NothingToRetry {
            code: code.to_owned(),
            reason,
        });
    }
    let asked = Asked {
        code: code.to_owned(),
    };
    let json =
        serde_json::to_vec(&asked).map_err(|error| IngestError::Internal(error.to_string()))?;
    commit::write(&staging.join(ASKED), &json)?;
    take_apart(out, staging)?
        .ok_or_else(|| IngestError::Internal("the retry did not begin".to_owned()))
}

/// A retry that was begun and not ended, taken apart as far as it was not yet.
pub(crate) fn begun(staging: &Path) -> Result<Option<Sealed>, IngestError> {
    match staging.parent().and_then(Path::parent) {
        Some(out) => take_apart(out, staging),
        None => Ok(None),
    }
}

fn take_apart(out: &Path, staging: &Path) -> Result<Option<Sealed>, IngestError> {
    let Ok(asked) = fs::read(staging.join(ASKED)) else {
        return Ok(None);
    };
    let asked: Asked =
        serde_json::from_slice(&asked).map_err(|error| IngestError::Internal(error.to_string()))?;
    let folder = staging.join(SEALED);
    fs::create_dir_all(&folder).map_err(IngestError::io(&folder))?;
    // The manifest first: without it the dataset is not current, and a retry that was killed here is found again.
    for name in [Manifest::FILE, LEDGER] {
        move_once(&out.join(name), &folder.join(name))?;
    }
    let (manifest, _) = Manifest::read(&folder)?;
    let mut shards: BTreeMap<Split, Vec<PathBuf>> = BTreeMap::new();
    for (number, shard) in manifest.shards.iter().enumerate() {
        let path = folder.join(format!("{number}.parquet"));
        move_once(&out.join(&shard.path), &path)?;
        shards.entry(shard.split).or_default().push(path);
    }
    Ok(Some(Sealed {
        code: asked.code,
        ledger: read_ledger(&folder.join(LEDGER))?.unwrap_or_default(),
        shards,
    }))
}

/// Moves a file unless it was moved before; what stands in its old place then is newer.
fn move_once(from: &Path, to: &Path) -> Result<(), IngestError> {
    if to.exists() {
        return Ok(());
    }
    fs::rename(from, to).map_err(IngestError::io(from))
}

/// In an ingest that was interrupted: the units with such a reject count as not done. Gives their number.
pub(crate) fn forget(staging: &Path, code: &str) -> Result<usize, IngestError> {
    let mut n_forgotten = 0;
    for entry in fs::read_dir(staging).into_iter().flatten().flatten() {
        let path = entry.path();
        let report = fs::read(&path)
            .ok()
            .filter(|_| path.extension().is_some_and(|end| end == "json"));
        let report = report.and_then(|json| serde_json::from_slice::<UnitReport>(&json).ok());
        if report.is_some_and(|report| report.rejects.iter().any(|reject| reject.code == code)) {
            fs::remove_file(&path).map_err(IngestError::io(&path))?;
            n_forgotten += 1;
        }
    }
    Ok(n_forgotten)
}

/// Writes what the units gave, one after the other, where a retry could ever need it.
pub(crate) struct LedgerWriter {
    path: PathBuf,
    temporary: PathBuf,
    file: BufWriter<File>,
    n_written: usize,
    has_rejects: bool,
}

impl LedgerWriter {
    pub(crate) fn create(out: &Path) -> Result<Self, IngestError> {
        let path = out.join(LEDGER);
        let temporary = commit::temporary(&path);
        let file = File::create(&temporary).map_err(IngestError::io(&temporary))?;
        Ok(Self {
            path,
            temporary,
            file: BufWriter::new(file),
            n_written: 0,
            has_rejects: false,
        })
    }

    pub(crate) fn push(&mut self, report: &UnitReport) -> Result<(), IngestError> {
        let before: &[u8] = if self.n_written == 0 { b"[" } else { b"," };
        self.write(before)?;
        let json = serde_json::to_writer(&mut self.file, report);
        json.map_err(|error| IngestError::io(&self.temporary)(error.into()))?;
        self.n_written += 1;
        self.has_rejects |= !report.rejects.is_empty();
        Ok(())
    }

    /// The ledger is there; or an old one is not any more, where nothing was refused.
    pub(crate) fn finish(mut self) -> Result<(), IngestError> {
        if !self.has_rejects {
            remove(&self.path)?;
            return remove(&self.temporary);
        }
        self.write(b"]")?;
        self.file
            .flush()
            .map_err(IngestError::io(&self.temporary))?;
        Ok(commit::publish(&self.temporary, &self.path)?)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), IngestError> {
        (self.file.write_all(bytes)).map_err(IngestError::io(&self.temporary))
    }
}

fn read_ledger(path: &Path) -> Result<Option<Vec<UnitReport>>, IngestError> {
    let Ok(file) = File::open(path) else {
        return Ok(None);
    };
    serde_json::from_reader(BufReader::new(file))
        .map(Some)
        .map_err(|error| IngestError::Internal(format!("`{}`: {error}", path.display())))
}
