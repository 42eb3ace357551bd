//! What a run tells whoever shows its progress.

use std::path::PathBuf;

/// Something happened; drawing it is the caller's.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A stage begins, of `total` units (pictures seen), some of which may have been done before.
    Started {
        /// What it does, in words.
        stage: &'static str,
        /// Units when it ends.
        total: u64,
        /// Units done before.
        done: u64,
    },
    /// So many more units are done.
    Advanced(u64),
    /// Something worth a line.
    Message(String),
    /// A sheet of sample pictures was written.
    Sheet(PathBuf),
    /// The state was saved.
    Saved {
        /// The checkpoint's folder.
        folder: PathBuf,
        /// Pictures seen.
        images_seen: u64,
    },
}
