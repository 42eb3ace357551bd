//! The contrastive model on disk: picture encoder, anchors of the looks, and text heads, in one folder as a generator's.
//!
//! ```text
//! model/
//!   config.json                            what the networks are built from, the looks' names, the text encoder, provenance
//!   contrastive-1a2b3c4d5e6f.safetensors   all weights; the name holds the start of their sha256
//! ```
//! It judges pictures (looks by the anchors, subjects by comparison), gives style vectors, and measures features for a
//! restyling generator. Written and read under the rules of [`crate::save`] and [`crate::load`].

use crate::document::{Described, Flaw};
use crate::load::Read;
use crate::save::{Saved, save_described, tensors_of};
use crate::{ModelError, TextEncoderInfo};
use idiom_gan::{
    Anchors, GanError, PictureEncoder, PictureEncoderConfig, TextHead, TextHeadConfig,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use tch::{Device, nn, nn::VarStore};

/// The role of the one weights file.
const ROLE: &str = "contrastive";

/// Everything needed to build the networks again and to feed them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct ContrastiveConfig {
    /// What the picture encoder is built from.
    pub picture_encoder: PictureEncoderConfig,
    /// The looks it was taught, in the order of the anchors; empty where the data has none.
    pub looks: Vec<String>,
    /// Whether each look has an anchor.
    pub has_anchors: bool,
    /// The head from words to style vectors, where there is one.
    pub style_head: Option<TextHeadConfig>,
    /// The head from words to subject vectors, where there is one.
    pub subject_head: Option<TextHeadConfig>,
    /// What cosines between style vectors are divided by.
    pub style_temperature: f64,
    /// What cosines between subject vectors are divided by.
    pub subject_temperature: f64,
    /// The frozen encoder whose vectors the heads read.
    pub text_encoder: TextEncoderInfo,
    /// Where the model comes from, for people.
    pub provenance: BTreeMap<String, String>,
}

/// The networks, without where their weights lie.
#[derive(Debug)]
pub struct ContrastiveNetworks {
    /// Pictures to style and subject vectors.
    pub encoder: PictureEncoder,
    /// One direction a look.
    pub anchors: Option<Anchors>,
    /// Words to style vectors.
    pub style_head: Option<TextHead>,
    /// Words to subject vectors.
    pub subject_head: Option<TextHead>,
}

impl ContrastiveNetworks {
    /// Networks with fresh weights under `path`.
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(
        path: &nn::Path<'_>,
        config: &ContrastiveConfig,
        seed: u64,
    ) -> Result<Self, GanError> {
        let head = |name: &str, config: &Option<TextHeadConfig>| {
            let build = |config| TextHead::new(&(path / name), config, seed);
            config.as_ref().map(build).transpose()
        };
        let sizes = [config.looks.len() as i64, config.picture_encoder.style_dim];
        let anchors = || Anchors::new(&(path / "anchors"), sizes, seed);
        Ok(Self {
            encoder: PictureEncoder::new(&(path / "picture"), &config.picture_encoder, seed)?,
            anchors: config.has_anchors.then(anchors).transpose()?,
            style_head: head("style_head", &config.style_head)?,
            subject_head: head("subject_head", &config.subject_head)?,
        })
    }
}

/// A contrastive model in memory; no weight requires a gradient.
#[derive(Debug)]
pub struct ContrastiveModel {
    /// What `config.json` says.
    pub config: ContrastiveConfig,
    /// The networks.
    pub networks: ContrastiveNetworks,
    /// The sha256 of `config.json`: the model's identity.
    pub sha256: String,
    /// All weights by name.
    pub weights: VarStore,
}

impl Described for ContrastiveConfig {
    const TASK: &'static str = "contrastive";

    fn roles(&self) -> Vec<&'static str> {
        vec![ROLE]
    }

    fn check(&self) -> Result<(), Flaw> {
        self.text_encoder.check()?;
        self.picture_encoder.check()?;
        let heads = [
            ("style_head.text_dim", &self.style_head),
            ("subject_head.text_dim", &self.subject_head),
        ];
        for (key, head) in heads {
            if let Some(head) = head {
                self.text_encoder.check_dim(key, head.text_dim)?;
                head.check()?;
            }
        }
        Ok(())
    }
}

/// Saves a contrastive model into `folder`; an older one there stays whole until the new one is.
///
/// # Errors
/// The folder cannot be written.
pub fn save_contrastive(
    folder: &Path,
    config: &ContrastiveConfig,
    weights: &VarStore,
) -> Result<Saved, ModelError> {
    save_described(folder, config, vec![(ROLE, tensors_of(weights))])
}

/// Loads the contrastive model in `folder` onto `device`.
///
/// # Errors
/// A file that is missing, damaged or changed, a model of another task, or weights that do not fit the configuration.
pub fn load_contrastive(folder: &Path, device: Device) -> Result<ContrastiveModel, ModelError> {
    let read = Read::<ContrastiveConfig>::open(folder)?;
    let mut weights = VarStore::new(device);
    // The seed does not matter: every weight is overwritten.
    let networks = ContrastiveNetworks::new(&weights.root(), &read.document.model, 0);
    let networks = networks.map_err(|source| ModelError::Network {
        path: folder.to_owned(),
        source,
    })?;
    read.fill(ROLE, &mut weights)?;
    Ok(ContrastiveModel {
        config: read.document.model,
        networks,
        sha256: read.sha256,
        weights,
    })
}
