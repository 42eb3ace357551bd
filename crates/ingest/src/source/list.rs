//! Tables that name pictures: a list of its own, or the metadata of a folder as Hugging Face's `imagefolder` has it.
//! Rows that name the same picture under the same key are one item with all their captions.

use std::path::{Path, PathBuf};

use idiom_dataset::{Caption, Reject, digest};
use idiom_spec::pipeline::{CaptionColumn, FactColumns, ImageFolder, List};
use serde_json::Value;

use super::table::{self, SEPARATOR, Table};
use super::{Facts, Item, Listing, Places, RawPicture, Reader, located, sidecar, walk};
use crate::IngestError;
use crate::fault::Fault;

/// The column of `imagefolder` that names the picture.
const FILE_NAME: &str = "file_name";
/// The stem of a metadata table.
const METADATA: &str = "metadata";

/// What the tables say beside the names of pictures.
#[derive(Debug)]
struct Rows {
    name: String,
    tables: Vec<Part>,
    /// Numbers of rows over all tables; an item's range counts these.
    order: Vec<u32>,
    captions: Vec<CaptionColumn>,
    facts: FactColumns,
}

/// A table and where its rows begin among all.
#[derive(Debug)]
struct Part {
    first: u32,
    table: Table,
}

/// Which columns say what.
struct Columns<'a> {
    image: &'a str,
    key: Option<&'a str>,
    captions: &'a [CaptionColumn],
    facts: &'a FactColumns,
}

pub(crate) fn list(list: &List, places: &Places<'_>) -> Result<Listing, IngestError> {
    let columns = Columns {
        image: &list.image,
        key: list.key.as_deref(),
        captions: &list.captions,
        facts: &list.facts,
    };
    let path = places.base.join(&list.path);
    let name = format!("list:{}", file_name(&path));
    let table = table::read(&path, &columns.all())?;
    Ok(columns.listing(name, vec![(String::new(), table)]))
}

pub(crate) fn list_folder(
    folder: &ImageFolder,
    places: &Places<'_>,
) -> Result<Listing, IngestError> {
    let columns = Columns {
        image: FILE_NAME,
        key: None,
        captions: &folder.captions,
        facts: &folder.facts,
    };
    let root = places.base.join(&folder.path);
    let mut walk = walk::walk(&root, &table::is_table)?;
    let mut files = std::mem::take(&mut walk.files);
    files.retain(|file| {
        Path::new(file)
            .file_stem()
            .is_some_and(|stem| stem == METADATA)
    });
    files.sort();
    if files.is_empty() {
        return Err(IngestError::Table {
            path: root,
            reason: "holds no `metadata.csv`, `metadata.jsonl` or `metadata.parquet`".to_owned(),
        });
    }
    let mut tables = Vec::new();
    for file in files {
        let prefix = Path::new(&file).parent().unwrap_or(Path::new(""));
        let prefix = prefix.to_string_lossy().into_owned();
        tables.push((prefix, table::read(&root.join(&file), &columns.all())?));
    }
    let name = format!("folder:{}", walk.name());
    let mut listing = columns.listing(name.clone(), tables);
    listing.rejects.extend(walk.rejects(&name));
    Ok(listing)
}

/// Of the table alone: the pictures that it names are not looked at.
pub(crate) fn fingerprint(list: &List, places: &Places<'_>) -> Result<String, IngestError> {
    Ok(digest::file_sha256_hex(&places.base.join(&list.path))?.0)
}

/// Of the tables and the pictures beside them.
pub(crate) fn fingerprint_folder(
    folder: &ImageFolder,
    places: &Places<'_>,
) -> Result<String, IngestError> {
    let root = places.base.join(&folder.path);
    let wanted = |extension: &str| table::is_table(extension) || walk::is_picture(extension);
    Ok(walk::walk(&root, &wanted)?.fingerprint())
}

pub(crate) fn open<'a>(
    list: &List,
    listing: &'a Listing,
    places: &Places<'_>,
) -> Result<Box<dyn Reader + 'a>, IngestError> {
    let own = || {
        list.path
            .parent()
            .map(Path::to_path_buf)
            .unwrap_or_default()
    };
    let root = places.base.join(list.root.clone().unwrap_or_else(own));
    located::open(listing.facts()?, or_here(root), Some(&list.fetch), places)
}

pub(crate) fn open_folder<'a>(
    folder: &ImageFolder,
    listing: &'a Listing,
    places: &Places<'_>,
) -> Result<Box<dyn Reader + 'a>, IngestError> {
    located::open(
        listing.facts()?,
        places.base.join(&folder.path),
        None,
        places,
    )
}

