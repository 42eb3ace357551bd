//! The distinct texts of a dataset: captions of every kind and language, and the phrases.

use crate::{EmbedError, Event};
use idiom_dataset::embeddings::text_sha256;
use idiom_dataset::{Columns, Dataset, Split, digest};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// Rows between two reports of progress.
const ROWS_A_REPORT: u64 = 1000;

/// A text and its key in the sidecar.
pub(crate) struct Text {
    pub(crate) sha256: [u8; 32],
    pub(crate) text: String,
}

/// All of them, by key; `None` where somebody asked to stop.
pub(crate) fn of_dataset(
    dataset: &Dataset,
    on: &(dyn Fn(Event) + Sync),
    stop: &AtomicBool,
) -> Result<Option<Vec<Text>>, EmbedError> {
    on(Event::Started {
        stage: "captions",
        total: Split::ALL.iter().map(|split| dataset.rows(*split)).sum(),
    });
    let mut texts = HashMap::new();
    let mut n_unreported = 0;
    for record in Split::ALL
        .iter()
        .flat_map(|split| dataset.records(*split, Columns::WithoutImage))
    {
        let record = record?;
        add(&mut texts, record.caption);
        record
            .captions
            .into_iter()
            .for_each(|caption| add(&mut texts, caption.text));
        n_unreported += 1;
        if n_unreported == ROWS_A_REPORT {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            on(Event::Advanced(std::mem::take(&mut n_unreported)));
        }
    }
    on(Event::Advanced(n_unreported));
    dataset
        .phrases()?
        .into_iter()
        .for_each(|phrase| add(&mut texts, phrase.text));
    let mut texts: Vec<Text> = texts
        .into_iter()
        .map(|(sha256, text)| Text { sha256, text })
        .collect();
    texts.sort_unstable_by_key(|text| text.sha256);
    Ok(Some(texts))
}

fn add(texts: &mut HashMap<[u8; 32], String>, text: String) {
    texts.entry(text_sha256(&text)).or_insert(text);
}

/// Lower-case hex of the sha256 over the keys: equal where two datasets say the same, whatever their pictures.
pub(crate) fn sha256_of(texts: &[Text]) -> String {
    let keys: Vec<u8> = texts.iter().flat_map(|text| text.sha256).collect();
    digest::sha256_hex(&keys)
}
