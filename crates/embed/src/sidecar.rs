//! From texts to a sidecar, part by part.
//!
//! Texts are sorted by length and cut into steps, so that the encoder's batches are full; the steps are then taken in the order
//! of a hash, so that the rate of the first ones tells how long the rest will take. Both orders depend on the texts alone.

use crate::texts::{self, Text};
use crate::{EmbedError, Event, Summary};
use idiom_dataset::Dataset;
use idiom_dataset::embeddings::{EmbeddingRow, Embeddings, EmbeddingsWriter};
use idiom_encoders::TextEncoder;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// How the work is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbedOptions {
    /// Texts encoded between two looks at the stop flag.
    pub texts_a_step: usize,
    /// Texts in a file of the sidecar, at least: what a crash can cost.
    pub texts_a_part: usize,
}

impl Default for EmbedOptions {
    fn default() -> Self {
        Self {
            texts_a_step: 1024,
            texts_a_part: 8192,
        }
    }
}

/// Gives every caption and phrase of the dataset its vector by this encoder, once.
///
/// Nothing is encoded where the sidecar has the same texts and the same encoder already.
///
/// # Errors
/// [`EmbedError::Interrupted`] soon after `stop` was set, with all that was encoded saved; the dataset's and the
/// encoder's own.
pub fn embed(
    dataset: &Path,
    encoder: &dyn TextEncoder,
    options: &EmbedOptions,
    on: &(dyn Fn(Event) + Sync),
    stop: &AtomicBool,
) -> Result<Summary, EmbedError> {
    let interrupted = |n_done, n_texts| EmbedError::Interrupted {
        dataset: dataset.into(),
        n_done,
        n_texts,
    };
    let Some(texts) = texts::of_dataset(&Dataset::open(dataset)?, on, stop)? else {
        return Err(interrupted(0, 0));
    };
    if texts.is_empty() {
        return Err(EmbedError::NoTexts {
            dataset: dataset.into(),
        });
    }
    let n_texts = texts.len() as u64;
    let texts_sha256 = texts::sha256_of(&texts);
    let mut summary = Summary {
        skipped: true,
        encoder: encoder.name().into(),
        n_texts,
        n_encoded: 0,
        n_truncated: 0,
    };
    if is_current(dataset, encoder, &texts_sha256)? {
        return Ok(summary);
    }
    summary.skipped = false;
    let writer = EmbeddingsWriter::begin(dataset, encoder.name(), encoder.sha256(), encoder.dim())?;
    let missing: Vec<Text> = texts
        .into_iter()
        .filter(|text| !writer.already_done(&text.sha256))
        .collect();
    let n_done = n_texts - missing.len() as u64;
    if n_done > 0 {
        on(Event::Message(format!(
            "{n_done} of {n_texts} texts have their vectors already"
        )));
    }
    on(Event::Started {
        stage: "vectors",
        total: missing.len() as u64,
    });
    let mut filling = Filling {
        writer,
        part: Vec::new(),
        texts_a_part: options.texts_a_part,
        summary,
    };
    for step in steps(&missing, options.texts_a_step) {
        if stop.load(Ordering::Relaxed) {
            filling.save()?;
            return Err(interrupted(n_done + filling.summary.n_encoded, n_texts));
        }
        filling.add(rows(encoder, &step)?)?;
        on(Event::Advanced(step.len() as u64));
    }
    filling.save()?;
    filling.writer.finish(&texts_sha256)?;
    Ok(filling.summary)
}

/// A sidecar that is being written, with what was encoded for it and is not in a file yet.
struct Filling {
    writer: EmbeddingsWriter,
    part: Vec<EmbeddingRow>,
    texts_a_part: usize,
    summary: Summary,
}

impl Filling {
    /// Takes rows, counts them, and saves what makes a whole part.
    fn add(&mut self, rows: Vec<EmbeddingRow>) -> Result<(), EmbedError> {
        self.summary.n_encoded += rows.len() as u64;
        self.summary.n_truncated += rows.iter().filter(|row| row.truncated).count() as u64;
        self.part.extend(rows);
        if self.part.len() >= self.texts_a_part {
            self.save()?;
        }
        Ok(())
    }

    fn save(&mut self) -> Result<(), EmbedError> {
        self.writer.append(&self.part)?;
        self.part.clear();
        Ok(())
    }
}

fn is_current(
    dataset: &Path,
    encoder: &dyn TextEncoder,
    texts_sha256: &str,
) -> Result<bool, EmbedError> {
    let manifest = Embeddings::manifest_of(dataset, encoder.name())?;
    Ok(manifest.is_some_and(|found| {
        found.encoder_sha256 == encoder.sha256() && found.texts_sha256 == texts_sha256
    }))
}

/// Texts of about one length together, in an order that tells nothing of their length.
fn steps(texts: &[Text], texts_a_step: usize) -> Vec<Vec<&Text>> {
    let mut sorted: Vec<&Text> = texts.iter().collect();
    sorted.sort_by_key(|text| (text.text.len(), text.sha256));
    let mut steps: Vec<Vec<&Text>> = sorted
        .chunks(texts_a_step.max(1))
        .map(<[_]>::to_vec)
        .collect();
    steps.sort_by_key(|step| step.first().map(|text| text.sha256));
    steps
}

fn rows(encoder: &dyn TextEncoder, step: &[&Text]) -> Result<Vec<EmbeddingRow>, EmbedError> {
    let texts: Vec<&str> = step.iter().map(|text| text.text.as_str()).collect();
    let vectors = encoder.encode(&texts)?;
    let row = |(text, vector): (&&Text, idiom_encoders::TextVector)| EmbeddingRow {
        text_sha256: text.sha256,
        embedding: vector.values,
        n_tokens: vector.n_tokens,
        truncated: vector.truncated,
    };
    Ok(step.iter().zip(vectors).map(row).collect())
}
