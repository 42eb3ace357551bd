//! The state of a run on disk: a new folder per save, whole or not there at all.
//!
//! A save is written under a temporary name, every file synced, then renamed to `images-000123456`; a reader checks each file's
//! SHA-256 and falls back to the save before where one is damaged. The files hold no time, host or path, so equal runs
//! leave equal bytes. Which saves may go is decided in [`surplus`], a pure function, and only saves are ever removed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use idiom_dataset::digest;
use idiom_model::tensor_file;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::TrainError;

const PREFIX: &str = "images-";
const RECORD: &str = "checkpoint.json";
const FORMAT_VERSION: u32 = 1;

/// Tensors by file (`generator`, `discriminator`, ...), each a list of named tensors.
pub type TensorSets = BTreeMap<String, Vec<(String, Tensor)>>;

/// What is saved beside the tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Progress {
    /// Pictures seen.
    pub images_seen: u64,
    /// What the step sizes are multiplied with; halved after each restoration.
    pub rate_scale: f64,
    /// The settings that decide what is learnt, by dotted key.
    pub settings: BTreeMap<String, String>,
}

/// A save that was read and found whole.
#[derive(Debug)]
pub struct Saved {
    /// What is beside the tensors.
    pub progress: Progress,
    /// The tensors.
    pub tensors: TensorSets,
    /// Its folder.
    pub folder: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
struct Record {
    format_version: u32,
    progress: Progress,
    files: Vec<FileRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
struct FileRecord {
    path: String,
    bytes: u64,
    sha256: String,
}

/// Saves the state as a folder of `checkpoints` and gives its path; a save of the same number is replaced.
///
/// # Errors
/// Something cannot be written; then no folder of that name appears, and older saves are untouched.
pub fn save(
    checkpoints: &Path,
    progress: &Progress,
    tensors: &TensorSets,
) -> Result<PathBuf, TrainError> {
    let folder = checkpoints.join(name_of(progress.images_seen));
    let temporary = temporary_of(&folder);
    remove_temporary(&temporary)?;
    fs::create_dir_all(&temporary).map_err(TrainError::io(&temporary))?;
    write_all(&temporary, progress, tensors).inspect_err(|_| {
        // The disk may be full: leave it as it was. The error of the write is the one worth telling.
        let _ = fs::remove_dir_all(&temporary);
    })?;
    if folder.exists() {
        remove(&folder)?;
    }
    fs::rename(&temporary, &folder).map_err(TrainError::io(&folder))?;
    sync_folder(checkpoints)?;
    Ok(folder)
}

/// The newest whole save. Damaged ones are passed over and told to `warn`.
///
/// # Errors
/// There is none, or all are damaged.
pub fn load_newest(checkpoints: &Path, warn: &dyn Fn(String)) -> Result<Saved, TrainError> {
    let run = || checkpoints.parent().unwrap_or(checkpoints).to_owned();
    let mut reasons = Vec::new();
    for images_seen in list(checkpoints)?.into_iter().rev() {
        let folder = checkpoints.join(name_of(images_seen));
        match load(&folder) {
            Ok(saved) => return Ok(saved),
            Err(error) => {
                warn(format!("passing over a damaged checkpoint: {error}"));
                reasons.push(error.to_string());
            }
        }
    }
    match reasons.into_iter().next() {
        None => Err(TrainError::NoCheckpoint { run: run() }),
        Some(reason) => Err(TrainError::AllDamaged { run: run(), reason }),
    }
}

/// The pictures seen at each save of a folder, rising. Anything that is not named as a save is not looked at.
///
/// # Errors
/// The folder exists but cannot be read.
pub fn list(checkpoints: &Path) -> Result<Vec<u64>, TrainError> {
    let entries = match fs::read_dir(checkpoints) {
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(TrainError::io(checkpoints))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.map_err(TrainError::io(checkpoints))?.file_name();
        found.extend(name.to_str().and_then(images_of));
    }
    found.sort_unstable();
    Ok(found)
}

/// Which of the saves (rising) may go so that the newest `keep` stay.
#[must_use]
pub fn surplus(saves: &[u64], keep: usize) -> &[u64] {
    &saves[..saves.len().saturating_sub(keep.max(1))]
}

/// Removes all but the newest `keep` saves.
///
/// # Errors
/// The folder cannot be read, or a save not be removed.
pub fn prune(checkpoints: &Path, keep: usize) -> Result<(), TrainError> {
    for images_seen in surplus(&list(checkpoints)?, keep) {
        remove(&checkpoints.join(name_of(*images_seen)))?;
    }
    Ok(())
}

fn load(folder: &Path) -> Result<Saved, TrainError> {
    let path = folder.join(RECORD);
    let bytes = fs::read(&path).map_err(TrainError::io(&path))?;
    let record: Record =
        serde_json::from_slice(&bytes).map_err(|error| bad(&path, error.to_string()))?;
    if record.format_version != FORMAT_VERSION {
        return Err(bad(
            &path,
            format!(
                "has format version {}, but {FORMAT_VERSION} is read",
                record.format_version
            ),
        ));
    }
    let mut tensors = TensorSets::new();
    for file in &record.files {
        let path = folder.join(&file.path);
        let bytes = fs::read(&path).map_err(TrainError::io(&path))?;
        if digest::sha256_hex(&bytes) != file.sha256 {
            return Err(bad(
                &path,
                "its SHA-256 is not the one that was saved".to_owned(),
            ));
        }
        let set = file.path.trim_end_matches(".safetensors").to_owned();
        tensors.insert(set, tensor_file::from_bytes(&bytes, &path)?);
    }
    Ok(Saved {
        progress: record.progress,
        tensors,
        folder: folder.to_owned(),
    })
}

fn write_all(folder: &Path, progress: &Progress, tensors: &TensorSets) -> Result<(), TrainError> {
    let mut files = Vec::new();
    for (set, named) in tensors {
        let name = format!("{set}.safetensors");
        let path = folder.join(&name);
        let bytes = tensor_file::to_bytes(named, &path)?;
        write(&path, &bytes)?;
        files.push(FileRecord {
            path: name,
            bytes: bytes.len() as u64,
            sha256: digest::sha256_hex(&bytes),
        });
    }
    let record = Record {
        format_version: FORMAT_VERSION,
        progress: progress.clone(),
        files,
    };
    let path = folder.join(RECORD);
    let mut bytes =
        serde_json::to_vec_pretty(&record).map_err(|error| bad(&path, error.to_string()))?;
    bytes.push(b'\n');
    write(&path, &bytes)?;
    sync_folder(folder)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let mut file = File::create(path).map_err(TrainError::io(path))?;
    file.write_all(bytes).map_err(TrainError::io(path))?;
    file.sync_all().map_err(TrainError::io(path))
}

/// A save leaves under the temporary name first, so that half of one never bears a save's name.
fn remove(folder: &Path) -> Result<(), TrainError> {
    let leaving = folder.with_extension("leaving.tmp");
    remove_temporary(&leaving)?;
    fs::rename(folder, &leaving).map_err(TrainError::io(folder))?;
    remove_temporary(&leaving)
}

fn remove_temporary(folder: &Path) -> Result<(), TrainError> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(TrainError::Io {
            path: folder.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

fn sync_folder(folder: &Path) -> Result<(), TrainError> {
    File::open(folder)
        .and_then(|handle| handle.sync_all())
        .map_err(TrainError::io(folder))
}

fn temporary_of(folder: &Path) -> PathBuf {
    folder.with_extension("tmp")
}

/// The name of the save after so many pictures: nine digits, so that names sort as numbers do.
#[must_use]
pub fn name_of(images_seen: u64) -> String {
    format!("{PREFIX}{images_seen:09}")
}

fn images_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?;
    let number = digits.parse().ok()?;
    (name_of(number) == name).then_some(number)
}

fn bad(path: &Path, reason: String) -> TrainError {
    TrainError::Checkpoint {
        path: path.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests;
