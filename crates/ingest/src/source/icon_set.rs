//! Icon sets in Iconify's JSON form: one file of shapes by name, one that maps code points to names.
//!
//! A shape is the inside of an SVG element; `currentColor` in it is drawn black.

use std::collections::BTreeMap;

use idiom_spec::pipeline::IconSet;
use serde::Deserialize;

use super::{Item, Listing, Places, RawPicture, ReadOne, Reader};
use crate::fault::Fault;
use crate::{IngestError, archive, characters, package};

/// The file of shapes.
#[derive(Debug, Deserialize)]
struct Icons {
    width: Option<f64>,
    height: Option<f64>,
    icons: BTreeMap<String, Icon>,
}

#[derive(Debug, Deserialize)]
struct Icon {
    body: String,
    left: Option<f64>,
    top: Option<f64>,
    width: Option<f64>,
    height: Option<f64>,
}

pub(crate) fn list(
    set: &IconSet,
    field: &str,
    places: &Places<'_>,
) -> Result<Listing, IngestError> {
    let package = places.package(&set.package, field)?;
    let characters: BTreeMap<String, String> = read_json(set, &set.characters, places)?;
    let mut by_subject: BTreeMap<String, String> = BTreeMap::new();
    for (code_points, icon) in characters {
        if let Some(subject) = characters::from_code_points(&code_points) {
            by_subject.entry(subject).or_insert(icon);
        }
    }
    let items = by_subject
        .into_iter()
        .map(|(subject, member)| Item {
            member: Some(member.into()),
            subject: Some(subject.into()),
            ..Item::default()
        })
        .collect();
    Ok(Listing {
        name: format!("npm:{}", package::spec(package)),
        items,
        ..Listing::default()
    })
}

pub(crate) fn open<'a>(
    set: &IconSet,
    listing: &Listing,
    places: &Places<'_>,
) -> Result<Box<dyn Reader + 'a>, IngestError> {
    let mut icons: Icons = read_json(set, &set.icons, places)?;
    let wanted: std::collections::BTreeSet<&str> = listing.items.iter().map(Item::member).collect();
    icons.icons.retain(|name, _| wanted.contains(name.as_str()));
    Ok(Box::new(icons))
}

impl ReadOne for Icons {
    fn read(&self, item: &Item) -> Result<RawPicture, Fault> {
        let Some(icon) = self.icons.get(item.member()) else {
            return Err(Fault::new(
                "read",
                "missing_member",
                "the set maps characters to an icon that it does not hold",
            ));
        };
        Ok(RawPicture {
            bytes: self.document(icon).into_bytes().into(),
            vector: true,
            ..RawPicture::default()
        })
    }
}

impl Icons {
    /// A whole SVG document; 16 is the side that Iconify assumes where a set does not say.
    fn document(&self, icon: &Icon) -> String {
        let width = icon.width.or(self.width).unwrap_or(16.0);
        let height = icon.height.or(self.height).unwrap_or(16.0);
        let (left, top) = (icon.left.unwrap_or(0.0), icon.top.unwrap_or(0.0));
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{left} {top} {width} {height}" color="black">{}</svg>"#,
            icon.body
        )
    }
}

fn read_json<T: serde::de::DeserializeOwned>(
    set: &IconSet,
    file: &str,
    places: &Places<'_>,
) -> Result<T, IngestError> {
    let package = places.package(&set.package, "sources")?;
    let members = archive::members(&places.registry.tarball(package)?, &|name| name == file)?;
    let refuse = |reason: String| IngestError::Member {
        package: package::spec(package),
        file: file.to_owned(),
        reason,
    };
    let bytes = members
        .get(file)
        .ok_or_else(|| refuse("there is no such file".to_owned()))?;
    serde_json::from_slice(bytes).map_err(|error| refuse(error.to_string()))
}