fn or_here(path: PathBuf) -> PathBuf {
    if path.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        path
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

impl Columns<'_> {
    fn all(&self) -> Vec<&str> {
        let facts = self.facts;
        let single = [
            &facts.subject,
            &facts.style,
            &facts.license,
            &facts.url,
            &facts.opt_out,
        ];
        let mut all = vec![self.image];
        all.extend(self.key);
        all.extend(self.captions.iter().map(|caption| caption.column.as_str()));
        all.extend(single.into_iter().flatten().map(String::as_str));
        all.extend(facts.meta.iter().map(String::as_str));
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Items out of tables, each with the folder that its paths are relative to.
    fn listing(&self, name: String, tables: Vec<(String, Table)>) -> Listing {
        let mut listing = Listing {
            name,
            ..Listing::default()
        };
        let mut named: Vec<Named> = Vec::new();
        let mut parts = Vec::new();
        let mut first = 0;
        for (prefix, mut table) in tables {
            let refused = std::mem::take(&mut table.refused).into_iter();
            let member = |line: Option<u64>| format!("line {}", line.unwrap_or_default());
            listing.rejects.extend(refused.map(|fault| {
                let member = member(fault.line);
                fault.at(&listing.name, &member)
            }));
            named.reserve_exact(table.rows);
            for row in 0..table.rows {
                match self.named(&table, row, &prefix) {
                    Ok(item) => named.push(Named {
                        row: first + row as u32,
                        ..item
                    }),
                    Err(fault) => listing.rejects.push(reject(fault, &listing.name, row)),
                }
            }
            if !self.facts.meta.iter().any(|column| column == self.image) {
                table.remove(self.image);
            }
            let rows = table.rows as u32;
            parts.push(Part { first, table });
            first += rows;
        }
        named.sort_unstable();
        let (items, order) = grouped(named);
        listing.items = items;
        listing.facts = Some(Box::new(Rows {
            name: listing.name.clone(),
            tables: parts,
            order,
            captions: self.captions.to_vec(),
            facts: self.facts.clone(),
        }));
        listing
    }

    fn named(&self, table: &Table, row: usize, prefix: &str) -> Result<Named, Fault> {
        let text = |column| {
            table
                .text(column, row)
                .map(str::trim)
                .filter(|text| !text.is_empty())
        };
        let Some(image) = text(self.image) else {
            return Err(Fault::new("list", "no_picture", "the row names no picture"));
        };
        if image.contains('\u{fffd}') {
            return Err(Fault::new(
                "list",
                "bad_utf8",
                "the picture's name is not UTF-8",
            ));
        }
        let member: Box<str> = if prefix.is_empty() || located::is_address(image) {
            image.into()
        } else {
            format!("{prefix}/{image}").into()
        };
        Ok(match self.key.and_then(text) {
            Some(key) if *key != *member => Named {
                key: key.into(),
                member: Some(member),
                row: 0,
            },
            _ => Named {
                key: member,
                member: None,
                row: 0,
            },
        })
    }
}

/// A row's names.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    key: Box<str>,
    member: Option<Box<str>>,
    row: u32,
}

/// One item for each picture, with the numbers of its rows.
fn grouped(named: Vec<Named>) -> (Vec<Item>, Vec<u32>) {
    let order = named.iter().map(|named| named.row).collect();
    let mut items: Vec<Item> = Vec::with_capacity(named.len());
    for (i, Named { key, member, .. }) in named.into_iter().enumerate() {
        let place = i as u32;
        match items.last_mut() {
            Some(last) if last.key == key && last.member == member => last.rows.end = place + 1,
            _ => items.push(Item {
                key,
                member,
                subject: None,
                rows: place..place + 1,
            }),
        }
    }
    items.shrink_to_fit();
    (items, order)
}

fn reject(fault: Fault, source: &str, row: usize) -> Reject {
    fault.at(source, &format!("row {}", row + 1))
}

impl Facts for Rows {
    fn of(&self, item: &Item) -> Result<RawPicture, Fault> {
        let mut raw = RawPicture::default();
        for place in item.rows.clone() {
            let number = self.order[place as usize];
            let part = self.tables.partition_point(|part| part.first <= number) - 1;
            let part = &self.tables[part];
            self.row(&part.table, (number - part.first) as usize, &mut raw)?;
        }
        if raw.captions.is_empty() {
            return Err(Fault::new(
                "caption",
                "empty_caption",
                "its rows hold no words",
            ));
        }
        raw.subject_groups = raw.subject.is_some();
        Ok(raw)
    }
}

impl Rows {
    fn row(&self, table: &Table, row: usize, raw: &mut RawPicture) -> Result<(), Fault> {
        for column in &self.captions {
            let Some(texts) = table.text(&column.column, row) else {
                continue;
            };
            if texts.contains('\u{fffd}') {
                let message = format!("row {}: the caption is not UTF-8", row + 1);
                return Err(Fault::new("caption", "bad_utf8", message));
            }
            for text in texts.split(SEPARATOR) {
                let caption = sidecar::checked(text, &column.lang)?.map(|caption| Caption {
                    source: self.name.clone(),
                    kind: column.kind.clone(),
                    ..caption
                });
                raw.captions
                    .extend(caption.filter(|caption| !raw.captions.contains(caption)));
            }
        }
        let text = |column: &Option<String>| {
            let text = table.text(column.as_deref()?, row)?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let fill = |field: &mut Option<String>, column: &Option<String>| {
            if field.is_none() {
                *field = text(column);
            }
        };
        fill(&mut raw.subject, &self.facts.subject);
        fill(&mut raw.style, &self.facts.style);
        fill(&mut raw.license, &self.facts.license);
        fill(&mut raw.url, &self.facts.url);
        fill(&mut raw.opt_out, &self.facts.opt_out);
        for column in &self.facts.meta {
            if let Some(text) = table.text(column, row) {
                let value = Value::from(text.replace(SEPARATOR, ", "));
                raw.meta.entry(column.clone()).or_insert(value);
            }
        }
        Ok(())
    }
}
