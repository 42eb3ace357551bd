//! Tar archives of pictures with captions beside them, read where they lie: the listing notes where each member begins, and
//! a picture is read from there when its turn comes. Nothing is unpacked.
//!
//! Members that share folder and name but for the last extension are one row, wherever they stand in the archive, so that
//! `22.05.png` belongs to `22.05.txt`. Members whose names lead anywhere, links and devices are refused.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use idiom_dataset::digest;
use idiom_spec::pipeline::Webdataset;
use tar::{Archive, Entry, EntryType};

use super::{Facts, Item, Listing, Places, RawPicture, ReadOne, Reader, located, sidecar, walk};
use crate::IngestError;
use crate::fault::Fault;

/// Extensions of members that hold captions.
const CAPTIONS: [&str; 4] = ["txt", "caption", "text", "json"];
/// Extension of members that hold the number of a class; kept in `meta`.
const CLASS: &str = "cls";

/// Members of all archives, those of a row side by side.
#[derive(Debug, Default)]
struct Members {
    lang: String,
    max_bytes: u64,
    archives: Vec<PathBuf>,
    members: Vec<Member>,
}

#[derive(Debug, Clone)]
struct Member {
    archive: u32,
    offset: u64,
    bytes: u64,
    extension: Box<str>,
}

pub(crate) fn list(set: &Webdataset, places: &Places<'_>) -> Result<Listing, IngestError> {
    let archives = archives(&places.base.join(&set.path))?;
    let own = set.path.file_name().unwrap_or_default().to_string_lossy();
    let mut listing = Listing {
        name: format!("tar:{own}"),
        ..Listing::default()
    };
    let mut all = Members {
        lang: set.lang.clone(),
        max_bytes: places.pipeline.picture.max_bytes,
        ..Members::default()
    };
    for (number, path) in archives.iter().enumerate() {
        let mut index = Index::new(number as u32);
        index.read(path)?;
        index.into_items(path, &mut all.members, &mut listing);
    }
    all.archives = archives;
    listing.facts = Some(Box::new(all));
    Ok(listing)
}

/// Of the archives' names, sizes and times.
pub(crate) fn fingerprint(set: &Webdataset, places: &Places<'_>) -> Result<String, IngestError> {
    let archives = archives(&places.base.join(&set.path))?;
    let stamps: Vec<String> = archives
        .iter()
        .map(|path| format!("{}\0{}", path.display(), walk::stamp(path)))
        .collect();
    Ok(digest::sha256_hex(stamps.join("\n").as_bytes()))
}

pub(crate) fn open<'a>(listing: &'a Listing) -> Result<Box<dyn Reader + 'a>, IngestError> {
    Ok(Box::new(Tars(listing.facts()?)))
}

/// The archive that was named, or those in the folder that was named, by name.
fn archives(path: &Path) -> Result<Vec<PathBuf>, IngestError> {
    let metadata = fs::metadata(path).map_err(IngestError::io(path))?;
    if metadata.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut archives: Vec<PathBuf> = fs::read_dir(path)
        .map_err(IngestError::io(path))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "tar"))
        .collect();
    archives.sort();
    if archives.is_empty() {
        return Err(IngestError::Table {
            path: path.to_owned(),
            reason: "holds no `.tar` files".to_owned(),
        });
    }
    Ok(archives)
}

/// What one archive holds.
struct Index {
    archive: u32,
    /// Members by the name that they share.
    rows: BTreeMap<String, Vec<Member>>,
    refused: Vec<(String, Fault)>,
}

impl Index {
    fn new(archive: u32) -> Self {
        Self {
            archive,
            rows: BTreeMap::new(),
            refused: Vec::new(),
        }
    }

