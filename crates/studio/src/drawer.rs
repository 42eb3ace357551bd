//! Drawing from words alone, with a model of the task `text_to_image`.

use std::path::Path;

use idiom_encoders::{Locations, TextEncoder};
use idiom_gan::Draws;
use idiom_model::{Model, load};
use idiom_picture::Rgba8;
use tch::{Device, Tensor};

use crate::StudioError;
use crate::pixels::colours;
use crate::words::{check, encoder_of, whole_and_parts};

/// Pictures drawn at once.
const CHUNK: i64 = 16;

/// A model that draws from words, ready for work.
pub struct Drawer {
    model: Model,
    encoder: Box<dyn TextEncoder>,
    device: Device,
}

impl std::fmt::Debug for Drawer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Drawer({})", self.model.sha256)
    }
}

impl Drawer {
    /// Loads the model in `folder` and the text encoder it names.
    ///
    /// # Errors
    /// The model cannot be read, or the encoder at hand is another than the one it was trained on.
    pub fn open(folder: &Path, locations: &Locations, device: Device) -> Result<Self, StudioError> {
        let model = load(folder, device)?;
        let encoder = encoder_of(&model.config.text_encoder, locations, device)?;
        Self::new(model, encoder, device)
    }

    /// A drawer of a model and an encoder that were loaded already, on `device`.
    ///
    /// # Errors
    /// The encoder is another than the one the model was trained on.
    pub fn new(
        model: Model,
        encoder: Box<dyn TextEncoder>,
        device: Device,
    ) -> Result<Self, StudioError> {
        check(&model.config.text_encoder, &*encoder)?;
        Ok(Self {
            model,
            encoder,
            device,
        })
    }

    /// The model's identity.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.model.sha256
    }

    /// `n` pictures of what the words say, each from a latent of its own; equal seeds give equal pictures.
    ///
    /// # Errors
    /// No words, or what libtorch throws.
    pub fn draw(&self, words: &str, n: u32, seed: u64) -> Result<Vec<Rgba8>, StudioError> {
        let config = &self.model.config;
        let text = whole_and_parts(&*self.encoder, words, config.text_parts())?;
        let text = text * config.text_encoder.scale;
        let (text, draws) = (text.to_device(self.device), Draws::new(seed, "generate"));
        let latent_dim = self.model.config.generator.latent_dim;
        let mut pictures = Vec::new();
        for first in (0..i64::from(n)).step_by(CHUNK as usize) {
            let length = CHUNK.min(i64::from(n) - first);
            let latent = draws
                .normals(first as u64, length, latent_dim)
                .to_device(self.device);
            let texts = text.f_repeat([length, 1, 1])?;
            let drawn = tch::no_grad(|| self.model.draw(&latent, &texts))?;
            for idx in 0..length {
                pictures.push(opaque(&drawn.get(idx))?);
            }
        }
        Ok(pictures)
    }
}

/// `[3, height, width]` in about `[-1, 1]` to a picture.
fn opaque(drawn: &Tensor) -> Result<Rgba8, StudioError> {
    let (_, height, width) = drawn.size3()?;
    Ok(Rgba8 {
        width: width as u32,
        height: height as u32,
        pixels: colours(drawn)?
            .chunks_exact(3)
            .flat_map(|colour| [colour[0], colour[1], colour[2], 255])
            .collect(),
    })
}
