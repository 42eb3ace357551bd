//! A folder of pictures, each with its captions in a file of the same name: `.txt` with one caption a line, or `.json`.
//!
//! The JSON is a text, a list of texts, or an object with `captions` (texts, or objects with `text`, `lang`, `kind`), and,
//! where known, `caption`, `subject`, `style`, `license`, `url`, `opt_out`; what else it holds goes to `meta`.
//! Links that lead out of the folder, and names that differ only in case, are refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use idiom_dataset::{Caption, digest};
use idiom_spec::pipeline::Folder;
use serde_json::Value;

use super::{Item, Listing, Places, RawPicture, ReadOne, Reader};
use crate::fault::Fault;
use crate::{IngestError, text};

/// Extensions that announce a picture; what it really is, its bytes decide.
const PICTURES: [&str; 11] = [
    "png", "jpg", "jpeg", "webp", "gif", "bmp", "svg", "tif", "tiff", "avif", "heic",
];
/// Extensions of caption files, in the order in which they are read.
const CAPTIONS: [&str; 2] = ["txt", "json"];
/// Largest caption file that is read, in bytes.
const MAX_CAPTION_FILE: u64 = 16 << 20;

pub(crate) fn list(root: &Path) -> Result<Listing, IngestError> {
    Ok(walk(root)?.finish())
}

/// Of the names, sizes and times of all files that are read.
pub(crate) fn fingerprint(root: &Path) -> Result<String, IngestError> {
    let mut stamps = walk(root)?.stamps;
    stamps.sort();
    Ok(digest::sha256_hex(stamps.join("\n").as_bytes()))
}

fn walk(root: &Path) -> Result<Walk<'_>, IngestError> {
    let real_root = fs::canonicalize(root).map_err(IngestError::io(root))?;
    let mut walk = Walk {
        root,
        real_root,
        pictures: Vec::new(),
        captions: BTreeSet::new(),
        refused: Vec::new(),
        stamps: Vec::new(),
    };
    walk.folder(root)?;
    Ok(walk)
}

/// What has been seen so far.
struct Walk<'a> {
    root: &'a Path,
    real_root: PathBuf,
    pictures: Vec<String>,
    captions: BTreeSet<String>,
    refused: Vec<(String, Fault)>,
    stamps: Vec<String>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path) -> Result<(), IngestError> {
        for entry in fs::read_dir(folder).map_err(IngestError::io(folder))? {
            let path = entry.map_err(IngestError::io(folder))?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                self.refuse(&path, "bad_name", "the name is not UTF-8");
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            let metadata = fs::symlink_metadata(&path).map_err(IngestError::io(&path))?;
            if metadata.is_symlink() {
                self.link(&path);
            } else if metadata.is_dir() {
                self.folder(&path)?;
            } else if metadata.is_file() {
                self.file(&path);
            } else {
                self.refuse(&path, "not_a_file", "it is a device, a socket or a pipe");
            }
        }
        Ok(())
    }

    /// A link to a file inside the folder is as good as the file; links to folders are not followed, since they may circle.
    fn link(&mut self, path: &Path) {
        match fs::canonicalize(path) {
            Ok(target) if !target.starts_with(&self.real_root) => {
                self.refuse(path, "link_outside", "the link leads out of the folder");
            }
            Ok(target) if target.is_file() => self.file(path),
            Ok(_) => self.refuse(path, "link_to_folder", "links to folders are not followed"),
            Err(error) => self.refuse(path, "broken_link", &error.to_string()),
        }
    }

    fn file(&mut self, path: &Path) {
        let name = self.relative(path);
        let extension = path
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or_default()
            .to_lowercase();
        let known = [PICTURES.as_slice(), CAPTIONS.as_slice()]
            .concat()
            .contains(&extension.as_str());
        if let Ok(metadata) = fs::metadata(path)
            && known
        {
            let changed = metadata
                .modified()
                .ok()
                .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            self.stamps.push(format!(
                "{name}\0{}\0{}",
                metadata.len(),
                changed.unwrap_or_default().as_nanos()
            ));
        }
        if CAPTIONS.contains(&extension.as_str()) {
            self.captions.insert(name);
        } else if known {
            self.pictures.push(name);
        }
    }

    fn refuse(&mut self, path: &Path, code: &'static str, message: &str) {
        self.refused
            .push((self.relative(path), Fault::new("list", code, message)));
    }

    fn relative(&self, path: &Path) -> String {
        path.strip_prefix(self.root)
            .unwrap_or(path)
            .to_string_lossy()
            .into_owned()
    }

    fn finish(mut self) -> Listing {
        let mut spellings: BTreeMap<String, usize> = BTreeMap::new();
        for name in &self.pictures {
            *spellings.entry(name.to_lowercase()).or_default() += 1;
        }
        let mut items = Vec::new();
        let mut used = BTreeSet::new();
        for name in std::mem::take(&mut self.pictures) {
            let mut beside = CAPTIONS.map(|extension| sibling(&name, extension)).to_vec();
            beside.retain(|file| self.captions.contains(file));
            let has_words = !beside.is_empty();
            used.extend(beside);
            if spellings[&name.to_lowercase()] > 1 {
                let message = "another picture's name differs only in case";
                self.refused
                    .push((name, Fault::new("list", "case_conflict", message)));
            } else if !has_words {
                let message = "there is no caption file of the same name (`.txt` or `.json`)";
                self.refused
                    .push((name, Fault::new("list", "no_caption", message)));
            } else {
                items.push(Item {
                    key: name.into(),
                    ..Item::default()
                });
            }
        }
        for name in self.captions.difference(&used) {
            self.refused.push((
                name.clone(),
                Fault::new("list", "no_picture", "there is no picture of the same name"),
            ));
        }
        let name = format!(
            "folder:{}",
            self.real_root
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
        );
        let rejects = self
            .refused
            .into_iter()
            .map(|(member, fault)| fault.at(&name, &member))
            .collect();
        Listing {
            name,
            items,
            rejects,
        }
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
    fn read(&self, item: &Item) -> Result<RawPicture, Fault> {
        let mut raw = RawPicture::default();
        self.captions(item, &mut raw)?;
        raw.bytes = read_file(
            &self.root.join(item.member()),
            self.max_bytes,
            "too_many_bytes",
        )?;
        raw.vector = idiom_picture::sniff(&raw.bytes) == Some(idiom_picture::Format::Svg);
        Ok(raw)
    }
}

