//! Words to the sentence vectors that a model was trained on.

use idiom_encoders::{Locations, TextEncoder};
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
    if words.trim().is_empty() {
        return Err(StudioError::NoWords);
    }
    let encoded = encoder.encode(&[words.trim()])?;
    let values = encoded.first().map_or(&[][..], |text| &text.values);
    Ok(Tensor::f_from_slice(values)?.f_view([1, -1])?)
}
