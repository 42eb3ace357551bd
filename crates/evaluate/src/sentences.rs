//! Which sentences a model is asked to draw, and which phrase of the look stands in each.

use crate::gallery::Gallery;
use idiom_dataset::embeddings::Embeddings;
use idiom_dataset::{Caption, Phrase};
use idiom_encoders::parts_of;
use idiom_gan::Draws;
use std::collections::BTreeMap;
use tch::{TchError, Tensor};

/// Kind of a caption that says subject and look in one sentence.
const COMPOSED: &str = "composed";

/// One sentence to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// Row of the gallery that it describes.
    pub row: usize,
    /// The words.
    pub text: String,
    /// Their language.
    pub lang: String,
}

/// At most `limit` sentences in each language, one a row, rows evenly spread: a composed sentence where the data has any, else whatever
/// caption there is. Only sentences that were embedded are asked for.
#[must_use]
pub fn sentences(
    gallery: &Gallery,
    embeddings: &Embeddings,
    limit: usize,
    seed: u64,
) -> BTreeMap<String, Vec<Sentence>> {
    let composed = gallery
        .rows
        .iter()
        .any(|row| row.captions.iter().any(|caption| caption.kind == COMPOSED));
    let draws = Draws::new(seed, "sentence");
    let mut found: BTreeMap<String, Vec<Sentence>> = BTreeMap::new();
    for (row, record) in gallery.rows.iter().enumerate() {
        let primary = Caption {
            text: record.caption.clone(),
            ..Caption::default()
        };
        let mut of_lang: BTreeMap<&str, Vec<&Caption>> = BTreeMap::new();
        for caption in record.captions.iter().chain([&primary]) {
            let is_wanted = !composed || caption.kind == COMPOSED;
            if is_wanted && embeddings.get(&caption.text).is_some() {
                of_lang.entry(&caption.lang).or_default().push(caption);
            }
        }
        for (lang, captions) in of_lang {
            let at = draws.sample(row as u64).below(captions.len() as u64) as usize;
            found.entry(lang.to_owned()).or_default().push(Sentence {
                row,
                text: captions[at].text.clone(),
                lang: lang.to_owned(),
            });
        }
    }
    found.values_mut().for_each(|all| *all = spread(all, limit));
    found
}

/// The vectors of texts as heads take them that read so many parts beside the whole: `[n, 1 + most_parts, dim]`, zeros for what was never
/// embedded.
pub(crate) fn vectors_of<'a>(
    texts: impl Iterator<Item = &'a str>,
    most_parts: usize,
    embeddings: &Embeddings,
) -> Result<Tensor, TchError> {
    let nothing = vec![0.0; embeddings.dim()];
    let rows = texts.flat_map(|text| {
        let parts = parts_of(text, most_parts).into_iter();
        let parts = parts.chain(std::iter::repeat("")).take(most_parts);
        std::iter::once(text).chain(parts)
    });
    let rows = rows.map(|text| embeddings.get(text).unwrap_or(&nothing));
    let values = rows.collect::<Vec<_>>().concat();
    let shape = [-1, 1 + most_parts as i64, embeddings.dim() as i64];
    Tensor::f_from_slice(&values)?.f_view(shape)
}

/// At most `limit` of them, evenly spread over the whole.
fn spread(all: &[Sentence], limit: usize) -> Vec<Sentence> {
    let n = all.len().min(limit);
    (0..n).map(|idx| all[idx * all.len() / n].clone()).collect()
}

/// Means of `values` by the phrase that stands in the sentence they belong to, for intervals over phrases; a sentence without a
/// known phrase is a unit of its own.
#[must_use]
pub fn by_phrase(sentences: &[Sentence], values: &[bool], phrases: &[Phrase]) -> Vec<f64> {
    let mut units: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for (sentence, value) in sentences.iter().zip(values) {
        let inside = phrases
            .iter()
            .filter(|phrase| phrase.lang == sentence.lang && sentence.text.contains(&phrase.text));
        let longest = inside.max_by_key(|phrase| phrase.text.len());
        let unit = longest.map_or(sentence.text.as_str(), |phrase| phrase.text.as_str());
        let entry = units.entry(unit).or_default();
        entry.0 += f64::from(u8::from(*value));
        entry.1 += 1.0;
    }
    units.values().map(|(sum, n)| sum / n).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use idiom_dataset::Split;

    #[test]
    fn sentences_with_one_phrase_are_one_unit() {
        let sentence = |text: &str| Sentence {
            row: 0,
            text: text.into(),
            lang: "en".into(),
        };
        let phrase = |text: &str| Phrase {
            style: "clay".into(),
            lang: "en".into(),
            text: text.into(),
            kind: "colloquial".into(),
            split: Split::Test,
        };
        let all = [
            sentence("squishy clay: cat"),
            sentence("dog, squishy clay"),
            sentence("a cat"),
        ];
        let phrases = [phrase("clay"), phrase("squishy clay")];
        let mut units = by_phrase(&all, &[true, false, true], &phrases);
        units.sort_by(f64::total_cmp);
        assert_eq!(units, [0.5, 1.0]);
    }

    #[test]
    fn a_spread_takes_from_beginning_to_end() {
        let all: Vec<Sentence> = (0..10)
            .map(|row| Sentence {
                row,
                text: String::new(),
                lang: String::new(),
            })
            .collect();
        let rows: Vec<usize> = spread(&all, 5).iter().map(|s| s.row).collect();
        assert_eq!(rows, [0, 2, 4, 6, 8]);
        assert_eq!(spread(&all, 50).len(), 10);
    }
}
