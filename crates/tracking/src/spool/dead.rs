//! Dead letters: what a server will never take, kept with the reason, so that one bad item never holds up the rest.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Entry, Folder};

#[derive(Serialize)]
struct Letter<'a> {
    /// Where the record begins in `log`.
    offset: u64,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<&'a Entry>,
}

#[derive(Deserialize)]
struct Place {
    offset: u64,
}

/// The folder's `dead.jsonl`.
pub(crate) struct DeadLetters {
    path: PathBuf,
    known: HashSet<u64>,
}

impl DeadLetters {
    pub(crate) fn open(folder: &Folder) -> Self {
        let path = folder.dead();
        let text = fs::read_to_string(&path).unwrap_or_default();
        let known = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Place>(line).ok());
        Self {
            known: known.map(|place| place.offset).collect(),
            path,
        }
    }

    /// Keeps a record and the reason; once, also when it is refused again after a replay.
    pub(crate) fn add(
        &mut self,
        offset: u64,
        entry: Option<&Entry>,
        reason: &str,
    ) -> io::Result<()> {
        if !self.known.insert(offset) {
            return Ok(());
        }
        let mut line = serde_json::to_vec(&Letter {
            offset,
            reason,
            entry,
        })?;
        line.push(b'\n');
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)?;
        file.write_all(&line)
    }

    /// Forgets all: everything is about to be sent anew.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.known.clear();
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
