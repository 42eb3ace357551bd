//! The studio: one model that restyles and describes, with the text encoder it was trained on.

use std::path::Path;

use idiom_encoders::{Locations, TextEncoder};
use idiom_gan::Encoded;
use idiom_model::restyle::{RestyleModel, load};
use idiom_picture::{Rgb8, Rgba8};
use tch::{Device, Kind, Tensor};

use crate::StudioError;
use crate::background::{Background, background};
use crate::pixels::colours;
use crate::style::{Style, nearest, unit};
use crate::tiles::in_tiles;
use crate::words::{check, encoder_of, sentence};

/// Pixels that are mirrored around a picture while it is restyled. Near an edge of what it sees the generator draws the margin that its
/// training pictures have, which photographs have not.
const FRAME: i64 = 32;
/// Transparent parts lie on white while a picture is restyled, as they did in training.
const PAPER: [u8; 3] = [255, 255, 255];

/// How a picture is restyled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// How far to go from the picture's own style to the wished one, 0 to 1; at 0 the picture comes back as it was.
    pub strength: f64,
    /// What happens to the background.
    pub background: Background,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            strength: 1.0,
            background: Background::Restyled,
        }
    }
}

/// A restyled picture and what the discriminator says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Restyled {
    /// The picture, transparent where the source was.
    pub picture: Rgba8,
    /// Probability that picture and wish belong together, 0 to 1, calibrated on real pictures.
    pub agreement: f64,
}

/// A model that restyles, ready for work.
pub struct Studio {
    pub(crate) model: RestyleModel,
    encoder: Box<dyn TextEncoder>,
}

impl std::fmt::Debug for Studio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Studio({})", self.model.sha256)
    }
}

impl Studio {
    /// Loads the model in `folder` and the text encoder it names.
    ///
    /// # Errors
    /// The model cannot be read, or the encoder at hand is another than the one it was trained on.
    pub fn open(folder: &Path, locations: &Locations, device: Device) -> Result<Self, StudioError> {
        let model = load(folder, device)?;
        let encoder = encoder_of(&model.config.text_encoder, locations, device)?;
        Ok(Self { model, encoder })
    }

