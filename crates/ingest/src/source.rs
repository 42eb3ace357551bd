//! Where pictures come from. A source is first listed (names only, cheap), then cut into units of work, and only then
//! read, so that a unit which is already committed costs nothing.
//!
//! A new kind of source is one file here, a struct in the pipeline's types, and an arm in [`list`].

mod class_folders;
mod coco;
mod folder;
mod hub;
mod icon_set;
mod list;
mod located;
mod package_files;
mod parquet_set;
mod scan;
mod sidecar;
mod table;
mod walk;
mod web;
mod webdataset;

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use idiom_dataset::{Caption, Reject};
use idiom_spec::pipeline::{Kind, Pipeline, Source};

use crate::fault::Fault;
use crate::package::Registry;
use crate::{Hub, IngestError};

/// One picture that a source offers. Small, since a list may have millions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Item {
    /// The row's key, unique within the source.
    pub(crate) key: Box<str>,
    /// Where its bytes are (a member, an icon's name, or a path below the folder), where that is not its key.
    pub(crate) member: Option<Box<str>>,
    /// The characters it stands for, where it stands for some.
    pub(crate) subject: Option<Box<str>>,
    /// Where the source keeps what else it knows of it; the source alone knows what the numbers count.
    pub(crate) rows: Range<u32>,
}

impl Item {
    /// Where its bytes are.
    pub(crate) fn member(&self) -> &str {
        self.member.as_deref().unwrap_or(&self.key)
    }
}

/// What a source offers.
#[derive(Default)]
pub(crate) struct Listing {
    /// Shown in provenance and rejects: `npm:NAME@VERSION`, or the folder's name.
    pub(crate) name: String,
    /// Sorted by key.
    pub(crate) items: Vec<Item>,
    /// What was refused by its name alone.
    pub(crate) rejects: Vec<Reject>,
    /// Names of its classes, where it has classes.
    pub(crate) classes: Vec<String>,
    /// What else it knows of its items, where it had to read that to list them.
    pub(crate) facts: Option<Box<dyn Facts>>,
    /// The files it was listed from, where they are needed to read it.
    pub(crate) files: Vec<PathBuf>,
}

/// What a source knows of its items beside the pictures.
pub(crate) trait Facts: Send + Sync {
    /// All that is known of an item, or why it is refused.
    fn of(&self, item: &Item) -> Result<RawPicture, Fault>;
}

impl Listing {
    fn facts(&self) -> Result<&dyn Facts, IngestError> {
        let missing = || IngestError::Internal(format!("`{}` was listed without facts", self.name));
        self.facts.as_deref().ok_or_else(missing)
    }
}

/// A picture's bytes, with what its source says of it.
#[derive(Debug, Default)]
pub(crate) struct RawPicture {
    pub(crate) bytes: Bytes,
    pub(crate) vector: bool,
    pub(crate) captions: Vec<Caption>,
    pub(crate) subject: Option<String>,
    /// Whether pictures of one subject must share a split.
    pub(crate) subject_groups: bool,
    /// Name of its class, one of its listing's.
    pub(crate) class: Option<String>,
    pub(crate) style: Option<String>,
    pub(crate) license: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) opt_out: Option<String>,
    pub(crate) meta: BTreeMap<String, serde_json::Value>,
}

impl RawPicture {
    fn set_bytes(&mut self, bytes: Vec<u8>) {
        self.vector = idiom_picture::sniff(&bytes) == Some(idiom_picture::Format::Svg);
        self.bytes = bytes.into();
    }
}

/// A source whose bytes can be had, from any thread.
pub(crate) trait Reader: Sync {
    /// The bytes of neighbouring items, or why there are none: one for each, in their order.
    fn pictures<'a>(&'a self, items: &'a [Item]) -> Pictures<'a>;
}

/// What a reader gives for some items.
pub(crate) type Pictures<'a> = Box<dyn Iterator<Item = Result<RawPicture, Fault>> + 'a>;

/// A reader to which it makes no difference in which order items are read.
pub(crate) trait ReadOne: Sync {
    /// The bytes of an item, or why there are none.
    fn read(&self, item: &Item) -> Result<RawPicture, Fault>;
}

impl<T: ReadOne> Reader for T {
    fn pictures<'a>(&'a self, items: &'a [Item]) -> Pictures<'a> {
        Box::new(items.iter().map(|item| self.read(item)))
    }
}

/// What sources need to find their files.
pub(crate) struct Places<'a> {
    pub(crate) pipeline: &'a Pipeline,
    /// Folder of the pipeline file; paths in it are relative to this.
    pub(crate) base: &'a Path,
    pub(crate) registry: &'a Registry<'a>,
    pub(crate) hub: &'a Hub,
}

