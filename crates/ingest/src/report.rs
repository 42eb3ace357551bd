//! One page that shows what a dataset holds: for people who look rather than read.
//!
//! [`report`] reads the rows once without their pictures, and a few row groups with them, and writes one HTML file that needs
//! nothing else: no script, no font, no address. Not here: how the page is laid out (`page`).

mod figures;
mod page;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use idiom_dataset::{Columns, Dataset, Record, RowGroup, Split, commit, rejects, thumbnails};

use crate::{Event, IngestError};
use figures::Figures;

/// Pictures on the contact sheet, at most.
const SHEET: usize = 96;
/// Row groups that they are taken from, at most.
const SHEET_GROUPS: usize = 12;

/// Writes the page about the dataset in `folder` to `out`.
///
/// # Errors
/// The dataset cannot be read, `out` not written, or it was stopped.
pub fn report(
    folder: &Path,
    out: &Path,
    on: &(dyn Fn(Event) + Sync),
    stop: &AtomicBool,
) -> Result<(), IngestError> {
    let dataset = Dataset::open(folder)?;
    let rejects = match &dataset.manifest().rejects {
        Some(file) => rejects::read(&folder.join(&file.path))?,
        None => Vec::new(),
    };
    let thumbnails = match &dataset.manifest().thumbnails {
        Some(file) => thumbnails::read(&folder.join(&file.path))?,
        None => Vec::new(),
    };
    on(Event::Started {
        stage: "rows",
        total: Split::ALL.iter().map(|split| dataset.rows(*split)).sum(),
    });
    let mut figures = Figures::new(&rejects, thumbnails);
    for split in Split::ALL {
        for record in dataset.records(split, Columns::WithoutImage) {
            if stop.load(Ordering::Relaxed) {
                return Err(IngestError::Interrupted {
                    units_done: 0,
                    units_total: 0,
                });
            }
            figures.count(&record?, split);
            on(Event::Advanced(1));
        }
    }
    figures.finish();
    let sheet = sheet(&dataset)?;
    let html = page::page(&dataset, &figures, &sheet);
    Ok(commit::write(out, html.as_bytes())?)
}

/// Rows with their pictures, spread evenly over the dataset.
fn sheet(dataset: &Dataset) -> Result<Vec<Record>, IngestError> {
    let mut groups: Vec<RowGroup> = Vec::new();
    for split in Split::ALL {
        groups.extend(dataset.row_groups(split)?);
    }
    let step = groups.len().div_ceil(SHEET_GROUPS).max(1);
    let chosen: Vec<&RowGroup> = groups.iter().step_by(step).collect();
    let total: u64 = chosen.iter().map(|group| group.rows).sum();
    let mut rows = Vec::new();
    for group in chosen {
        let share = (SHEET as u64 * group.rows)
            .div_ceil(total.max(1))
            .min(group.rows);
        // An odd stride, so that neighbours that differ only in style do not all give the same style.
        let stride = (group.rows / share.max(1)).max(1) as usize;
        let records = dataset.read_group(group, Columns::All)?;
        rows.extend(records.into_iter().step_by(stride | 1).take(share as usize));
    }
    rows.truncate(SHEET);
    Ok(rows)
}
