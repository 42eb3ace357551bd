//! How a file becomes part of a dataset: written under a temporary name, synced, renamed, and the folder synced.
//!
//! A file with its final name is therefore always whole, whatever killed the writer. Temporary names begin with a dot and
//! end in `.tmp`; a writer holds the folder's [`crate::lock`], so one left over belongs to nobody and is overwritten.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::DatasetError;

/// The temporary name a file is written under.
#[must_use]
pub fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.tmp"))
}

/// Gives a finished temporary file its final name, durably.
///
/// # Errors
/// The file cannot be synced or renamed.
pub fn publish(temporary: &Path, path: &Path) -> Result<(), DatasetError> {
    let file = File::open(temporary).map_err(DatasetError::io(temporary))?;
    file.sync_all().map_err(DatasetError::io(temporary))?;
    fs::rename(temporary, path).map_err(DatasetError::io(path))?;
    sync_folder(path)
}

/// Writes a small file whole: temporary name, sync, rename, sync of the folder.
///
/// # Errors
/// The folder cannot be made or the file not written.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), DatasetError> {
    create_folder_of(path)?;
    let temporary = temporary(path);
    let mut file = File::create(&temporary).map_err(DatasetError::io(&temporary))?;
    file.write_all(bytes)
        .map_err(DatasetError::io(&temporary))?;
    drop(file);
    publish(&temporary, path)
}

pub(crate) fn create_folder_of(path: &Path) -> Result<(), DatasetError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(DatasetError::io(folder))
}

fn sync_folder(path: &Path) -> Result<(), DatasetError> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let handle = File::open(folder).map_err(DatasetError::io(folder))?;
    handle.sync_all().map_err(DatasetError::io(folder))
}
