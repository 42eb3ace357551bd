//! The distinct texts of a dataset: captions of every kind and language, the phrases, and the parts of both.

use crate::{EmbedError, Event};
use idiom_dataset::embeddings::text_sha256;
use idiom_dataset::{Columns, Dataset, Split, digest};
use idiom_encoders::{MOST_PARTS, parts_of};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
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
        add(&mut texts, &record.caption);
        for caption in &record.captions {
            add(&mut texts, &caption.text);
        }
        n_unreported += 1;
        if n_unreported == ROWS_A_REPORT {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            on(Event::Advanced(std::mem::take(&mut n_unreported)));
        }
    }
    on(Event::Advanced(n_unreported));
    for phrase in dataset.phrases()? {
        add(&mut texts, &phrase.text);
    }
    let mut texts: Vec<Text> = texts
        .into_iter()
        .map(|(sha256, text)| Text { sha256, text })
        .collect();
    texts.sort_unstable_by_key(|text| text.sha256);
    Ok(Some(texts))
}

fn add(texts: &mut HashMap<[u8; 32], String>, text: &str) {
    // A text that is known has its parts, too.
    if let Entry::Vacant(place) = texts.entry(text_sha256(text)) {
        place.insert(text.to_owned());
        for part in parts_of(text, MOST_PARTS) {
            let key = text_sha256(part);
            texts.entry(key).or_insert_with(|| part.to_owned());
        }
    }
}

/// Lower-case hex of the sha256 over the keys: equal where two datasets say the same, whatever their pictures.
pub(crate) fn sha256_of(texts: &[Text]) -> String {
    let keys: Vec<u8> = texts.iter().flat_map(|text| text.sha256).collect();
    digest::sha256_hex(&keys)
}
