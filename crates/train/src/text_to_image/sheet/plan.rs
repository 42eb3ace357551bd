//! Which subjects, looks and sentences a sheet shows. The choice depends on the data set and the settings alone.

use std::collections::{BTreeMap, BTreeSet};

use idiom_dataset::{Caption, Columns, Dataset, Record, Split};
use idiom_spec::experiment::Samples;
use serde::Serialize;

use crate::TrainError;
use crate::captions::{COMPOSED, TextTableBuilder};

/// Rows looked at in each split; a sheet of a huge data set does not need to know all of it.
const ROWS_LOOKED_AT: usize = 20_000;
/// Columns where the data set knows no looks.
const PLAIN_COLUMNS: usize = 6;

/// One picture of the sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Cell {
    /// The words it is drawn from.
    pub caption: String,
    /// What it should show, where the data set says so.
    pub subject: Option<String>,
    /// How it should look, where the data set says so.
    pub style: Option<String>,
    /// Whether the subject is trained on.
    pub trained_on: bool,
    /// The caption's number in the text table.
    #[serde(skip)]
    pub text: u32,
}

/// The cells row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    /// All cells; a whole number of rows.
    pub cells: Vec<Cell>,
    /// Cells a row.
    pub columns: usize,
}

/// One subject in all its looks.
#[derive(Debug)]
struct Subject {
    /// By look.
    rows: BTreeMap<String, Record>,
    trained_on: bool,
}

/// Chooses what the sheets show, and takes up the captions' vectors in the table.
///
/// # Errors
/// The data set cannot be read.
pub(crate) fn plan(
    dataset: &Dataset,
    table: &mut TextTableBuilder<'_>,
    options: &Samples,
) -> Result<Layout, TrainError> {
    let looks = &dataset.manifest().styles;
    let columns = options.columns.unwrap_or(if looks.is_empty() {
        PLAIN_COLUMNS
    } else {
        looks.len()
    });
    if looks.is_empty() {
        return plain(dataset, table, options.subjects, columns);
    }
    let looks = &looks[..columns.min(looks.len())];
    let trained = subjects(dataset, Split::Train, looks)?;
    let held_out = subjects(dataset, Split::Validation, looks)?;
    let mut cells = Vec::new();
    for (row, subject) in chosen(&trained, &held_out, options).into_iter().enumerate() {
        let language = language_of(row, subject);
        cells.extend(
            looks
                .iter()
                .filter_map(|look| cell(subject, look, &language, table)),
        );
    }
    if cells.is_empty() {
        tracing::warn!("no subject of the data set has words in every look; the sheets show rows");
        return plain(dataset, table, options.subjects, columns);
    }
    Ok(Layout {
        cells,
        columns: looks.len(),
    })
}

/// The languages in which a subject has sentences take turns.
fn language_of(row: usize, subject: &Subject) -> String {
    let captions = subject.rows.values().flat_map(|record| &record.captions);
    let spoken: BTreeSet<&String> = captions
        .filter(|caption| caption.kind == COMPOSED)
        .map(|caption| &caption.lang)
        .collect();
    spoken
        .iter()
        .nth(row % spoken.len().max(1))
        .map_or_else(String::new, |language| (*language).clone())
}

/// The named subjects first, then some that are trained on, then some that are not, evenly spread.
fn chosen<'a>(
    trained: &'a BTreeMap<String, Subject>,
    held_out: &'a BTreeMap<String, Subject>,
    options: &Samples,
) -> Vec<&'a Subject> {
    let mut chosen = Vec::new();
    for name in &options.named {
        let found = trained
            .values()
            .chain(held_out.values())
            .find(|subject| is_called(subject, name));
        if found.is_none() {
            tracing::warn!(
                "`samples.named`: no picture of the data set is captioned `{name}` in every look; the sheets go without it"
            );
        }
        chosen.extend(found);
    }
    let left = options.subjects.saturating_sub(chosen.len());
    let n_held_out = options.held_out_subjects.min(left);
    chosen.extend(spread(trained, left - n_held_out));
    chosen.extend(spread(held_out, n_held_out));
    chosen
}

/// `n` values at even distances.
fn spread(subjects: &BTreeMap<String, Subject>, n: usize) -> impl Iterator<Item = &Subject> {
    let values: Vec<&Subject> = subjects.values().collect();
    let n = n.min(values.len());
    (0..n).map(move |i| values[(2 * i + 1) * values.len() / (2 * n)])
}

fn is_called(subject: &Subject, name: &str) -> bool {
    let calls = |record: &Record| {
        record.caption == name
            || record
                .captions
                .iter()
                .any(|caption| caption.kind == "label" && caption.text == name)
    };
    subject.rows.values().any(calls)
}

fn subjects(
    dataset: &Dataset,
    split: Split,
    looks: &[String],
) -> Result<BTreeMap<String, Subject>, TrainError> {
    let mut subjects: BTreeMap<String, Subject> = BTreeMap::new();
    for record in dataset
        .records(split, Columns::WithoutImage)
        .take(ROWS_LOOKED_AT)
    {
        let record = record?;
        if let (Some(subject), Some(style)) = (record.subject.clone(), record.style.clone()) {
            let fresh = || Subject {
                rows: BTreeMap::new(),
                trained_on: split == Split::Train,
            };
            subjects
                .entry(subject)
                .or_insert_with(fresh)
                .rows
                .insert(style, record);
        }
    }
    subjects.retain(|_, subject| looks.iter().all(|look| subject.rows.contains_key(look)));
    Ok(subjects)
}

fn cell(
    subject: &Subject,
    look: &str,
    language: &str,
    table: &mut TextTableBuilder<'_>,
) -> Option<Cell> {
    let record = subject.rows.get(look)?;
    let (caption, text) = sentence(record, language, table)?;
    Some(Cell {
        caption,
        subject: record.subject.clone(),
        style: record.style.clone(),
        trained_on: subject.trained_on,
        text,
    })
}

/// A composed sentence in the language, else in any, else any caption that has a vector.
fn sentence(
    record: &Record,
    language: &str,
    table: &mut TextTableBuilder<'_>,
) -> Option<(String, u32)> {
    let rank = |caption: &Caption| (caption.kind != COMPOSED, caption.lang != language);
    let mut captions: Vec<&Caption> = record.captions.iter().collect();
    captions.sort_by_key(|caption| rank(caption));
    let texts = captions
        .into_iter()
        .map(|caption| &caption.text)
        .chain([&record.caption]);
    texts
        .into_iter()
        .find_map(|text| Some((text.clone(), table.number(text)?)))
}

/// For data without looks, or without a subject in all of them: pictures at even distances, each by its own caption.
fn plain(
    dataset: &Dataset,
    table: &mut TextTableBuilder<'_>,
    n_rows: usize,
    columns: usize,
) -> Result<Layout, TrainError> {
    let n_cells = (n_rows * columns) as u64;
    let stride = (dataset.rows(Split::Train).min(ROWS_LOOKED_AT as u64) / n_cells).max(1) as usize;
    let mut cells = Vec::new();
    for record in dataset
        .records(Split::Train, Columns::WithoutImage)
        .take(ROWS_LOOKED_AT)
        .step_by(stride)
    {
        let record = record?;
        if let Some((caption, text)) = sentence(&record, "", table) {
            cells.push(Cell {
                caption,
                subject: record.subject,
                style: record.style,
                trained_on: true,
                text,
            });
        }
    }
    cells.truncate(n_cells as usize);
    let columns = columns.min(cells.len()).max(1);
    cells.truncate(cells.len() / columns * columns);
    Ok(Layout { cells, columns })
}
