//! The texts of a dataset nearest to some words, and the rows that they belong to: across languages, where the encoder
//! puts them side by side.

use crate::EmbedError;
use idiom_dataset::embeddings::{Embeddings, text_sha256};
use idiom_dataset::{Caption, Columns, Dataset, Record, Split};
use idiom_encoders::TextEncoder;
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// A text of the dataset, and some of the rows that it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Cosine to the words, -1 to 1.
    pub score: f32,
    /// The text, with its language and kind.
    pub caption: Caption,
    /// Rows that it belongs to.
    pub n_rows: u64,
    /// The first of them by key, with their pictures.
    pub rows: Vec<Record>,
}

/// How much is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchOptions {
    /// Texts.
    pub texts: usize,
    /// Rows whose pictures are kept, for each text.
    pub rows_a_text: usize,
}

/// Finds the nearest texts, the best first; equal scores by text.
///
/// # Errors
/// The dataset was never embedded by this encoder, or cannot be read; the encoder's own.
pub fn search(
    dataset: &Path,
    encoder: &dyn TextEncoder,
    words: &str,
    options: SearchOptions,
) -> Result<Vec<Found>, EmbedError> {
    let embeddings = Embeddings::open(dataset, encoder.name())?;
    let query = encoder.encode(&[words])?.into_iter().next();
    let query = query.map(|vector| vector.values).unwrap_or_default();
    let dataset = Dataset::open(dataset)?;
    // Phrases, and parts of captions, have vectors and no row.
    let mut said = HashSet::new();
    for split in Split::ALL {
        for row in dataset.records(split, Columns::WithoutImage) {
            said.extend(
                row?.captions
                    .iter()
                    .map(|caption| text_sha256(&caption.text)),
            );
        }
    }
    let nearest = embeddings.nearest(&query, options.texts, |key| said.contains(key));
    let ranks: HashMap<[u8; 32], usize> = nearest
        .iter()
        .enumerate()
        .map(|(rank, (key, _))| (*key, rank))
        .collect();
    let mut found: Vec<Option<Found>> = nearest.iter().map(|_| None).collect();
    for split in Split::ALL {
        for row in dataset.records(split, Columns::WithoutImage) {
            let row = row?;
            // A row may say the same in two languages or kinds.
            let mut seen: Vec<usize> = Vec::new();
            for caption in &row.captions {
                let Some(rank) = ranks.get(&text_sha256(&caption.text)) else {
                    continue;
                };
                if seen.contains(rank) {
                    continue;
                }
                seen.push(*rank);
                let entry = found[*rank].get_or_insert_with(|| Found {
                    score: nearest[*rank].1,
                    caption: caption.clone(),
                    n_rows: 0,
                    rows: Vec::new(),
                });
                entry.n_rows += 1;
                if entry.rows.len() < options.rows_a_text {
                    entry.rows.push(row.clone());
                }
            }
        }
    }
    let mut found: Vec<Found> = found.into_iter().flatten().collect();
    add_pictures(&dataset, &mut found)?;
    Ok(found)
}

/// Reads the pictures of the rows that were kept, a row group at a time, and no others.
fn add_pictures(dataset: &Dataset, found: &mut [Found]) -> Result<(), EmbedError> {
    let mut wanted: HashMap<String, Vec<(usize, usize)>> = HashMap::new();
    for (i, one) in found.iter().enumerate() {
        for (j, row) in one.rows.iter().enumerate() {
            wanted.entry(row.key.clone()).or_default().push((i, j));
        }
    }
    for split in Split::ALL {
        for group in dataset.row_groups(split)? {
            let keys = dataset.read_group(&group, Columns::WithoutImage)?;
            if !keys.iter().any(|row| wanted.contains_key(&row.key)) {
                continue;
            }
            for row in dataset.read_group(&group, Columns::All)? {
                for (i, j) in wanted.remove(&row.key).unwrap_or_default() {
                    found[i].rows[j] = row.clone();
                }
            }
        }
    }
    Ok(())
}
