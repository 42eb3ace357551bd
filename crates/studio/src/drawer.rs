//! Drawing from words alone, with a model of the task `text_to_image`.

use std::path::Path;

use idiom_encoders::{Locations, TextEncoder};
use idiom_gan::Draws;
use idiom_model::{Model, load};
use idiom_picture::Rgba8;
use tch::{Device, Kind, Tensor};

use crate::StudioError;

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
        let wanted = &model.config.text_encoder;
        let encoder = idiom_encoders::load(&wanted.name, locations, device)?;
        if encoder.sha256() != wanted.sha256 {
            return Err(StudioError::OtherEncoder {
                expected: wanted.name.clone(),
                expected_sha256: wanted.sha256.clone(),
                found: encoder.name().to_owned(),
                found_sha256: encoder.sha256().to_owned(),
            });
        }
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
        if words.trim().is_empty() {
            return Err(StudioError::NoWords);
        }
        let encoded = self.encoder.encode(&[words.trim()])?;
        let values = encoded.first().map_or(&[][..], |text| &text.values);
        let text =
            Tensor::f_from_slice(values)?.f_view([1, -1])? * self.model.config.text_encoder.scale;
        let (text, draws) = (text.to_device(self.device), Draws::new(seed, "generate"));
        let latent_dim = self.model.config.generator.latent_dim;
        let mut pictures = Vec::new();
        for first in (0..i64::from(n)).step_by(CHUNK as usize) {
            let length = CHUNK.min(i64::from(n) - first);
            let latent = draws
                .normals(first as u64, length, latent_dim)
                .to_device(self.device);
            let texts = text.f_repeat([length, 1])?;
            let drawn = tch::no_grad(|| self.model.generator.forward(&latent, &texts))?;
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
    let bytes = ((drawn + 1.0) * 127.5)
        .clamp(0.0, 255.0)
        .round()
        .to_kind(Kind::Uint8);
    let flat = bytes
        .permute([1, 2, 0])
        .f_to_device(Device::Cpu)?
        .f_contiguous()?;
    let mut colours = vec![0_u8; flat.numel()];
    flat.f_copy_data(&mut colours, flat.numel())?;
    Ok(Rgba8 {
        width: width as u32,
        height: height as u32,
        pixels: colours
            .chunks_exact(3)
            .flat_map(|colour| [colour[0], colour[1], colour[2], 255])
            .collect(),
    })
}
