//! A run's spool: one folder with all that was logged, and how far a server has it.
//!
//! | file | what | who writes it |
//! |---|---|---|
//! | `log` | every record, one line each, oldest first; never changed, only grown | the run |
//! | `cursor.json` | how much of `log` the server has, and under which run id | whoever sends |
//! | `dead.jsonl` | what the server refused, and why | whoever sends |
//! | `writer.lock`, `sender.lock` | who that is | both |
//!
//! Everything but `log` can be lost without loss: sending anew from the first record ends in the same rows.

mod append;
mod cursor;
mod dead;
mod reader;
mod record;

use std::path::{Path, PathBuf};

pub(crate) use append::{Appender, Recovered, recover};
pub(crate) use cursor::Cursor;
pub(crate) use dead::DeadLetters;
pub(crate) use reader::{Line, Reader, open_since, read_header};
pub(crate) use record::{Artifact, Entry, Header, LAYOUT, Status, encode};

/// The folder and the names in it.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(path: &Path) -> Self {
        // Absolute, so that a later change of the working folder does not move it.
        Self(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    pub(crate) fn cursor(&self) -> PathBuf {
        self.0.join("cursor.json")
    }

    pub(crate) fn dead(&self) -> PathBuf {
        self.0.join("dead.jsonl")
    }

    pub(crate) fn writer_lock(&self) -> PathBuf {
        self.0.join("writer.lock")
    }

    pub(crate) fn sender_lock(&self) -> PathBuf {
        self.0.join("sender.lock")
    }

    /// How a file is named in the spool: from the run's folder if it lies there, so that the folder can be moved.
    pub(crate) fn name(&self, file: &Path) -> PathBuf {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        match self
            .0
            .parent()
            .and_then(|run_folder| file.strip_prefix(run_folder).ok())
        {
            Some(inside) => inside.to_owned(),
            None => file,
        }
    }

    /// The file of a [`Folder::name`].
    pub(crate) fn resolve(&self, name: &Path) -> PathBuf {
        self.0.parent().unwrap_or(Path::new("")).join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_in_the_run_folder_move_with_it() {
        let name = Folder::new(Path::new("/runs/a/spool")).name(Path::new("/runs/a/samples/1.png"));
        assert_eq!(name, Path::new("samples/1.png"));
        let moved = Folder::new(Path::new("/elsewhere/spool")).resolve(&name);
        assert_eq!(moved, Path::new("/elsewhere/samples/1.png"));
    }

    #[test]
    fn files_elsewhere_keep_their_place() {
        let folder = Folder::new(Path::new("/runs/a/spool"));
        let name = folder.name(Path::new("/data/manifest.json"));
        assert_eq!(folder.resolve(&name), Path::new("/data/manifest.json"));
    }
}
