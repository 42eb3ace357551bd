//! One folder of pictures for each class, as ImageNet has it; captions are made of the class's name in each language.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use idiom_dataset::{Caption, digest};
use idiom_spec::pipeline::ClassFolders;

use super::{Facts, Item, Listing, Places, RawPicture, Reader, located, walk};
use crate::fault::Fault;
use crate::{IngestError, text};

/// The column of the table of names that holds the folder.
const FOLDER: &str = "folder";
/// What stands for the class's name in a template.
const CLASS: &str = "{class}";

/// What is said of each class.
#[derive(Debug)]
struct Classes {
    /// Folder names, sorted; an item's range names one by its place.
    folders: Vec<String>,
    captions: Vec<Vec<Caption>>,
}

/// Names of classes: folder -> language -> name.
type Names = BTreeMap<String, BTreeMap<String, String>>;

pub(crate) fn list(classes: &ClassFolders, places: &Places<'_>) -> Result<Listing, IngestError> {
    let root = places.base.join(&classes.path);
    let names = match &classes.names {
        Some(table) => Some(read_names(&places.base.join(table))?),
        None => None,
    };
    let mut walk = walk::walk(&root, &walk::is_picture)?;
    let mut by_folder: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in std::mem::take(&mut walk.files) {
        let folder = file.split_once('/').map(|(folder, _)| folder.to_owned());
        let refused = match &folder {
            None => Some(("no_class", "it lies in no class's folder")),
            Some(folder)
                if names
                    .as_ref()
                    .is_some_and(|names| !names.contains_key(folder)) =>
            {
                Some((
                    "no_class_name",
                    "the table of names does not know its folder",
                ))
            }
            Some(_) => None,
        };
        match (folder, refused) {
            (_, Some((code, message))) => {
                walk.refused.push((file, Fault::new("list", code, message)));
            }
            (Some(folder), None) => by_folder.entry(folder).or_default().push(file),
            (None, None) => {}
        }
    }
    let name = format!("classes:{}", walk.name());
    let captions = by_folder.keys().map(|folder| {
        let known = names.as_ref().and_then(|names| names.get(folder));
        captions(classes, folder, known, &name)
    });
    let facts = Classes {
        captions: captions.collect(),
        folders: by_folder.keys().cloned().collect(),
    };
    let items = by_folder
        .into_values()
        .enumerate()
        .flat_map(|(class, files)| {
            files.into_iter().map(move |file| Item {
                key: file.into(),
                rows: class as u32..class as u32 + 1,
                ..Item::default()
            })
        });
    Ok(Listing {
        items: items.collect(),
        rejects: walk.rejects(&name),
        classes: facts.folders.clone(),
        facts: Some(Box::new(facts)),
        name,
        files: Vec::new(),
    })
}

/// Of the pictures' names and sizes, and of the table of names.
pub(crate) fn fingerprint(
    classes: &ClassFolders,
    places: &Places<'_>,
) -> Result<String, IngestError> {
    let root = places.base.join(&classes.path);
    let pictures = walk::walk(&root, &walk::is_picture)?.fingerprint();
    let Some(names) = &classes.names else {
        return Ok(pictures);
    };
    let (names, _) = digest::file_sha256_hex(&places.base.join(names))?;
    Ok(format!("{names} {pictures}"))
}

pub(crate) fn open<'a>(
    classes: &ClassFolders,
    listing: &'a Listing,
    places: &Places<'_>,
) -> Result<Box<dyn Reader + 'a>, IngestError> {
    located::open(
        listing.facts()?,
        places.base.join(&classes.path),
        None,
        places,
    )
}

/// The sentences of each language, then the bare names as labels.
fn captions(
    classes: &ClassFolders,
    folder: &str,
    known: Option<&BTreeMap<String, String>>,
    source: &str,
) -> Vec<Caption> {
    let own = text::clean(&folder.replace(['-', '_'], " "));
    let caption = |text: String, lang: &str, kind: &str| Caption {
        text,
        lang: lang.to_lowercase(),
        source: source.to_owned(),
        kind: kind.to_owned(),
    };
    let mut sentences = Vec::new();
    let mut labels = Vec::new();
    for (lang, templates) in &classes.templates {
        let name = known.map_or(Some(&own), |names| names.get(lang));
        let Some(name) = name else { continue };
        for template in templates {
            sentences.push(caption(
                text::clean(&template.replace(CLASS, name)),
                lang,
                "text",
            ));
        }
        labels.push(caption(name.clone(), lang, "label"));
    }
    sentences.append(&mut labels);
    sentences
}

fn read_names(path: &Path) -> Result<Names, IngestError> {
    let refuse = |line: usize, reason: String| IngestError::Table {
        path: path.to_owned(),
        reason: format!("line {line}: {reason}"),
    };
    let content = fs::read_to_string(path).map_err(IngestError::io(path))?;
    let mut lines = content.trim_start_matches('\u{feff}').lines().enumerate();
    let head: Vec<&str> = lines
        .next()
        .map_or("", |(_, line)| line)
        .split('\t')
        .collect();
    let Some(folder) = head.iter().position(|name| name.trim() == FOLDER) else {
        return Err(refuse(
            1,
            format!("there is no column `{FOLDER}`; columns are separated by tabs"),
        ));
    };
    let mut names = Names::new();
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let fields: Vec<&str> = line.split('\t').collect();
        if fields.len() != head.len() {
            let reason = format!(
                "there are {} fields, but must be {}",
                fields.len(),
                head.len()
            );
            return Err(refuse(number + 1, reason));
        }
        let columns = head.iter().zip(&fields).enumerate();
        let of_class = columns
            .filter(|(column, (_, name))| *column != folder && !name.trim().is_empty())
            .map(|(_, (lang, name))| (lang.trim().to_owned(), text::clean(name)));
        names.insert(fields[folder].trim().to_owned(), of_class.collect());
    }
    Ok(names)
}

impl Facts for Classes {
    fn of(&self, item: &Item) -> Result<RawPicture, Fault> {
        let class = item.rows.start as usize;
        if self.captions[class].is_empty() {
            let message = "its class has no name in any language of the templates";
            return Err(Fault::new("caption", "no_caption", message));
        }
        Ok(RawPicture {
            captions: self.captions[class].clone(),
            class: Some(self.folders[class].clone()),
            ..RawPicture::default()
        })
    }
}
