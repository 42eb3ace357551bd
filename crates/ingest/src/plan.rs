//! What will be done: packages fetched, sources listed, words read, subjects joined, work cut into units.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::Ordering;

use idiom_dataset::{Phrase, digest};
use idiom_spec::pipeline::{FormatRule, Pipeline};

use crate::source::{self, Listing, Places};
use crate::words::{self, Words};
use crate::{Event, IngestError, JPEG_REVISION, REVISION, archive, package, phrases};

/// A pipeline made definite.
pub(crate) struct Plan {
    /// One for each source of the pipeline, in its order.
    pub(crate) sources: Vec<Planned>,
    pub(crate) words: Words,
    pub(crate) phrases: Vec<Phrase>,
    /// Names of all classes, sorted; the column `label` counts these.
    pub(crate) classes: Vec<String>,
    pub(crate) units: Vec<Unit>,
}

impl Plan {
    /// Pictures of a source that are read.
    pub(crate) fn n_items(&self, source: usize) -> usize {
        let units = self.units.iter().filter(|unit| unit.source == source);
        units.map(|unit| unit.items.len()).sum()
    }

    /// Once all is read the seal needs the room more: of millions of items a list says half a gigabyte.
    pub(crate) fn forget_items(&mut self) {
        for Planned { listing, .. } in &mut self.sources {
            (listing.items, listing.facts) = (Vec::new(), None);
        }
    }
}

/// A source after the join.
pub(crate) struct Planned {
    pub(crate) listing: Listing,
    /// Pictures it held before the join.
    pub(crate) offered: usize,
}

/// A piece of work: some neighbouring items of one source. How many there are does not depend on who works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) source: usize,
    pub(crate) items: Range<usize>,
    /// Name of its staging files.
    pub(crate) name: String,
}

/// SHA-256 of the resolved pipeline.
pub(crate) fn config_sha256(pipeline: &Pipeline) -> Result<String, IngestError> {
    let json =
        serde_json::to_vec(pipeline).map_err(|error| IngestError::Internal(error.to_string()))?;
    Ok(digest::sha256_hex(&json))
}

/// Stands for the pipeline and all its input: equal means that the output would be equal. Nothing large is read for it.
pub(crate) fn work_sha256(config_sha256: &str, places: &Places<'_>) -> Result<String, IngestError> {
    let mut parts = vec![REVISION.to_string(), config_sha256.to_owned()];
    if places.pipeline.picture.format == FormatRule::Jpeg {
        parts.push(JPEG_REVISION.to_string());
    }
    if let Some(table) = &places.pipeline.phrases {
        parts.push(digest::file_sha256_hex(&places.base.join(table))?.0);
    }
    for (name, source) in &places.pipeline.sources {
        let fingerprint = source::fingerprint(source, places);
        parts.push(fingerprint.map_err(|error| error.of_source(name, source))?);
    }
    Ok(digest::sha256_hex(parts.join("\n").as_bytes()))
}

/// Fetches what is missing and lists everything.
pub(crate) fn make(places: &Places<'_>, on: &(dyn Fn(Event) + Sync)) -> Result<Plan, IngestError> {
    fetch(places, on)?;
    let phrases = match &places.pipeline.phrases {
        Some(table) => phrases::read(&places.base.join(table))?,
        None => Vec::new(),
    };
    let words = read_words(places)?;
    let mut sources = Vec::new();
    for (name, source) in &places.pipeline.sources {
        let listing = source::list(source, &format!("sources.{name}"), places);
        let listing = listing.map_err(|error| error.of_source(name, source))?;
        sources.push(Planned {
            offered: listing.items.len(),
            listing,
        });
    }
    join(&mut sources, &words, places.pipeline);
    let classes: BTreeSet<String> = sources
        .iter()
        .flat_map(|planned| planned.listing.classes.iter().cloned())
        .collect();
    let units = cut(&sources, places.pipeline.shards.unit_rows as usize);
    Ok(Plan {
        sources,
        words,
        phrases,
        classes: classes.into_iter().collect(),
        units,
    })
}

fn fetch(places: &Places<'_>, on: &(dyn Fn(Event) + Sync)) -> Result<(), IngestError> {
    let packages = &places.pipeline.packages;
    if packages.is_empty() {
        return Ok(());
    }
    on(Event::Started {
        stage: "packages",
        total: packages.len() as u64,
    });
    for package in packages.values() {
        if places.registry.stop.load(Ordering::Relaxed) {
            return Err(IngestError::Interrupted {
                units_done: 0,
                units_total: 0,
            });
        }
        places.registry.tarball(package)?;
        on(Event::Advanced(1));
    }
    Ok(())
}

fn read_words(places: &Places<'_>) -> Result<Words, IngestError> {
    let mut words = Words::new();
    for (i, table) in places.pipeline.captions.iter().enumerate() {
        let package = places.package(&table.package, &format!("captions[{i}].package"))?;
        let refuse = |reason: String| IngestError::Member {
            package: package::spec(package),
            file: table.file.clone(),
            reason,
        };
        let members = archive::members(&places.registry.tarball(package)?, &|name| {
            name == table.file
        })?;
        let json = members
            .get(&table.file)
            .ok_or_else(|| refuse("there is no such file".to_owned()))?;
        words::read(table, &package.name, json, &mut words).map_err(refuse)?;
    }
    Ok(words)
}

/// Keeps the subjects that the pipeline asks for; folders of pictures take no part.
fn join(sources: &mut [Planned], words: &Words, pipeline: &Pipeline) {
    let rules = &pipeline.subjects;
    let labelled = |subject: &str| {
        let captions = words.get(subject).map_or(&[][..], Vec::as_slice);
        rules.labelled_in.iter().all(|lang| {
            captions
                .iter()
                .any(|caption| caption.kind == "label" && caption.lang == *lang)
        })
    };
    let declared = pipeline.sources.values().enumerate();
    let joined: Vec<usize> = declared
        .filter(|(_, source)| source::is_of_characters(source))
        .map(|(i, _)| i)
        .collect();
    let mut kept: Option<BTreeSet<Box<str>>> = None;
    for i in &joined {
        let subjects: BTreeSet<Box<str>> = sources[*i]
            .listing
            .items
            .iter()
            .filter_map(|item| item.subject.clone())
            .collect();
        kept = Some(match kept {
            Some(kept) if rules.in_every_style => kept.intersection(&subjects).cloned().collect(),
            Some(kept) => kept.union(&subjects).cloned().collect(),
            None => subjects,
        });
    }
    let kept: BTreeSet<Box<str>> = kept
        .unwrap_or_default()
        .into_iter()
        .filter(|subject| labelled(subject))
        .collect();
    for i in joined {
        sources[i].listing.items.retain(|item| {
            item.subject
                .as_ref()
                .is_some_and(|subject| kept.contains(subject))
        });
    }
}

fn cut(sources: &[Planned], unit_rows: usize) -> Vec<Unit> {
    let mut units = Vec::new();
    for (source, planned) in sources.iter().enumerate() {
        let n_items = planned.listing.items.len();
        for (number, start) in (0..n_items).step_by(unit_rows).enumerate() {
            let items = start..n_items.min(start + unit_rows);
            units.push(Unit {
                source,
                items,
                name: format!("unit-{source:03}-{number:06}"),
            });
        }
    }
    units
}
