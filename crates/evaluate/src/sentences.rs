//! Which sentences a model is asked to draw, and which phrase of the look stands in each.

use crate::EvaluateError;
use crate::gallery::Gallery;
use idiom_dataset::embeddings::Embeddings;
use idiom_dataset::{Caption, Phrase};
use idiom_encoders::parts_of;
use idiom_gan::Draws;
use std::collections::BTreeMap;
use tch::Tensor;

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

/// The vectors of texts as heads take them that read so many parts beside the whole: `[n, 1 + most_parts, dim]`, zeros for parts that are not
/// there.
///
/// # Errors
/// A text or a part was never embedded.
pub(crate) fn vectors_of<'a>(
    texts: impl Iterator<Item = &'a str>,
    most_parts: usize,
    embeddings: &Embeddings,
) -> Result<Tensor, EvaluateError> {
    let (width, dim) = (1 + most_parts, embeddings.dim());
    let mut values = Vec::new();
    for text in texts {
        let parts = parts_of(text, most_parts).into_iter();
        for text in std::iter::once(text).chain(parts) {
            values.extend_from_slice(embeddings.require(text)?);
        }
        values.resize(values.len().next_multiple_of(width * dim), 0.0);
    }
    Ok(Tensor::f_from_slice(&values)?.f_view([-1, width as i64, dim as i64])?)
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
    use idiom_dataset::embeddings::{EmbeddingRow, EmbeddingsWriter, text_sha256};

    #[test]
    fn texts_come_whole_and_in_parts_and_none_may_lack_its_vector() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EmbeddingsWriter::begin(folder.path(), "toy", "0", 1).unwrap();
        let texts = ["a cat", "a cat, of felt", "of felt", "a dog, of felt"];
        let rows = texts.iter().enumerate().map(|(at, text)| EmbeddingRow {
            text_sha256: text_sha256(text),
            embedding: vec![at as f32 + 1.0],
            n_tokens: 1,
            truncated: false,
        });
        writer.append(&rows.collect::<Vec<_>>()).unwrap();
        writer.finish("0").unwrap();
        let embeddings = Embeddings::open(folder.path(), "toy").unwrap();
        let rows = |texts: &[&str], most_parts| {
            let text = vectors_of(texts.iter().copied(), most_parts, &embeddings)?;
            assert_eq!(text.size(), [texts.len() as i64, 1 + most_parts as i64, 1]);
            Ok::<_, EvaluateError>(Vec::<f32>::try_from(text.flatten(0, -1))?)
        };
        assert_eq!(
            rows(&["a cat, of felt", "a cat"], 3).unwrap(),
            [2.0, 1.0, 3.0, 0.0, 1.0, 0.0, 0.0, 0.0]
        );
        assert_eq!(rows(&["a dog, of felt"], 0).unwrap(), [4.0]);
        let error = rows(&["a dog, of felt"], 1).unwrap_err().to_string();
        assert_eq!(error, "the vectors of `toy` lack the text `a dog`");
    }

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
