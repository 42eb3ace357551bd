//! How far a server has the spool. Replaced whole after each delivery, so a reader sees an old one or a new one.

use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

use super::Folder;

/// What `cursor.json` holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// The spool it belongs to.
    pub(crate) uid: String,
    /// The run on the server, once known.
    pub(crate) run_id: Option<String>,
    /// Everything before this byte of `log` is settled: delivered or dead.
    pub(crate) offset: u64,
    /// Records delivered.
    pub(crate) delivered: u64,
    /// Records refused or unreadable.
    pub(crate) dead: u64,
}

impl Cursor {
    /// The beginning of a spool.
    pub(crate) fn begin(uid: &str, offset: u64) -> Self {
        Self {
            uid: uid.to_owned(),
            offset,
            ..Self::default()
        }
    }

    /// Reads the folder's cursor; none where there is none for this spool. A damaged one is none, too: sending
    /// again from the beginning is slower and ends in the same rows.
    pub(crate) fn read(folder: &Folder, uid: &str) -> Option<Self> {
        let text = fs::read(folder.cursor()).ok()?;
        let cursor: Self = serde_json::from_slice(&text).ok()?;
        let length = fs::metadata(folder.log()).ok()?.len();
        // After a power cut the log may be shorter than what was sent from it. What follows is new: send all of it.
        (cursor.uid == uid && cursor.offset <= length).then_some(cursor)
    }

    pub(crate) fn write(&self, folder: &Folder) -> io::Result<()> {
        let path = folder.cursor();
        let temporary = path.with_extension("json.new");
        fs::write(&temporary, serde_json::to_vec(self)?)?;
        fs::rename(&temporary, &path)
    }
}
