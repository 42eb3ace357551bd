//! Who may write in a dataset's folder: one process alone, or several workers that each hold a share.
//!
//! These are advisory locks of the kernel, which drops them when their holder dies, so a killed ingest never leaves a
//! folder locked. A holder's process id stands in its file only so that an error can name it.

use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::DatasetError;

/// The file that is locked: alone by a single writer, in common by workers.
const FILE: &str = ".lock";
/// The folder of the workers' own locks.
const WORKERS: &str = ".workers";

/// Holds the right to write in a folder until it is dropped.
#[derive(Debug)]
pub struct FolderLock {
    _files: Vec<File>,
}

impl FolderLock {
    /// Takes the folder for oneself alone, making it where it is missing.
    ///
    /// # Errors
    /// [`DatasetError::Locked`] where another process writes here; [`DatasetError::Io`] where the file cannot be made.
    pub fn take(folder: &Path) -> Result<Self, DatasetError> {
        let file = alone(folder, &folder.join(FILE))?;
        // Nobody has a share now, so whatever files workers left are nobody's.
        let _ = fs::remove_dir_all(folder.join(WORKERS));
        Ok(Self { _files: vec![file] })
    }

    /// Takes a share of the folder for the worker of this name: workers of other names may write beside it, a single
    /// writer may not.
    ///
    /// # Errors
    /// [`DatasetError::Locked`] where a single writer or a worker of the same name is at work; [`DatasetError::Io`] where
    /// a file cannot be made.
    pub fn share(folder: &Path, worker: &str) -> Result<Self, DatasetError> {
        let path = folder.join(FILE);
        let file = open(&path)?;
        match file.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(locked(folder, &path)),
            Err(TryLockError::Error(source)) => return Err(DatasetError::Io { path, source }),
        }
        let own = alone(folder, &folder.join(WORKERS).join(format!("{worker}.lock")))?;
        Ok(Self {
            _files: vec![own, file],
        })
    }
}

/// Locks a file for oneself and writes one's process id into it.
fn alone(folder: &Path, path: &Path) -> Result<File, DatasetError> {
    let mut file = open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(locked(folder, path)),
        Err(TryLockError::Error(source)) => {
            return Err(DatasetError::Io {
                path: path.to_owned(),
                source,
            });
        }
    }
    file.set_len(0).map_err(DatasetError::io(path))?;
    file.rewind().map_err(DatasetError::io(path))?;
    write!(file, "{}", std::process::id()).map_err(DatasetError::io(path))?;
    Ok(file)
}

fn open(path: &Path) -> Result<File, DatasetError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(DatasetError::io(folder))?;
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(DatasetError::io(path))
}

/// The error that names who holds `path`, or a worker that holds a share of it.
fn locked(folder: &Path, path: &Path) -> DatasetError {
    let workers = fs::read_dir(folder.join(WORKERS)).into_iter().flatten();
    let held: Option<PathBuf> = workers
        .flatten()
        .map(|entry| entry.path())
        .find(|path| is_held(path));
    DatasetError::Locked {
        path: folder.to_owned(),
        holder: pid(held.as_deref().unwrap_or(path)),
    }
}

fn is_held(path: &Path) -> bool {
    let file = File::open(path);
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn pid(path: &Path) -> Option<u32> {
    let mut text = String::new();
    File::open(path).ok()?.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
