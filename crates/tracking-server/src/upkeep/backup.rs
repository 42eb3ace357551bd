//! A copy of a database and its artifacts, made while the server runs.
//!
//! SQLite writes a consistent copy of the database (`VACUUM INTO`) and lets others read and write meanwhile; a PostgreSQL
//! database is for `pg_dump` to copy, which is said and must be done first. Artifacts come after the database, so that all the database names are there. A file appears whole or not at all; what the folder has
//! already is not copied again.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use futures_util::TryStreamExt;
use object_store::ObjectMeta;

use super::{BoxedError, Holdings, Say, UpkeepError};
use crate::DatabasePlace;

pub(super) async fn copy(
    holdings: &Holdings,
    folder: &Path,
    say: Say<'_>,
) -> Result<(), UpkeepError> {
    fs::create_dir_all(folder.join("artifacts")).map_err(UpkeepError::stuck(
        folder.display(),
        "the folder cannot be used",
    ))?;
    match &holdings.db {
        DatabasePlace::File(_) => copy_database(holdings, folder).await?,
        DatabasePlace::Postgres(_) => check_dump(folder)?,
    }
    let (mut copied, mut kept) = (0, 0);
    let all = holdings.artifacts.all().await;
    let all = all.map_err(UpkeepError::stuck("artifacts", "they cannot be listed"))?;
    for file in all {
        let to = folder.join("artifacts").join(file.location.as_ref());
        if is_there(&to, &file) {
            kept += 1;
            continue;
        }
        let done = copy_file(holdings, &file, &to).await;
        done.map_err(UpkeepError::stuck(
            &file.location,
            "the artifact cannot be copied",
        ))?;
        copied += 1;
    }
    say(&format!(
        "{}: the database and {copied} artifacts copied, {kept} were there already",
        folder.display()
    ));
    Ok(())
}

async fn copy_database(holdings: &Holdings, folder: &Path) -> Result<(), UpkeepError> {
    let (to, partial) = (folder.join("idiom.db"), folder.join("idiom.db.partial"));
    let copied = async {
        // What an earlier backup left when it was cut short.
        if partial.exists() {
            fs::remove_file(&partial)?;
        }
        holdings.store.copy_to(&partial).await?;
        settle(&partial, &to)?;
        Ok::<(), BoxedError>(())
    };
    copied.await.map_err(UpkeepError::stuck(
        to.display(),
        "the database cannot be copied",
    ))
}

/// A PostgreSQL database is copied by its own program, and before the artifacts it names.
fn check_dump(folder: &Path) -> Result<(), UpkeepError> {
    let dump = folder.join("idiom.dump");
    if dump.exists() {
        return Ok(());
    }
    Err(UpkeepError::NoDump { dump })
}

/// An artifact never changes in place: the same size and no older means the same.
fn is_there(to: &Path, file: &ObjectMeta) -> bool {
    let Ok(there) = fs::metadata(to) else {
        return false;
    };
    let written: std::time::SystemTime = file.last_modified.into();
    there.len() == file.size && there.modified().is_ok_and(|time| time >= written)
}

async fn copy_file(holdings: &Holdings, file: &ObjectMeta, to: &Path) -> Result<(), BoxedError> {
    let folder = to.parent().unwrap_or(to);
    fs::create_dir_all(folder)?;
    let partial = to.with_added_extension("partial");
    let mut copy = File::create(&partial)?;
    let found = holdings.artifacts.open_file(file).await?;
    let mut parts = found.into_stream();
    while let Some(part) = parts.try_next().await? {
        copy.write_all(&part)?;
    }
    drop(copy);
    Ok(settle(&partial, to)?)
}

/// To the disk, then to its name.
fn settle(partial: &Path, to: &Path) -> io::Result<()> {
    File::open(partial)?.sync_all()?;
    fs::rename(partial, to)?;
    match to.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