impl FolderReader {
    /// Lines first, then what the JSON adds.
    fn captions(&self, item: &Item, raw: &mut RawPicture) -> Result<(), Fault> {
        let [plain, json] =
            CAPTIONS.map(|extension| self.root.join(sibling(item.member(), extension)));
        if plain.exists() {
            raw.captions = lines(&caption_text(&plain)?, &self.lang)?;
        }
        if json.exists() {
            let value: Value =
                serde_json::from_str(&caption_text(&json)?).map_err(|error| Fault {
                    line: Some(error.line() as u64),
                    ..Fault::new("caption", "broken_caption", error.to_string())
                })?;
            object(value, &self.lang, raw)?;
        }
        if raw.captions.is_empty() {
            return Err(Fault::new(
                "caption",
                "empty_caption",
                "the caption file holds no words",
            ));
        }
        Ok(())
    }
}

fn read_file(path: &Path, limit: u64, code: &'static str) -> Result<Vec<u8>, Fault> {
    let refuse = |error: std::io::Error| Fault::new("read", "unreadable", error.to_string());
    let found = fs::metadata(path).map_err(refuse)?.len();
    if found > limit {
        return Err(Fault::new(
            "read",
            code,
            format!("the file has {found} bytes, but at most {limit} are read"),
        ));
    }
    fs::read(path).map_err(refuse)
}

/// A caption file as text; a byte-order mark is fine, other encodings than UTF-8 are not.
fn caption_text(path: &Path) -> Result<String, Fault> {
    let bytes = read_file(path, MAX_CAPTION_FILE, "caption_too_long")?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        Fault::new(
            "caption",
            "bad_utf8",
            format!("the caption file is not UTF-8 from byte {offset} on"),
        )
    })?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

fn lines(content: &str, lang: &str) -> Result<Vec<Caption>, Fault> {
    let mut captions = Vec::new();
    for (number, line) in content.lines().enumerate() {
        let caption = checked(line, lang).map_err(|fault| Fault {
            line: Some(number as u64 + 1),
            ..fault
        })?;
        captions.extend(caption);
    }
    Ok(captions)
}

fn object(value: Value, lang: &str, raw: &mut RawPicture) -> Result<(), Fault> {
    match value {
        Value::Object(mut fields) => {
            for name in ["caption", "captions", "text"] {
                if let Some(value) = fields.remove(name) {
                    raw.captions.extend(texts(&value, lang)?);
                }
            }
            let mut take = |name: &str| {
                fields
                    .remove(name)
                    .and_then(|value| value.as_str().map(text::clean))
            };
            raw.subject = take("subject");
            raw.style = take("style");
            raw.license = take("license");
            raw.url = take("url");
            raw.opt_out = take("opt_out");
            raw.meta = fields.into_iter().collect();
        }
        other => raw.captions.extend(texts(&other, lang)?),
    }
    Ok(())
}

fn texts(value: &Value, lang: &str) -> Result<Vec<Caption>, Fault> {
    let wrong = || {
        let message =
            "captions must be texts, or objects with `text`, and where known `lang` and `kind`";
        Err(Fault::new("caption", "broken_caption", message))
    };
    let mut captions = Vec::new();
    let list = match value {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    for entry in list {
        match entry {
            Value::String(text) => captions.extend(checked(text, lang)?),
            Value::Object(fields) => {
                let field = |name: &str| fields.get(name).and_then(Value::as_str);
                let Some(text) = field("text") else {
                    return wrong();
                };
                captions.extend(
                    checked(text, field("lang").unwrap_or(lang))?.map(|caption| Caption {
                        kind: field("kind").unwrap_or("text").to_owned(),
                        ..caption
                    }),
                );
            }
            _ => return wrong(),
        }
    }
    Ok(captions)
}

/// A caption, or `None` where nothing is left of it.
fn checked(line: &str, lang: &str) -> Result<Option<Caption>, Fault> {
    if line.len() > text::MAX_BYTES {
        let message = format!(
            "a caption has {} bytes, but at most {} are kept",
            line.len(),
            text::MAX_BYTES
        );
        return Err(Fault::new("caption", "caption_too_long", message));
    }
    let text = text::clean(line);
    let caption = Caption {
        text,
        lang: lang.to_lowercase(),
        source: "sidecar".to_owned(),
        kind: "text".to_owned(),
    };
    Ok(Some(caption).filter(|caption| !caption.text.is_empty()))
}
