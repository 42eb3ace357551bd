//! What `config.json` says.

use crate::ModelError;
use idiom_gan::{DiscriminatorConfig, GeneratorConfig};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The file's name within a model's folder.
pub const CONFIG_FILE: &str = "config.json";

/// The version of the layout; a reader refuses any other.
pub(crate) const LAYOUT_VERSION: u32 = 1;

/// The largest `config.json` that is read, in bytes.
pub(crate) const MOST_CONFIG_BYTES: u64 = 1 << 20;

/// Everything needed to build the networks again and to feed them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct ModelConfig {
    /// What the generator is built from.
    pub generator: GeneratorConfig,
    /// What the discriminator is built from, where it was kept.
    pub discriminator: Option<DiscriminatorConfig>,
    /// The frozen encoder whose vectors the networks were trained on.
    pub text_encoder: TextEncoderInfo,
    /// Where the model comes from, for people: run, data set's hash, images seen.
    pub provenance: BTreeMap<String, String>,
}

/// A frozen text encoder, by name and content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct TextEncoderInfo {
    /// Its short name.
    pub name: String,
    /// The hash over its weights, tokenizer and settings; another hash means other vectors.
    pub sha256: String,
    /// Length of its vectors.
    pub dim: i64,
    /// What its unit vectors are multiplied by before a network sees them: the root of the length brings each entry to unit
    /// variance.
    pub scale: f64,
}

/// One weights file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct FileEntry {
    /// Its name within the folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// The hash of its bytes, lower-case hexadecimal.
    pub sha256: String,
}

/// `config.json` as it stands on disk.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(crate) struct Document {
    pub(crate) layout_version: u32,
    pub(crate) model: ModelConfig,
    pub(crate) files: BTreeMap<String, FileEntry>,
}

impl Document {
    /// Reads and checks the bytes of a `config.json`; `path` is named in the message only.
    pub(crate) fn parse(bytes: &[u8], path: &Path) -> Result<Self, ModelError> {
        let bad = |reason: String| ModelError::Config {
            path: path.to_owned(),
            reason,
        };
        let document: Self =
            serde_json::from_slice(bytes).map_err(|error| bad(error.to_string()))?;
        if document.layout_version != LAYOUT_VERSION {
            let found = document.layout_version;
            return Err(bad(format!(
                "`layout_version` is {found}, but this program reads {LAYOUT_VERSION}"
            )));
        }
        document.check_agreement().map_err(bad)?;
        document.check_files().map_err(bad)?;
        let network = |source| ModelError::Network {
            path: path.to_owned(),
            source,
        };
        document.model.generator.check().map_err(network)?;
        document
            .model
            .discriminator
            .as_ref()
            .map_or(Ok(()), DiscriminatorConfig::check)
            .map_err(network)?;
        Ok(document)
    }

    /// The parts must fit one another.
    fn check_agreement(&self) -> Result<(), String> {
        let ModelConfig {
            generator,
            discriminator,
            text_encoder,
            ..
        } = &self.model;
        let dims = [
            ("generator.text_dim", Some(generator.text_dim)),
            (
                "discriminator.text_dim",
                discriminator.as_ref().map(|config| config.text_dim),
            ),
        ];
        for (key, dim) in dims {
            if dim.is_some_and(|dim| dim != text_encoder.dim) {
                return Err(format!(
                    "`{key}` is {}, but `text_encoder.dim` is {}",
                    dim.unwrap_or(0),
                    text_encoder.dim
                ));
            }
        }
        if !(text_encoder.scale.is_finite() && text_encoder.scale > 0.0) {
            return Err(format!(
                "`text_encoder.scale` is {}, but must be above 0",
                text_encoder.scale
            ));
        }
        Ok(())
    }

    /// A file's name must stay within the folder, and each network must have its file.
    fn check_files(&self) -> Result<(), String> {
        self.files
            .iter()
            .try_for_each(|(role, file)| file.check_name(role))?;
        let wanted = [
            ("generator", true),
            ("discriminator", self.model.discriminator.is_some()),
        ];
        match wanted
            .into_iter()
            .find(|(role, is_wanted)| *is_wanted != self.files.contains_key(*role))
        {
            Some((role, true)) => Err(format!("`files.{role}` is missing")),
            Some((role, false)) => Err(format!(
                "`files.{role}` is there, but `model.{role}` is not"
            )),
            None => Ok(()),
        }
    }
}

impl FileEntry {
    /// A file's name must stay within the model's folder.
    pub(crate) fn check_name(&self, role: &str) -> Result<(), String> {
        let is_plain = Path::new(&self.name)
            .file_name()
            .is_some_and(|name| name == self.name.as_str());
        if is_plain && self.name.ends_with(".safetensors") {
            return Ok(());
        }
        Err(format!(
            "`files.{role}.name` is `{}`, but must be a plain name ending in `.safetensors`",
            self.name
        ))
    }
}
