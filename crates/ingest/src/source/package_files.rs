//! Picture files in a package, named by the characters they stand for.

use std::collections::{BTreeMap, BTreeSet};

use idiom_picture::{Format, sniff};
use idiom_spec::pipeline::PackageFiles;

use super::{Item, Listing, Places, RawPicture, ReadOne, Reader};
use crate::fault::Fault;
use crate::{IngestError, archive, characters, package};

pub(crate) fn list(
    files: &PackageFiles,
    field: &str,
    places: &Places<'_>,
) -> Result<Listing, IngestError> {
    let package = places.package(&files.package, field)?;
    let mut by_subject: BTreeMap<String, String> = BTreeMap::new();
    for member in archive::names(&places.registry.tarball(package)?)? {
        let code_points = member
            .strip_prefix(&files.prefix)
            .and_then(|rest| rest.strip_suffix(&files.suffix));
        if let Some(subject) = code_points.and_then(characters::from_code_points) {
            by_subject.entry(subject).or_insert(member);
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
    files: &PackageFiles,
    listing: &Listing,
    places: &Places<'_>,
) -> Result<Box<dyn Reader + 'a>, IngestError> {
    let package = places.package(&files.package, "sources")?;
    let wanted: BTreeSet<&str> = listing.items.iter().map(Item::member).collect();
    let members = archive::members(&places.registry.tarball(package)?, &|name| {
        wanted.contains(name)
    })?;
    Ok(Box::new(Members { members }))
}

struct Members {
    members: BTreeMap<String, Vec<u8>>,
}

impl ReadOne for Members {
    fn read(&self, item: &Item) -> Result<RawPicture, Fault> {
        let bytes = self.members.get(item.member()).ok_or_else(|| {
            Fault::new(
                "read",
                "missing_member",
                "the package no longer holds this file",
            )
        })?;
        let vector = sniff(bytes) == Some(Format::Svg);
        Ok(RawPicture {
            bytes: bytes.clone().into(),
            vector,
            ..RawPicture::default()
        })
    }
}
