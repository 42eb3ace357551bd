//! A model that restyles: generator, discriminator, picture encoder and text head, and the words and styles it knows.
//!
//! Besides the weights it holds what a use needs of the data set, so that the data set itself is not needed: the styles with their mean
//! vectors, the phrases it was trained on with their sentence vectors (role `phrases`), and two calibrations. The discriminator's
//! agreement, a cosine, becomes a probability by a logistic curve (Platt 1999) fitted on held-out pictures; words are called unusual
//! where their sentence is less like any known phrase than nearly all held-out phrases were.

use crate::ModelError;
use crate::config::TextEncoderInfo;
use crate::document::{Described, Flaw};
use crate::load::Read;
use crate::naming::{self, Naming, NamingVectors};
use crate::save::{Saved, save_described, tensors_of};
use idiom_gan::restyle::{
    RestyleDiscriminator, RestyleDiscriminatorConfig, RestyleGenerator, RestyleGeneratorConfig,
};
use idiom_gan::{GanError, PictureEncoder, PictureEncoderConfig, TextHead, TextHeadConfig};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use tch::nn::VarStore;
use tch::{Device, Tensor};

/// Name of the one tensor of the role `phrases`.
const PHRASE_VECTORS: &str = "sentence_vectors";

/// Everything needed to build the networks again, to feed them, and to say what they know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct RestyleConfig {
    /// Side of the pictures it was trained on, in pixels.
    pub resolution: i64,
    /// What the generator is built from.
    pub generator: RestyleGeneratorConfig,
    /// What the discriminator is built from.
    pub discriminator: RestyleDiscriminatorConfig,
    /// What the picture encoder is built from.
    pub picture_encoder: PictureEncoderConfig,
    /// What the text head is built from.
    pub text_head: TextHeadConfig,
    /// The frozen encoder whose sentence vectors the text head takes.
    pub text_encoder: TextEncoderInfo,
    /// The styles it was trained on.
    pub styles: Vec<KnownStyle>,
    /// The phrases it was trained on, in the order of their vectors.
    pub phrases: Vec<KnownPhrase>,
    /// From agreement to a probability.
    pub agreement: Calibration,
    /// Words whose sentence vector has a smaller cosine than this with every known phrase are unusual.
    pub least_familiar: f64,
    /// What it can name in a picture; older models cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub naming: Option<Naming>,
    /// Licences of the pictures it was trained on, as SPDX expressions, with the number of pictures.
    pub licences: BTreeMap<String, u64>,
    /// Where the model comes from, for people.
    pub provenance: BTreeMap<String, String>,
}

/// A style the model was trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct KnownStyle {
    /// As the data set calls it.
    pub name: String,
    /// Training pictures in it.
    pub n_pictures: u64,
    /// Mean style vector of its phrases, of length 1.
    pub vector: Vec<f32>,
}

/// A phrase the model was trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct KnownPhrase {
    /// The words.
    pub text: String,
    /// Their language.
    pub language: String,
    /// The number of the style they name.
    pub style: usize,
}

/// `1 / (1 + exp(-(slope * x + offset)))`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Calibration {
    /// How steep.
    pub slope: f64,
    /// Where.
    pub offset: f64,
}

impl Calibration {
    /// The probability of `x`, 0 to 1.
    #[must_use]
    pub fn probability(&self, x: f64) -> f64 {
        1.0 / (1.0 + (-(self.slope * x + self.offset)).exp())
    }
}

/// The networks while they are trained, by role.
#[derive(Debug)]
pub struct RestyleStores<'a> {
    /// The averaged generator.
    pub generator: &'a VarStore,
    /// The discriminator.
    pub discriminator: &'a VarStore,
    /// Picture encoder (under `picture`) and text head (under `words`).
    pub encoder: &'a VarStore,
}

