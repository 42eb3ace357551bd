//! A folder of pictures, each with its captions in a file of the same name: `.txt` with one caption a line, or `.json`.
//! Names that differ only in case are refused, and so is a picture without words or words without a picture.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use idiom_spec::pipeline::Folder;

use super::walk::{self, Walk};
use super::{Item, Listing, Places, RawPicture, ReadOne, Reader, sidecar};
use crate::IngestError;
use crate::fault::Fault;

/// Extensions of caption files, in the order in which they are read.
const CAPTIONS: [&str; 2] = ["txt", "json"];

fn is_wanted(extension: &str) -> bool {
    walk::is_picture(extension) || CAPTIONS.contains(&extension)
}

pub(crate) fn list(root: &Path) -> Result<Listing, IngestError> {
    Ok(paired(walk::walk(root, &is_wanted)?))
}

/// Of the names, sizes and times of all files that are read.
pub(crate) fn fingerprint(root: &Path) -> Result<String, IngestError> {
    Ok(walk::walk(root, &is_wanted)?.fingerprint())
}

fn paired(mut walk: Walk<'_>) -> Listing {
    let is_caption = |name: &String| CAPTIONS.contains(&walk::extension(name).as_str());
    let (captions, pictures): (BTreeSet<String>, Vec<String>) = {
        let files = std::mem::take(&mut walk.files);
        let (captions, pictures): (Vec<_>, Vec<_>) = files.into_iter().partition(is_caption);
        (captions.into_iter().collect(), pictures)
    };
    let mut spellings: BTreeMap<String, usize> = BTreeMap::new();
    for name in &pictures {
        *spellings.entry(name.to_lowercase()).or_default() += 1;
    }
    let mut refuse = |name: String, code, message: &str| {
        walk.refused.push((name, Fault::new("list", code, message)));
    };
    let mut items = Vec::new();
    let mut used = BTreeSet::new();
    for name in pictures {
        let mut beside = CAPTIONS.map(|extension| sibling(&name, extension)).to_vec();
        beside.retain(|file| captions.contains(file));
        let has_words = !beside.is_empty();
        used.extend(beside);
        if spellings[&name.to_lowercase()] > 1 {
            refuse(
                name,
                "case_conflict",
                "another picture's name differs only in case",
            );
        } else if !has_words {
            let message = "there is no caption file of the same name (`.txt` or `.json`)";
            refuse(name, "no_caption", message);
        } else {
            items.push(Item {
                key: name.into(),
                ..Item::default()
            });
        }
    }
    for name in captions.difference(&used) {
        refuse(
            name.clone(),
            "no_picture",
            "there is no picture of the same name",
        );
    }
    let name = format!("folder:{}", walk.name());
    Listing {
        rejects: walk.rejects(&name),
        name,
        items,
        ..Listing::default()
    }
}

fn sibling(name: &str, extension: &str) -> String {
    Path::new(name)
        .with_extension(extension)
        .to_string_lossy()
        .into_owned()
}

/// Reads pictures and captions below a folder.
struct FolderReader {
    root: PathBuf,
    lang: String,
    max_bytes: u64,
}

pub(crate) fn open<'a>(folder: &Folder, places: &Places<'_>) -> Box<dyn Reader + 'a> {
    Box::new(FolderReader {
        root: places.base.join(&folder.path),
        lang: folder.lang.clone(),
        max_bytes: places.pipeline.picture.max_bytes,
    })
}

impl ReadOne for FolderReader {
    /// Lines first, then what the JSON adds.
    fn read(&self, item: &Item) -> Result<RawPicture, Fault> {
        let mut raw = RawPicture::default();
        let [plain, json] =
            CAPTIONS.map(|extension| self.root.join(sibling(item.member(), extension)));
        let read = |path: &Path| super::read_file(path, sidecar::MAX_BYTES, "caption_too_long");
        if plain.exists() {
            sidecar::read_lines(read(&plain)?, &self.lang, &mut raw)?;
        }
        if json.exists() {
            sidecar::read_json(read(&json)?, &self.lang, &mut raw)?;
        }
        sidecar::require_words(&raw)?;
        let path = self.root.join(item.member());
        raw.set_bytes(super::read_file(&path, self.max_bytes, "too_many_bytes")?);
        Ok(raw)
    }
}
