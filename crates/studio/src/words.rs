//! Words to the sentence vectors that a model was trained on.

use idiom_encoders::{Locations, TextEncoder, parts_of};
use idiom_model::TextEncoderInfo;
use tch::{Device, Tensor};

use crate::StudioError;

/// The text encoder that a model names.
///
/// # Errors
/// It cannot be loaded, or its weights are others than those that the model was trained on.
pub(crate) fn encoder_of(
    wanted: &TextEncoderInfo,
    locations: &Locations,
    device: Device,
) -> Result<Box<dyn TextEncoder>, StudioError> {
    let encoder = idiom_encoders::load(&wanted.name, locations, device)?;
    check(wanted, &*encoder)?;
    Ok(encoder)
}

/// Refuses an encoder with other weights than those that the model was trained on.
///
/// # Errors
/// Its hash differs.
pub(crate) fn check(
    wanted: &TextEncoderInfo,
    encoder: &dyn TextEncoder,
) -> Result<(), StudioError> {
    if encoder.sha256() == wanted.sha256 {
        return Ok(());
    }
    Err(StudioError::OtherEncoder {
        expected: wanted.name.clone(),
        expected_sha256: wanted.sha256.clone(),
        found: encoder.name().to_owned(),
        found_sha256: encoder.sha256().to_owned(),
    })
}

/// The unit vector of a sentence, `[1, text_dim]`, on the CPU.
///
/// # Errors
/// No words, or the encoder fails.
pub(crate) fn sentence(encoder: &dyn TextEncoder, words: &str) -> Result<Tensor, StudioError> {
    Ok(whole_and_parts(encoder, words, 0)?.select(1, 0))
}

/// The unit vectors of a sentence and of its first `most_parts` parts, zeros for those that it has not: `[1, 1 + most_parts, text_dim]`, on the
/// CPU.
///
/// # Errors
/// No words, or the encoder fails.
pub(crate) fn whole_and_parts(
    encoder: &dyn TextEncoder,
    words: &str,
    most_parts: usize,
) -> Result<Tensor, StudioError> {
    let words = words.trim();
    if words.is_empty() {
        return Err(StudioError::NoWords);
    }
    let mut texts = vec![words];
    texts.extend(parts_of(words, most_parts));
    let encoded = encoder.encode(&texts)?;
    let mut values: Vec<f32> = encoded.into_iter().flat_map(|text| text.values).collect();
    values.resize((1 + most_parts) * (values.len() / texts.len()), 0.0);
    Ok(Tensor::f_from_slice(&values)?.f_view([1, 1 + most_parts as i64, -1])?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use idiom_encoders::{EncoderError, TextVector};

    /// Gives how many letters a text has, twice.
    struct Letters;

    impl TextEncoder for Letters {
        fn name(&self) -> &str {
            "letters"
        }

        fn sha256(&self) -> &str {
            "0"
        }

        fn dim(&self) -> usize {
            2
        }

        fn encode(&self, texts: &[&str]) -> Result<Vec<TextVector>, EncoderError> {
            let vector = |text: &&str| TextVector {
                values: vec![text.chars().count() as f32; 2],
                n_tokens: 1,
                truncated: false,
            };
            Ok(texts.iter().map(vector).collect())
        }

        fn token_ids(&self, _texts: &[&str]) -> Result<Vec<Vec<u32>>, EncoderError> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn words_come_whole_and_in_parts_with_zeros_for_those_that_are_not_there() {
        let rows = |words: &str, most_parts| {
            let text = whole_and_parts(&Letters, words, most_parts).unwrap();
            assert_eq!(text.size(), [1, 1 + most_parts as i64, 2]);
            Vec::<f32>::try_from(text.select(2, 1).flatten(0, -1)).unwrap()
        };
        assert_eq!(rows(" a cat, of felt ", 3), [14.0, 5.0, 7.0, 0.0]);
        assert_eq!(rows("a cat", 2), [5.0, 0.0, 0.0]);
        assert_eq!(rows("貓，毛氈", 0), [4.0]);
        assert_eq!(sentence(&Letters, "a cat, of felt").unwrap().size(), [1, 2]);
        assert!(matches!(
            whole_and_parts(&Letters, " ", 1),
            Err(StudioError::NoWords)
        ));
    }
}
