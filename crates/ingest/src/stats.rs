//! `stats.json` and the card: what the dataset holds, in numbers, and what became of everything else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use idiom_dataset::card::{self, CardSource, CardText};
use idiom_dataset::{Counts, Manifest, Record, Reject, Split, commit};
use serde::Serialize;

use crate::IngestError;
use crate::units::Work;

/// The numbers.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Stats {
    counts: Counts,
    rows_by_split: BTreeMap<Split, u64>,
    rows_by_style: BTreeMap<String, u64>,
    subjects: u64,
    captions_by_kind_and_language: BTreeMap<String, BTreeMap<String, u64>>,
    rejects_by_code: BTreeMap<String, u64>,
    /// Rows whose source bytes equal an earlier row's.
    pub(crate) identical_pictures: u64,
    /// What each source held, and how much of it the pipeline's rules for subjects kept.
    sources: Vec<SourceStats>,
    phrases: u64,
    #[serde(skip)]
    seen_subjects: BTreeSet<String>,
}

#[derive(Debug, Serialize)]
struct SourceStats {
    name: String,
    offered: u64,
    kept: u64,
}

impl Stats {
    pub(crate) fn new(work: &Work<'_>, rejects: &[Reject], identical_pictures: u64) -> Self {
        let mut rejects_by_code = BTreeMap::new();
        for reject in rejects {
            *rejects_by_code.entry(reject.code.to_string()).or_default() += 1;
        }
        let sources = work
            .plan
            .sources
            .iter()
            .enumerate()
            .map(|(source, planned)| SourceStats {
                name: planned.listing.name.clone(),
                offered: planned.offered as u64,
                kept: work.plan.n_items(source) as u64,
            })
            .collect();
        let phrases = work.plan.phrases.len() as u64;
        Self {
            rejects_by_code,
            identical_pictures,
            sources,
            phrases,
            ..Self::default()
        }
    }

    pub(crate) fn count(&mut self, record: &Record, split: Split) {
        *self.rows_by_split.entry(split).or_default() += 1;
        if let Some(style) = &record.style {
            *self.rows_by_style.entry(style.clone()).or_default() += 1;
        }
        if let Some(subject) = &record.subject
            && self.seen_subjects.insert(subject.clone())
        {
            self.subjects += 1;
        }
        for caption in &record.captions {
            let languages = self
                .captions_by_kind_and_language
                .entry(caption.kind.clone())
                .or_default();
            *languages.entry(caption.lang.clone()).or_default() += 1;
        }
    }

    pub(crate) fn styles(&self) -> Vec<String> {
        self.rows_by_style.keys().cloned().collect()
    }

    pub(crate) fn languages(&self) -> Vec<String> {
        let languages: BTreeSet<&String> = self
            .captions_by_kind_and_language
            .values()
            .flat_map(BTreeMap::keys)
            .filter(|lang| !lang.is_empty())
            .collect();
        languages.into_iter().cloned().collect()
    }

    /// The most frequent first.
    pub(crate) fn rejects_by_code(&self) -> Vec<(String, u64)> {
        let mut codes: Vec<(String, u64)> = self.rejects_by_code.clone().into_iter().collect();
        codes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        codes
    }
}

/// Writes `stats.json` and the card beside the shards.
pub(crate) fn write(
    stats: &Stats,
    manifest: &Manifest,
    work: &Work<'_>,
    out: &Path,
) -> Result<(), IngestError> {
    let mut fields =
        serde_json::to_value(stats).map_err(|error| IngestError::Internal(error.to_string()))?;
    fields["counts"] = serde_json::json!(manifest.counts);
    let mut json = serde_json::to_vec_pretty(&fields)
        .map_err(|error| IngestError::Internal(error.to_string()))?;
    json.push(b'\n');
    commit::write(&out.join("stats.json"), &json)?;
    let pipeline = work.places.pipeline;
    let sources = pipeline
        .sources
        .values()
        .zip(&work.plan.sources)
        .map(|(source, planned)| CardSource {
            style: source.style.clone().unwrap_or_else(|| "-".to_owned()),
            source: planned.listing.name.trim_start_matches("npm:").to_owned(),
            license: source
                .license
                .clone()
                .unwrap_or_else(|| "unknown".to_owned()),
        });
    let text = CardText {
        description: &pipeline.description,
        sources: sources.collect(),
    };
    Ok(commit::write(
        &out.join("README.md"),
        card::card(manifest, &text).as_bytes(),
    )?)
}
