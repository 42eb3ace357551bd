//! Whether a spool has something left for a server. Only looks: sends nothing and keeps no lock.

use std::fs;
use std::path::Path;

use crate::TrackingError;
use crate::locks::Lock;
use crate::spool::{self, Cursor, Folder};

/// What a run has left for a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leftover {
    /// All is delivered.
    Nothing,
    /// Its process lives and sends for itself.
    Live,
    /// Its process is gone, and something is left.
    Rest {
        /// Bytes of its log that no server has taken; 0 where only its last word is missing.
        bytes: u64,
        /// The run on the server that has the beginning, if one has.
        run_id: Option<String>,
    },
}

/// Looks what a spool has left for a server.
///
/// # Errors
/// When the folder is no spool or cannot be read.
pub fn leftover(spool_dir: &Path) -> Result<Leftover, TrackingError> {
    let folder = Folder::new(spool_dir);
    let (header, start) = spool::read_header(&folder)?;
    if Lock::take(&folder.writer_lock(), "written").is_err() {
        return Ok(Leftover::Live);
    }
    let log = folder.log();
    let end = fs::metadata(&log).map_err(TrackingError::io(&log))?.len();
    let cursor =
        Cursor::read(&folder, &header.uid).unwrap_or_else(|| Cursor::begin(&header.uid, start));
    let bytes = end.saturating_sub(cursor.offset);
    if bytes == 0 && spool::open_since(&folder)?.is_none() {
        return Ok(Leftover::Nothing);
    }
    Ok(Leftover::Rest {
        bytes,
        run_id: cursor.run_id,
    })
}
