//! Reading wanted members out of a `.tar.gz`, streaming: nothing is ever unpacked to disk.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;

use crate::IngestError;

/// A package that unpacks to more than this is refused.
const MAX_UNPACKED_BYTES: u64 = 4 << 30;
/// A wanted member larger than this is refused.
const MAX_MEMBER_BYTES: u64 = 512 << 20;

/// The regular files whose name below the archive's root folder is wanted, with their bytes.
///
/// # Errors
/// The archive is broken or larger than allowed.
pub(crate) fn members(
    path: &Path,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<BTreeMap<String, Vec<u8>>, IngestError> {
    let mut found = BTreeMap::new();
    visit(path, &mut |name, size, content| {
        if !wanted(name) {
            return Ok(());
        }
        if size > MAX_MEMBER_BYTES {
            return Err(format!(
                "`{name}` has {size} bytes, but at most {MAX_MEMBER_BYTES} are read"
            ));
        }
        let mut bytes = Vec::with_capacity(size as usize);
        content
            .read_to_end(&mut bytes)
            .map_err(|error| error.to_string())?;
        found.insert(name.to_owned(), bytes);
        Ok(())
    })?;
    Ok(found)
}

/// The names of all regular files below the archive's root folder.
///
/// # Errors
/// The archive is broken or larger than allowed.
pub(crate) fn names(path: &Path) -> Result<Vec<String>, IngestError> {
    let mut names = Vec::new();
    visit(path, &mut |name, _, _| {
        names.push(name.to_owned());
        Ok(())
    })?;
    Ok(names)
}

type Visitor<'a> = dyn FnMut(&str, u64, &mut dyn Read) -> Result<(), String> + 'a;

fn visit(path: &Path, visitor: &mut Visitor<'_>) -> Result<(), IngestError> {
    let refuse = |reason: String| IngestError::Archive {
        path: path.to_owned(),
        reason,
    };
    let file = File::open(path).map_err(IngestError::io(path))?;
    let unpacked = GzDecoder::new(BufReader::new(file)).take(MAX_UNPACKED_BYTES);
    let mut archive = tar::Archive::new(unpacked);
    for entry in archive
        .entries()
        .map_err(|error| refuse(error.to_string()))?
    {
        let mut entry = entry.map_err(|error| refuse(error.to_string()))?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let Some((_root, name)) = name.split_once('/') else {
            continue;
        };
        let size = entry.size();
        visitor(name, size, &mut entry).map_err(&refuse)?;
    }
    Ok(())
}
