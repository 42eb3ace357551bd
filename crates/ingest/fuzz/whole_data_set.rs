//! A data set on disk, of which one file is replaced by some bytes.

mod stored;

use stored::{FILES, Stored};
use tempfile::TempDir;

thread_local! {
    static STORED: (TempDir, Stored) = {
        let folder = tempfile::tempdir().expect("a folder for the data set");
        let stored = Stored::write(folder.path()).expect("room for the data set");
        (folder, stored)
    };
}

/// One input of the fuzzer: its first byte chooses among the files with this ending.
pub(crate) fn with(ending: &str, bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let files: Vec<&str> = FILES.into_iter().filter(|file| file.ends_with(ending)).collect();
    STORED.with(|(_, stored)| _ = stored.with(files[usize::from(*choice) % files.len()], bytes));
}