    fn read(&mut self, path: &Path) -> Result<(), IngestError> {
        let refuse = |reason: String| IngestError::Archive {
            path: path.to_owned(),
            reason,
        };
        let file = File::open(path).map_err(IngestError::io(path))?;
        let length = file.metadata().map_err(IngestError::io(path))?.len();
        let mut head = [0; 2];
        if file.read_exact_at(&mut head, 0).is_ok() && head == [0x1f, 0x8b] {
            let reason = "is compressed, so that pictures in it cannot be reached one by one: unpack it with `gunzip`";
            return Err(refuse(reason.to_owned()));
        }
        let mut archive = Archive::new(file);
        for entry in archive
            .entries_with_seek()
            .map_err(|error| refuse(error.to_string()))?
        {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if self.rows.is_empty() => return Err(refuse(error.to_string())),
                Err(error) => {
                    let fault = Fault::new(
                        "list",
                        "broken_archive",
                        format!("the rest cannot be read: {error}"),
                    );
                    self.refused.push(("(the rest)".to_owned(), fault));
                    break;
                }
            };
            self.member(&entry, length);
        }
        Ok(())
    }

    fn member(&mut self, entry: &Entry<'_, File>, length: u64) {
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = name.trim_start_matches("./").to_owned();
        let mut refuse = |code, message: &str| {
            self.refused
                .push((name.clone(), Fault::new("list", code, message)));
        };
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {}
            EntryType::Directory => return,
            EntryType::XGlobalHeader | EntryType::XHeader => return,
            _ => return refuse("not_a_file", "it is a link or a device"),
        }
        if !located::is_plain(&name) {
            return refuse("unsafe_path", "the name leads out of the archive");
        }
        let extension = walk::extension(&name);
        if !is_wanted(&extension) {
            return;
        }
        let (offset, bytes) = (entry.raw_file_position(), entry.size());
        if offset + bytes > length {
            return refuse("cut", "the archive ends inside this member");
        }
        let stem = name[..name.len() - extension.len() - 1].to_owned();
        self.rows.entry(stem).or_default().push(Member {
            archive: self.archive,
            offset,
            bytes,
            extension: extension.into(),
        });
    }

    /// Rows that have a picture become items; what has no partner is refused.
    fn into_items(self, path: &Path, members: &mut Vec<Member>, listing: &mut Listing) {
        let tar = path.file_stem().unwrap_or_default().to_string_lossy();
        let mut spellings: BTreeMap<String, usize> = BTreeMap::new();
        for stem in self.rows.keys() {
            *spellings.entry(stem.to_lowercase()).or_default() += 1;
        }
        let mut refused = self.refused;
        for (stem, row) in self.rows {
            let pictures = row
                .iter()
                .filter(|m| walk::is_picture(&m.extension))
                .count();
            let has_words = row.iter().any(|m| CAPTIONS.contains(&&*m.extension));
            let wrong = match (pictures, has_words) {
                _ if spellings[&stem.to_lowercase()] > 1 => {
                    Some(("case_conflict", "another name differs only in case"))
                }
                (0, _) => Some(("no_picture", "there is no picture of the same name")),
                (1, true) => None,
                (1, false) => Some(("no_caption", "there is no caption of the same name")),
                _ => Some(("many_pictures", "several pictures have the same name")),
            };
            if let Some((code, message)) = wrong {
                let n = pictures.max(1);
                refused.extend((0..n).map(|_| (stem.clone(), Fault::new("list", code, message))));
                continue;
            }
            let first = members.len() as u32;
            members.extend(row);
            listing.items.push(Item {
                key: format!("{tar}/{stem}").into(),
                rows: first..members.len() as u32,
                ..Item::default()
            });
        }
        for (member, fault) in refused {
            listing
                .rejects
                .push(fault.at(&listing.name, &format!("{tar}/{member}")));
        }
    }
}

fn is_wanted(extension: &str) -> bool {
    walk::is_picture(extension) || CAPTIONS.contains(&extension) || extension == CLASS
}

struct Tars<'a>(&'a dyn Facts);

impl ReadOne for Tars<'_> {
    fn read(&self, item: &Item) -> Result<RawPicture, Fault> {
        self.0.of(item)
    }
}

impl Facts for Members {
    fn of(&self, item: &Item) -> Result<RawPicture, Fault> {
        let members = &self.members[item.rows.start as usize..item.rows.end as usize];
        let mut raw = RawPicture::default();
        for member in members {
            match &*member.extension {
                "json" => sidecar::read_json(self.bytes(member)?, &self.lang, &mut raw)?,
                CLASS => {
                    let class = String::from_utf8_lossy(&self.bytes(member)?)
                        .trim()
                        .to_owned();
                    raw.meta.insert(CLASS.to_owned(), class.into());
                }
                extension if CAPTIONS.contains(&extension) => {
                    sidecar::read_lines(self.bytes(member)?, &self.lang, &mut raw)?;
                }
                _ => {}
            }
        }
        sidecar::require_words(&raw)?;
        let picture = members
            .iter()
            .find(|member| walk::is_picture(&member.extension));
        raw.set_bytes(picture.map_or_else(|| Ok(Vec::new()), |member| self.bytes(member))?);
        Ok(raw)
    }
}

impl Members {
    fn bytes(&self, member: &Member) -> Result<Vec<u8>, Fault> {
        let (limit, code) = if walk::is_picture(&member.extension) {
            (self.max_bytes, "too_many_bytes")
        } else {
            (sidecar::MAX_BYTES, "caption_too_long")
        };
        if member.bytes > limit {
            let message = format!(
                "the member has {} bytes, but at most {limit} are read",
                member.bytes
            );
            return Err(Fault::new("read", code, message));
        }
        let unreadable =
            |error: std::io::Error| Fault::new("read", "unreadable", error.to_string());
        let file = File::open(&self.archives[member.archive as usize]).map_err(unreadable)?;
        let mut bytes = vec![0; member.bytes as usize];
        file.read_exact_at(&mut bytes, member.offset)
            .map_err(unreadable)?;
        Ok(bytes)
    }
}
