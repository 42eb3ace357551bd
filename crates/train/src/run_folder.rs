//! A run's folder: where its parts are, and the right to write there.

use std::fs;
use std::path::{Path, PathBuf};

use idiom_dataset::commit;
use idiom_dataset::lock::FolderLock;

use crate::TrainError;
use crate::checkpoint::{list, name_of};

/// A run's folder, held for writing until this is dropped.
#[derive(Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
    _lock: Option<FolderLock>,
}

impl RunFolder {
    /// Takes the folder, making it where it is missing.
    ///
    /// # Errors
    /// Another process holds it (its pid is named), or it cannot be made.
    pub(crate) fn take(path: &Path) -> Result<Self, TrainError> {
        let lock = FolderLock::take(path)?;
        Ok(Self {
            path: path.to_owned(),
            _lock: Some(lock),
        })
    }

    /// The folder of a run that another process of the same training holds; only to read there.
    #[must_use]
    pub(crate) fn of_another(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            _lock: None,
        }
    }

    /// Refuses a folder in which a run was saved already.
    ///
    /// # Errors
    /// It holds a checkpoint.
    pub(crate) fn must_be_new(&self) -> Result<(), TrainError> {
        if list(&self.checkpoints())?.is_empty() {
            return Ok(());
        }
        Err(TrainError::RunExists {
            run: self.path.clone(),
        })
    }

    /// The folder itself.
    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The saves.
    #[must_use]
    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// The trained generator.
    #[must_use]
    pub(crate) fn model(&self) -> PathBuf {
        self.path.join("model")
    }

    /// The sheet of samples after so many pictures.
    #[must_use]
    pub(crate) fn sheet(&self, images_seen: u64) -> PathBuf {
        self.path
            .join("samples")
            .join(format!("{}.png", name_of(images_seen)))
    }

    /// Writes a small file whole, durably.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, TrainError> {
        let path = self.path.join(name);
        commit::write(&path, bytes)?;
        Ok(path)
    }

    /// Writes a small file whole unless it is there: what was true when the run began stays.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn write_once(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, TrainError> {
        let path = self.path.join(name);
        if fs::exists(&path).map_err(TrainError::io(&path))? {
            return Ok(path);
        }
        self.write(name, bytes)
    }
}