/// Lists a source.
pub(crate) fn list(
    source: &Source,
    field: &str,
    places: &Places<'_>,
) -> Result<Listing, IngestError> {
    let mut listing = match kind(source)? {
        Kind::IconSet(set) => icon_set::list(set, &format!("{field}.icon_set.package"), places)?,
        Kind::PackageFiles(files) => {
            package_files::list(files, &format!("{field}.package_files.package"), places)?
        }
        Kind::Folder(folder) => folder::list(&places.base.join(&folder.path))?,
        Kind::ImageFolder(folder) => list::list_folder(folder, places)?,
        Kind::List(list) => list::list(list, places)?,
        Kind::Coco(coco) => coco::list(coco, places)?,
        Kind::Webdataset(set) => webdataset::list(set, places)?,
        Kind::Huggingface(set) => parquet_set::list(set, places)?,
        Kind::ClassFolders(classes) => class_folders::list(classes, places)?,
    };
    if is_of_characters(source) {
        set_character_keys(&mut listing, source.style.as_deref());
    }
    listing.items.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(listing)
}

/// Changes whenever a source's content may have changed; cheap, since nothing is fetched or unpacked for it.
pub(crate) fn fingerprint(source: &Source, places: &Places<'_>) -> Result<String, IngestError> {
    // A package that the pipeline does not list is found, with its place, when the source is listed.
    let integrity = |name: &str| {
        let package = places.pipeline.packages.get(name);
        Ok(package
            .map(|package| package.integrity.clone())
            .unwrap_or_default())
    };
    match kind(source)? {
        Kind::IconSet(set) => integrity(&set.package),
        Kind::PackageFiles(files) => integrity(&files.package),
        Kind::Folder(folder) => folder::fingerprint(&places.base.join(&folder.path)),
        Kind::ImageFolder(folder) => list::fingerprint_folder(folder, places),
        Kind::List(list) => list::fingerprint(list, places),
        Kind::Coco(coco) => coco::fingerprint(coco, places),
        Kind::Webdataset(set) => webdataset::fingerprint(set, places),
        Kind::Huggingface(set) => parquet_set::fingerprint(set, places),
        Kind::ClassFolders(classes) => class_folders::fingerprint(classes, places),
    }
}

/// Opens a source for reading the items that were kept.
pub(crate) fn open<'a>(
    source: &'a Source,
    listing: &'a Listing,
    places: &Places<'a>,
) -> Result<Box<dyn Reader + 'a>, IngestError> {
    match kind(source)? {
        Kind::IconSet(set) => icon_set::open(set, listing, places),
        Kind::PackageFiles(files) => package_files::open(files, listing, places),
        Kind::Folder(folder) => Ok(folder::open(folder, places)),
        Kind::ImageFolder(folder) => list::open_folder(folder, listing, places),
        Kind::List(list) => list::open(list, listing, places),
        Kind::Coco(coco) => coco::open(coco, listing, places),
        Kind::Webdataset(_) => webdataset::open(listing),
        Kind::Huggingface(set) => parquet_set::open(set, listing, places),
        Kind::ClassFolders(classes) => class_folders::open(classes, listing, places),
    }
}

/// The kind of a source; the pipeline's validation has seen to it that there is one.
pub(crate) fn kind(source: &Source) -> Result<Kind<'_>, IngestError> {
    let missing = || IngestError::Internal("a source without kind".to_owned());
    source.kind().ok_or_else(missing)
}

/// The bytes of a file that is not too large.
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

/// The items that stand for characters get their keys, subject first, so that the styles of a subject lie side by side.
fn set_character_keys(listing: &mut Listing, style: Option<&str>) {
    let style = style.unwrap_or(&listing.name).to_owned();
    for item in &mut listing.items {
        if let Some(subject) = &item.subject {
            item.key = format!("{subject}/{style}").into();
        }
    }
}

/// Whether a source's pictures stand for characters, so that it takes part in the join.
pub(crate) fn is_of_characters(source: &Source) -> bool {
    matches!(
        source.kind(),
        Some(Kind::IconSet(_) | Kind::PackageFiles(_))
    )
}

impl Places<'_> {
    /// The pipeline's source of a number, counted in the order of their names.
    pub(crate) fn source(&self, number: usize) -> Result<&Source, IngestError> {
        let source = self.pipeline.sources.values().nth(number);
        source.ok_or_else(|| IngestError::Internal(format!("there is no source number {number}")))
    }

    /// The package that the pipeline calls `name`.
    pub(crate) fn package(
        &self,
        name: &str,
        field: &str,
    ) -> Result<&idiom_spec::pipeline::Package, IngestError> {
        self.pipeline
            .packages
            .get(name)
            .ok_or_else(|| IngestError::UnknownPackage {
                field: field.to_owned(),
                name: name.to_owned(),
                known: self.pipeline.packages.keys().cloned().collect(),
            })
    }
}
