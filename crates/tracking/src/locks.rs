//! Who may write a spool and who may send it: two advisory locks (`flock`) that end with their process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use crate::TrackingError;

/// A held lock; given back when dropped, and by the system when the process ends in any way.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or says at once who has it; `work` names what the lock is for.
    pub(crate) fn take(path: &Path, work: &'static str) -> Result<Self, TrackingError> {
        let options = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path);
        let mut file = options.map_err(TrackingError::io(path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(TrackingError::Held {
                    path: path.to_owned(),
                    work,
                    holder: holder(path),
                });
            }
            Err(TryLockError::Error(source)) => return Err(TrackingError::io(path)(source)),
        }
        // The number is only for messages; a lock without one is still a lock.
        let _ = file.set_len(0);
        let _ = file.seek(SeekFrom::Start(0));
        let _ = write!(file, "{}", std::process::id());
        Ok(Self { _file: file })
    }
}

fn holder(path: &Path) -> String {
    let number = std::fs::read_to_string(path).unwrap_or_default();
    if number.is_empty() {
        "?".to_owned()
    } else {
        number
    }
}
