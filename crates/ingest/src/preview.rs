//! What a pipeline would read, without writing: for each source its kind, how much it offers, some pictures as they would
//! become rows, and what would be refused by its name alone.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use idiom_dataset::{Record, Reject, Split};
use idiom_picture::Watched;
use idiom_spec::pipeline::Source;

use crate::plan::{Plan, Planned};
use crate::row::{Offered, Recipe};
use crate::source::{self, Item, Places};
use crate::{IngestError, REVISION};

/// Pictures of each source that are read.
const SAMPLES: usize = 3;

/// What a pipeline would read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The pipeline's name.
    pub name: String,
    /// Units of work that it would be cut into.
    pub units: usize,
    /// Its sources, in its order.
    pub sources: Vec<SourcePreview>,
}

/// What one source would give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePreview {
    /// Its name in the pipeline.
    pub name: String,
    /// Its kind, as the pipeline spells it.
    pub kind: &'static str,
    /// Where its pictures are.
    pub place: String,
    /// Pictures that it offers.
    pub offered: usize,
    /// Pictures that the pipeline's rules for subjects keep.
    pub kept: usize,
    /// Some of them, spread over the source.
    pub samples: Vec<Sample>,
    /// Codes of what is refused by its name alone: how often, and the first such member.
    pub problems: BTreeMap<String, (usize, String)>,
}

/// What one picture would become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The row's key.
    pub key: String,
    /// The row in words, or the code and reason of its refusal.
    pub outcome: Result<String, String>,
}

/// Lists and samples every source.
pub(crate) fn make(
    plan: &Plan,
    places: &Places<'_>,
    recipe: &Recipe<'_>,
) -> Result<Preview, IngestError> {
    let sources = places.pipeline.sources.iter().zip(&plan.sources);
    Ok(Preview {
        name: places.pipeline.name.clone(),
        units: plan.units.len(),
        sources: sources
            .map(|((name, source), planned)| {
                Ok(SourcePreview {
                    name: name.clone(),
                    kind: source::kind(source)?.name(),
                    place: planned.listing.name.clone(),
                    offered: planned.offered,
                    kept: planned.listing.items.len(),
                    samples: samples(source, planned, places, recipe)?,
                    problems: problems(&planned.listing.rejects),
                })
            })
            .collect::<Result<_, IngestError>>()?,
    })
}

fn samples(
    source: &Source,
    planned: &Planned,
    places: &Places<'_>,
    recipe: &Recipe<'_>,
) -> Result<Vec<Sample>, IngestError> {
    let items = &planned.listing.items;
    let step = items.len().div_ceil(SAMPLES).max(1);
    let chosen: Vec<Item> = items.iter().step_by(step).cloned().collect();
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let reader = source::open(source, &planned.listing, places)?;
    let seconds = places.pipeline.picture.max_seconds;
    let mut watched = Watched::new(Duration::from_secs(u64::from(seconds)));
    let mut samples = Vec::new();
    for item in &chosen {
        let raw = reader.pictures(std::slice::from_ref(item)).next();
        let offered = Offered {
            item,
            source,
            source_name: &planned.listing.name,
        };
        let row = raw.map(|raw| raw.and_then(|raw| recipe.row(offered, raw, &mut watched)));
        samples.extend(row.map(|row| {
            Sample {
                key: item.key.to_string(),
                outcome: row
                    .map(|(record, split)| described(&record, split))
                    .map_err(|fault| format!("{}: {}", fault.code, fault.message)),
            }
        }));
    }
    Ok(samples)
}

fn described(record: &Record, split: Split) -> String {
    let lang = record.captions.first().map_or("", |caption| &caption.lang);
    format!(
        "{} {}x{} -> {}x{}, {}, {}, the first{}{lang}: {}",
        record.format,
        record.orig_width,
        record.orig_height,
        record.width,
        record.height,
        split.name(),
        counted(record.captions.len(), "caption"),
        if lang.is_empty() { "" } else { " in " },
        record.caption
    )
}

/// How many of something there are, in words.
fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn problems(rejects: &[Reject]) -> BTreeMap<String, (usize, String)> {
    let mut problems = BTreeMap::new();
    for reject in rejects {
        let entry = problems
            .entry(reject.code.to_string())
            .or_insert_with(|| (0, reject.member.to_string()));
        entry.0 += 1;
    }
    problems
}

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept: usize = self.sources.iter().map(|source| source.kept).sum();
        writeln!(
            f,
            "{}: {} of {} in {} of work (nothing was written; revision {REVISION})",
            self.name,
            counted(kept, "picture"),
            counted(self.sources.len(), "source"),
            counted(self.units, "unit")
        )?;
        for source in &self.sources {
            write!(f, "\n{source}")?;
        }
        Ok(())
    }
}

impl fmt::Display for SourcePreview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            kind,
            place,
            offered,
            kept,
            ..
        } = self;
        let offered = counted(*offered, "picture");
        writeln!(f, "{name} ({kind}, {place}): {kept} of {offered}")?;
        for sample in &self.samples {
            match &sample.outcome {
                Ok(row) => writeln!(f, "  {}: {row}", sample.key)?,
                Err(fault) => writeln!(f, "  {}: REFUSED {fault}", sample.key)?,
            }
        }
        for (code, (n, first)) in &self.problems {
            writeln!(
                f,
                "  refused by name: {code} {}, the first `{first}`",
                counted(*n, "time")
            )?;
        }
        Ok(())
    }
}
