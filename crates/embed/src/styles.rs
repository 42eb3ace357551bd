//! How well the phrases' vectors know the styles: the ceiling that is printed beside a generator's results.

use crate::EmbedError;
use idiom_dataset::embeddings::Embeddings;
use idiom_dataset::{Dataset, Phrase, Split};
use idiom_encoders::EncoderError;
use idiom_encoders::probe::{self, Accuracy, Example};

/// Fits a linear probe on the training phrases' vectors and reads it on the held-out ones, language by language. Empty
/// where the dataset has no phrases, or none held out.
///
/// # Errors
/// Where the phrases cannot be read, or one has no vector.
pub fn probe(dataset: &Dataset, embeddings: &Embeddings) -> Result<Vec<Accuracy>, EmbedError> {
    let phrases = dataset.phrases()?;
    let examples = phrases
        .iter()
        .map(|phrase| example(phrase, embeddings))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(probe::probe(&examples, probe::RIDGE).map_err(EncoderError::from)?)
}

fn example<'a>(phrase: &'a Phrase, embeddings: &'a Embeddings) -> Result<Example<'a>, EmbedError> {
    let Phrase {
        style,
        lang,
        text,
        split,
        ..
    } = phrase;
    let vector = embeddings
        .get(text)
        .ok_or_else(|| EmbedError::NoVector { text: text.clone() })?;
    Ok(Example {
        vector,
        class: style,
        group: lang,
        is_fitted_on: *split == Split::Train,
    })
}