    /// A studio of a model and an encoder that were loaded already.
    ///
    /// # Errors
    /// The encoder is another than the one the model was trained on.
    pub fn new(model: RestyleModel, encoder: Box<dyn TextEncoder>) -> Result<Self, StudioError> {
        check(&model.config.text_encoder, &*encoder)?;
        Ok(Self { model, encoder })
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &RestyleModel {
        &self.model
    }

    /// The style that words name, in any language the encoder knows.
    ///
    /// # Errors
    /// No words, or the encoder fails.
    pub fn words(&self, words: &str) -> Result<Style, StudioError> {
        let model = &self.model;
        let sentence = sentence(&*self.encoder, words)?.to_device(model.device);
        let scaled = &sentence * model.config.text_encoder.scale;
        let vector = tch::no_grad(|| model.text_head.forward(&scaled))?;
        let cosines = unit(&model.phrase_vectors).matmul(&unit(&sentence).transpose(0, 1));
        let most_like = cosines.argmax(0, false).f_int64_value(&[0])?;
        let familiarity = cosines.max().f_double_value(&[])?;
        let like = model.config.phrases.get(most_like as usize);
        Ok(Style {
            nearest: nearest(model, &vector)?,
            vector,
            familiarity,
            is_unusual: familiarity < model.config.least_familiar,
            like: like.map_or_else(String::new, |phrase| phrase.text.clone()),
        })
    }

    /// The style that a picture is in.
    ///
    /// # Errors
    /// A picture smaller than the encoder can read.
    pub fn picture(&self, picture: &Rgba8) -> Result<Style, StudioError> {
        let vector = self.seen(picture)?.style;
        Ok(Style {
            nearest: nearest(&self.model, &vector)?,
            vector,
            familiarity: 1.0,
            is_unusual: false,
            like: String::new(),
        })
    }

    /// Styles mixed by weights.
    ///
    /// # Errors
    /// No style, or a weight that is not above 0.
    pub fn mix(&self, parts: &[(Style, f64)]) -> Result<Style, StudioError> {
        Style::mix(&self.model, parts)
    }

    /// The picture in a style, of the same size, transparent where it was; at strength 0 it comes back as it was.
    ///
    /// # Errors
    /// A strength outside 0 to 1, or what libtorch throws.
    pub fn restyle(
        &self,
        picture: &Rgba8,
        style: &Style,
        options: &Options,
    ) -> Result<Restyled, StudioError> {
        self.restyle_from(picture, None, style, options)
    }

    /// As [`Studio::restyle`], on the way from `own` instead of the picture's own style.
    pub(crate) fn restyle_from(
        &self,
        picture: &Rgba8,
        own: Option<&Tensor>,
        style: &Style,
        options: &Options,
    ) -> Result<Restyled, StudioError> {
        let strength = options.strength;
        if !(0.0..=1.0).contains(&strength) {
            return Err(StudioError::Setting {
                name: "strength",
                found: strength.to_string(),
                allowed: "from 0 to 1",
            });
        }
        let flat = picture.on_background(PAPER);
        let source = self.tensor(&flat)?;
        let generator = &self.model.generator;
        let framed = framed(&source)?;
        let draw = |pictures: &Tensor, style: &Tensor| {
            in_tiles(pictures, |tile| Ok(generator.forward(tile, style)?))
        };
        let drawn = tch::no_grad(|| match own {
            Some(own) => (self.model).redraw_from(&framed, own, (&style.vector, strength), draw),
            None => (self.model).redraw_by(&framed, &style.vector, strength, draw),
        })?;
        let (height, width) = (source.size()[2], source.size()[3]);
        let drawn = drawn
            .f_narrow(2, FRAME, height)?
            .f_narrow(3, FRAME, width)?;
        let drawn = drawn.clamp(-1.0, 1.0);
        let agreement = self.agreement(&drawn, style)?;
        let mut restyled = self.pixels(&drawn, picture)?;
        if options.background == Background::Kept {
            keep_background(&mut restyled, picture, &flat);
        }
        Ok(Restyled {
            picture: restyled,
            agreement,
        })
    }

    pub(crate) fn seen(&self, picture: &Rgba8) -> Result<Encoded, StudioError> {
        let pictures = self.tensor(&picture.on_background(PAPER))?;
        Ok(tch::no_grad(|| {
            self.model.picture_encoder.forward(&pictures)
        })?)
    }

    /// The style of a picture as the generator sees it, mirrored at its edges: where a restyling begins.
    pub(crate) fn own_style(&self, picture: &Rgba8) -> Result<Tensor, StudioError> {
        let pictures = framed(&self.tensor(&picture.on_background(PAPER))?)?;
        Ok(tch::no_grad(|| self.model.picture_encoder.forward(&pictures))?.style)
    }

    fn agreement(&self, drawn: &Tensor, style: &Style) -> Result<f64, StudioError> {
        let discriminator = &self.model.discriminator;
        let seen = tch::no_grad(|| {
            let judged = discriminator.features(drawn)?;
            Ok::<_, StudioError>(discriminator.agreement(&judged))
        })?;
        let cosine = (seen * &style.vector)
            .sum(Kind::Double)
            .f_double_value(&[])?;
        Ok(self.model.config.agreement.probability(cosine))
    }

    /// `[1, 3, height, width]` in `[-1, 1]`, both sides enlarged to a multiple of the stride, and to no less than 16, by
    /// repeating the last row and column.
    fn tensor(&self, picture: &Rgb8) -> Result<Tensor, StudioError> {
        let (height, width) = (i64::from(picture.height), i64::from(picture.width));
        let bytes = Tensor::f_from_slice(&picture.pixels)?.f_view([1, height, width, 3])?;
        let planes = bytes.permute([0, 3, 1, 2]).to_device(self.model.device);
        let values = planes.to_kind(Kind::Float) / 127.5 - 1.0;
        let stride = self.model.config.generator.stride().max(4);
        let full = |length: i64| (length.max(16) + stride - 1) / stride * stride;
        let padding = [0, full(width) - width, 0, full(height) - height];
        Ok(values.f_replication_pad2d(padding)?)
    }

    /// The drawn picture cut to the source's size, with the source's alpha.
    fn pixels(&self, drawn: &Tensor, source: &Rgba8) -> Result<Rgba8, StudioError> {
        let (height, width) = (i64::from(source.height), i64::from(source.width));
        let cut = drawn.f_narrow(2, 0, height)?.f_narrow(3, 0, width)?;
        let colours = colours(&cut.get(0))?;
        let pixels = colours.chunks_exact(3).zip(source.pixels.chunks_exact(4));
        Ok(Rgba8 {
            width: source.width,
            height: source.height,
            pixels: pixels
                .flat_map(|(colour, source)| [colour[0], colour[1], colour[2], source[3]])
                .collect(),
        })
    }
}

/// `[1, 3, height, width]` with [`FRAME`] pixels on every side: mirrored, or repeated where the picture is too small for that.
fn framed(pictures: &Tensor) -> Result<Tensor, StudioError> {
    let size = pictures.size();
    if size[2].min(size[3]) > FRAME {
        return Ok(pictures.f_reflection_pad2d([FRAME; 4])?);
    }
    Ok(pictures.f_replication_pad2d([FRAME; 4])?)
}

/// Puts the source's pixels back where the background is. A transparent picture's background is transparent already.
fn keep_background(restyled: &mut Rgba8, source: &Rgba8, flat: &Rgb8) {
    if source.is_transparent() {
        return;
    }
    let places = background(flat);
    let pixels = restyled
        .pixels
        .chunks_exact_mut(4)
        .zip(source.pixels.chunks_exact(4));
    for ((drawn, source), is_background) in pixels.zip(places) {
        if is_background {
            drawn.copy_from_slice(source);
        }
    }
}
