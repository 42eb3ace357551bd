//! Where pictures come from. A source is first listed (names only, cheap), then cut into units of work, and only then
//! read, so that a unit which is already committed costs nothing.
//!
//! A new kind of source is one file here, a struct in the pipeline's types, and an arm in [`list`].

mod folder;
mod icon_set;
mod package_files;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use idiom_dataset::{Caption, Reject};
use idiom_spec::pipeline::{Pipeline, Source};

use crate::IngestError;
use crate::fault::Fault;
use crate::package::Registry;

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
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Shown in provenance and rejects: `npm:NAME@VERSION`, or the folder's name.
    pub(crate) name: String,
    /// Sorted by key.
    pub(crate) items: Vec<Item>,
    /// What was refused by its name alone.
    pub(crate) rejects: Vec<Reject>,
}

/// A picture's bytes, with what its source says of it.
#[derive(Debug, Default)]
pub(crate) struct RawPicture {
    pub(crate) bytes: Vec<u8>,
    pub(crate) vector: bool,
    pub(crate) captions: Vec<Caption>,
    pub(crate) subject: Option<String>,
    pub(crate) style: Option<String>,
    pub(crate) license: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) opt_out: Option<String>,
    pub(crate) meta: BTreeMap<String, serde_json::Value>,
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
}

/// Lists a source.
pub(crate) fn list(
    source: &Source,
    field: &str,
    places: &Places<'_>,
) -> Result<Listing, IngestError> {
    let mut listing = match (&source.icon_set, &source.package_files, &source.folder) {
        (Some(set), _, _) => icon_set::list(set, &format!("{field}.icon_set.package"), places)?,
        (_, Some(files), _) => {
            package_files::list(files, &format!("{field}.package_files.package"), places)?
        }
        (_, _, Some(folder)) => folder::list(&places.base.join(&folder.path))?,
        _ => return Err(IngestError::Internal(format!("{field} has no kind"))),
    };
    if is_of_characters(source) {
        set_character_keys(&mut listing, source.style.as_deref());
    }
    listing.items.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(listing)
}

/// Changes whenever a source's content may have changed; cheap, since nothing is fetched or unpacked for it.
pub(crate) fn fingerprint(source: &Source, places: &Places<'_>) -> Result<String, IngestError> {
    let package = match (&source.icon_set, &source.package_files, &source.folder) {
        (Some(set), _, _) => &set.package,
        (_, Some(files), _) => &files.package,
        (_, _, Some(folder)) => return folder::fingerprint(&places.base.join(&folder.path)),
        _ => return Err(IngestError::Internal("a source without kind".to_owned())),
    };
    // A name that the pipeline does not list is found, with its place, when the source is listed.
    Ok(places
        .pipeline
        .packages
        .get(package)
        .map(|package| package.integrity.clone())
        .unwrap_or_default())
}

/// Opens a source for reading the items that were kept.
pub(crate) fn open<'a>(
    source: &'a Source,
    listing: &'a Listing,
    places: &Places<'a>,
) -> Result<Box<dyn Reader + 'a>, IngestError> {
    match (&source.icon_set, &source.package_files, &source.folder) {
        (Some(set), _, _) => icon_set::open(set, listing, places),
        (_, Some(files), _) => package_files::open(files, listing, places),
        (_, _, Some(folder)) => Ok(folder::open(folder, places)),
        _ => Err(IngestError::Internal("a source without kind".to_owned())),
    }
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

/// The kind of a source, as the pipeline spells it.
pub(crate) fn kind(source: &Source) -> &'static str {
    match (&source.icon_set, &source.package_files) {
        (Some(_), _) => "icon_set",
        (_, Some(_)) => "package_files",
        _ => "folder",
    }
}

/// Whether a source's pictures stand for characters, so that it takes part in the join.
pub(crate) fn is_of_characters(source: &Source) -> bool {
    source.folder.is_none()
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