/// A model in memory; no weight requires a gradient.
#[derive(Debug)]
pub struct RestyleModel {
    /// What `config.json` says.
    pub config: RestyleConfig,
    /// Redraws.
    pub generator: RestyleGenerator,
    /// Judges.
    pub discriminator: RestyleDiscriminator,
    /// Style and subject of pictures.
    pub picture_encoder: PictureEncoder,
    /// Style of words.
    pub text_head: TextHead,
    /// Sentence vectors of the known phrases, unit variance per entry: `[phrases, text_dim]`.
    pub phrase_vectors: Tensor,
    /// Directions of the looks and subjects that it can name.
    pub naming_vectors: Option<NamingVectors>,
    /// The sha256 of `config.json`: the model's identity.
    pub sha256: String,
    /// Where its weights are.
    pub device: Device,
}

impl RestyleModel {
    /// Pictures `[n, 3, height, width]` in `[-1, 1]`, on the way from their own style (at strength 0, where they come back as they
    /// were) to `wished [n, style_dim]`, unit rows, at strength 1. Not clamped.
    ///
    /// # Errors
    /// Tensors of other shapes.
    pub fn redraw(
        &self,
        pictures: &Tensor,
        wished: &Tensor,
        strength: f64,
    ) -> Result<Tensor, GanError> {
        self.redraw_by(pictures, wished, strength, |pictures, style| {
            self.generator.forward(pictures, style)
        })
    }

    /// As [`RestyleModel::redraw`], with the generator called by `draw(pictures, style)`, which may do it in tiles.
    ///
    /// The vector moves from the pictures' own style to the wished one, and what the generator loses of a picture when asked for
    /// its own style is given back in the measure in which the picture keeps its style.
    ///
    /// # Errors
    /// Tensors of other shapes, or what `draw` gives.
    pub fn redraw_by<E: From<GanError>>(
        &self,
        pictures: &Tensor,
        wished: &Tensor,
        strength: f64,
        draw: impl Fn(&Tensor, &Tensor) -> Result<Tensor, E>,
    ) -> Result<Tensor, E> {
        if strength >= 1.0 {
            return draw(pictures, &(wished * (wished.size()[1] as f64).sqrt()));
        }
        let own = self.picture_encoder.forward(pictures)?.style;
        self.redraw_from(pictures, &own, (wished, strength), draw)
    }

    /// As [`RestyleModel::redraw_by`], on the way from `own [n, style_dim]`, unit rows: the frames of a clip share the first one's.
    ///
    /// # Errors
    /// As [`RestyleModel::redraw_by`].
    pub fn redraw_from<E: From<GanError>>(
        &self,
        pictures: &Tensor,
        own: &Tensor,
        (wished, strength): (&Tensor, f64),
        draw: impl Fn(&Tensor, &Tensor) -> Result<Tensor, E>,
    ) -> Result<Tensor, E> {
        let scale = (wished.size()[1] as f64).sqrt();
        if strength >= 1.0 {
            return draw(pictures, &(wished * scale));
        }
        let between = own * (1.0 - strength) + wished * strength;
        let squares = between.square();
        let lengths = squares
            .sum_dim_intlist([1_i64].as_slice(), true, tch::Kind::Float)
            .sqrt();
        let lost = pictures - draw(pictures, &(own * scale))?;
        let drawn = draw(pictures, &(between / (lengths + 1e-6) * scale))?;
        Ok(drawn + lost * (1.0 - strength))
    }
}

impl Described for RestyleConfig {
    const TASK: &'static str = "restyle";

    fn roles(&self) -> Vec<&'static str> {
        let naming = self.naming.is_some().then_some(naming::ROLE);
        let always = ["generator", "discriminator", "encoder", "phrases"];
        always.into_iter().chain(naming).collect()
    }

    fn check(&self) -> Result<(), Flaw> {
        (self.text_encoder).check_dim("text_head.text_dim", self.text_head.text_dim)?;
        self.text_encoder.check()?;
        self.generator.check()?;
        self.discriminator.check()?;
        self.picture_encoder.check()?;
        self.text_head.check()?;
        self.naming.as_ref().map_or(Ok(()), Naming::check)?;
        let dim = self.picture_encoder.style_dim;
        let others = [
            ("generator.style_dim", self.generator.style_dim),
            ("discriminator.style_dim", self.discriminator.style_dim),
            ("text_head.out_dim", self.text_head.out_dim),
        ];
        for (key, found) in others {
            if found != dim {
                let text = format!("`{key}` is {found}, but `picture_encoder.style_dim` is {dim}");
                return Err(Flaw::Text(text));
            }
        }
        let is_short = |style: &&KnownStyle| style.vector.len() as i64 != dim;
        if let Some(style) = self.styles.iter().find(is_short) {
            let n = style.vector.len();
            let text = format!(
                "the vector of style `{}` has {n} entries, not {dim}",
                style.name
            );
            return Err(Flaw::Text(text));
        }
        let n_styles = self.styles.len();
        match self.phrases.iter().find(|phrase| phrase.style >= n_styles) {
            Some(phrase) => Err(Flaw::Text(format!(
                "the phrase `{}` names style {}, but there are {n_styles}",
                phrase.text, phrase.style
            ))),
            None => Ok(()),
        }
    }
}

