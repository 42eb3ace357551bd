//! One writer at a time: an advisory lock on a file in the dataset's folder.
//!
//! The kernel drops the lock when its holder dies, so a killed ingest never leaves a folder locked. The holder's process
//! id stands in the file only so that an error can name it.

use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use crate::DatasetError;

/// Holds the right to write in a folder until it is dropped.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the folder's lock (the file `.lock`), making the folder where it is missing.
    ///
    /// # Errors
    /// [`DatasetError::Locked`] where another process holds it; [`DatasetError::Io`] where the file cannot be made.
    pub fn take(folder: &Path) -> Result<Self, DatasetError> {
        fs::create_dir_all(folder).map_err(DatasetError::io(folder))?;
        let path = folder.join(".lock");
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(DatasetError::io(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DatasetError::Locked {
                    path: folder.to_owned(),
                    holder: holder(&mut file),
                });
            }
            Err(TryLockError::Error(source)) => return Err(DatasetError::Io { path, source }),
        }
        file.set_len(0).map_err(DatasetError::io(&path))?;
        file.rewind().map_err(DatasetError::io(&path))?;
        write!(file, "{}", std::process::id()).map_err(DatasetError::io(&path))?;
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
