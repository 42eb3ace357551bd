//! Captions in COCO's JSON: pictures by their ids, any number of captions for each, licences in a table of their own.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::BufReader;

use idiom_dataset::{Caption, digest};
use idiom_spec::pipeline::Coco;
use serde::Deserialize;
use serde_json::Value;

use super::{Facts, Item, Listing, Places, RawPicture, Reader, located, sidecar, walk};
use crate::IngestError;
use crate::fault::Fault;

#[derive(Debug, Deserialize)]
struct Document {
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    #[serde(default)]
    licenses: Vec<License>,
}

#[derive(Debug, Deserialize)]
struct Image {
    id: u64,
    file_name: String,
    coco_url: Option<String>,
    flickr_url: Option<String>,
    license: Option<u64>,
    #[serde(skip)]
    captions: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Annotation {
    image_id: u64,
    #[serde(default)]
    caption: String,
}

#[derive(Debug, Deserialize)]
struct License {
    id: u64,
    #[serde(default)]
    name: String,
    #[serde(default)]
    url: String,
}

/// What the file says of each picture, in the order of items.
#[derive(Debug)]
struct Pictures {
    images: Vec<Image>,
    licenses: BTreeMap<u64, String>,
    lang: String,
    name: String,
}

pub(crate) fn list(coco: &Coco, places: &Places<'_>) -> Result<Listing, IngestError> {
    let path = places.base.join(&coco.annotations);
    let file = File::open(&path).map_err(IngestError::io(&path))?;
    let document: Document =
        serde_json::from_reader(BufReader::new(file)).map_err(|error| IngestError::Table {
            path: path.clone(),
            reason: format!("is no COCO annotation file: {error}"),
        })?;
    let file_name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut listing = Listing {
        name: format!("coco:{file_name}"),
        ..Listing::default()
    };
    let mut images = document.images;
    images.sort_by(|a, b| (&a.file_name, a.id).cmp(&(&b.file_name, b.id)));
    let by_id: HashMap<u64, usize> = images
        .iter()
        .enumerate()
        .map(|(i, image)| (image.id, i))
        .collect();
    for Annotation { image_id, caption } in document.annotations {
        if let Some(i) = by_id.get(&image_id) {
            images[*i].captions.push(caption);
        } else {
            let fault = Fault::new("list", "no_picture", "no picture has this id");
            listing
                .rejects
                .push(fault.at(&listing.name, &format!("image_id {image_id}")));
        }
    }
    for (i, image) in images.iter().enumerate() {
        let address = image.coco_url.as_ref().or(image.flickr_url.as_ref());
        let member = match (&coco.pictures, address) {
            (Some(_), _) => None,
            (None, Some(address)) => Some(address.as_str().into()),
            (None, None) => {
                let fault = Fault::new(
                    "list",
                    "no_picture",
                    "neither a folder nor an address is known for it",
                );
                listing
                    .rejects
                    .push(fault.at(&listing.name, &image.file_name));
                continue;
            }
        };
        listing.items.push(Item {
            key: image.file_name.as_str().into(),
            member,
            subject: None,
            rows: i as u32..i as u32 + 1,
        });
    }
    let named = |license: License| {
        let name = if license.url.is_empty() {
            license.name
        } else {
            license.url
        };
        (license.id, name)
    };
    listing.facts = Some(Box::new(Pictures {
        images,
        licenses: document.licenses.into_iter().map(named).collect(),
        lang: coco.lang.clone(),
        name: listing.name.clone(),
    }));
    Ok(listing)
}

/// Of the annotations, and of the pictures' names and sizes where they lie in a folder.
pub(crate) fn fingerprint(coco: &Coco, places: &Places<'_>) -> Result<String, IngestError> {
    let (words, _) = digest::file_sha256_hex(&places.base.join(&coco.annotations))?;
    let Some(pictures) = &coco.pictures else {
        return Ok(words);
    };
    let root = places.base.join(pictures);
    let pictures = walk::walk(&root, &walk::is_picture)?.fingerprint();
    Ok(format!("{words} {pictures}"))
}

pub(crate) fn open<'a>(
    coco: &Coco,
    listing: &'a Listing,
    places: &Places<'_>,
) -> Result<Box<dyn Reader + 'a>, IngestError> {
    let facts = listing.facts()?;
    match &coco.pictures {
        Some(folder) => located::open(facts, places.base.join(folder), None, places),
        None => located::open(facts, places.base.to_owned(), Some(&coco.fetch), places),
    }
}

impl Facts for Pictures {
    fn of(&self, item: &Item) -> Result<RawPicture, Fault> {
        let image = &self.images[item.rows.start as usize];
        let mut raw = RawPicture {
            license: image.license.and_then(|id| self.licenses.get(&id).cloned()),
            url: image.flickr_url.clone().or_else(|| image.coco_url.clone()),
            ..RawPicture::default()
        };
        for text in &image.captions {
            let caption = sidecar::checked(text, &self.lang)?;
            raw.captions.extend(caption.map(|caption| Caption {
                source: self.name.clone(),
                ..caption
            }));
        }
        if image.captions.is_empty() {
            return Err(Fault::new(
                "caption",
                "no_caption",
                "no annotation speaks of it",
            ));
        }
        if raw.captions.is_empty() {
            return Err(Fault::new(
                "caption",
                "empty_caption",
                "its annotations hold no words",
            ));
        }
        raw.meta.insert("id".to_owned(), Value::from(image.id));
        Ok(raw)
    }
}