/// Saves a model into `folder`; `phrase_vectors [phrases, text_dim]` belong to the configuration's phrases, `naming` to its naming.
///
/// # Errors
/// The folder cannot be written, or a weight is of a type that is not stored.
pub fn save(
    folder: &Path,
    config: &RestyleConfig,
    stores: &RestyleStores<'_>,
    phrase_vectors: &Tensor,
    naming: Option<&NamingVectors>,
) -> Result<Saved, ModelError> {
    let phrases = vec![(PHRASE_VECTORS.to_owned(), phrase_vectors.shallow_clone())];
    let mut networks = vec![
        ("generator", tensors_of(stores.generator)),
        ("discriminator", tensors_of(stores.discriminator)),
        ("encoder", tensors_of(stores.encoder)),
        ("phrases", phrases),
    ];
    networks.extend(naming.map(|vectors| (naming::ROLE, vectors.named())));
    save_described(folder, config, networks)
}

/// Loads the model in `folder` onto `device`.
///
/// # Errors
/// A file that is missing, damaged or changed, or weights that do not fit the configuration.
pub fn load(folder: &Path, device: Device) -> Result<RestyleModel, ModelError> {
    let read = Read::<RestyleConfig>::open(folder)?;
    let config = read.document.model.clone();
    let network = |source: GanError| ModelError::Network {
        path: folder.to_owned(),
        source,
    };
    let new = || VarStore::new(device);
    let (mut generator_store, mut judge_store, mut encoder_store) = (new(), new(), new());
    // The seed does not matter: every weight is overwritten.
    let generator =
        RestyleGenerator::new(&generator_store.root(), &config.generator, 0).map_err(network)?;
    let discriminator = RestyleDiscriminator::new(&judge_store.root(), &config.discriminator, 0)
        .map_err(network)?;
    let root = encoder_store.root();
    let picture_encoder =
        PictureEncoder::new(&(&root / PICTURE), &config.picture_encoder, 0).map_err(network)?;
    let text_head = TextHead::new(&(&root / WORDS), &config.text_head, 0).map_err(network)?;
    read.fill("generator", &mut generator_store)?;
    read.fill("discriminator", &mut judge_store)?;
    read.fill("encoder", &mut encoder_store)?;
    let phrase_vectors = phrase_vectors(&read, folder)?.to_device(device);
    Ok(RestyleModel {
        naming_vectors: NamingVectors::read(&read, folder, device)?,
        config,
        generator,
        discriminator,
        picture_encoder,
        text_head,
        phrase_vectors,
        sha256: read.sha256,
        device,
    })
}

/// Where the picture encoder's weights lie within the encoder's store.
pub const PICTURE: &str = "picture";
/// Where the text head's weights lie within the encoder's store.
pub const WORDS: &str = "words";

fn phrase_vectors(read: &Read<RestyleConfig>, folder: &Path) -> Result<Tensor, ModelError> {
    let config = &read.document.model;
    let expected = [config.phrases.len() as i64, config.text_encoder.dim];
    let tensors = read.tensors("phrases")?;
    let found = tensors.into_iter().find(|(name, _)| name == PHRASE_VECTORS);
    match found {
        Some((_, vectors)) if vectors.size() == expected => Ok(vectors),
        found => Err(ModelError::Damaged {
            path: folder.to_owned(),
            reason: format!(
                "the phrases' vectors should have the shape {expected:?}, but are {:?}",
                found.map(|(_, vectors)| vectors.size())
            ),
        }),
    }
}
