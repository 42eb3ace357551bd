//! What `config.json` says of a model that draws from words.

use crate::document::{Described, Flaw};
use idiom_gan::text_head::Hearing;
use idiom_gan::{DiscriminatorConfig, GeneratorConfig, TextHeadConfig};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The role of the heads' weights.
pub(crate) const WORDS: &str = "words";

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
    /// Heads whose vectors the generator hears, in the order of their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<String, TextHeadConfig>,
    /// Whether it hears the sentence's own vector beside them.
    #[serde(default)]
    pub hearing: Hearing,
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

impl Described for ModelConfig {
    const TASK: &'static str = "text_to_image";

    fn roles(&self) -> Vec<&'static str> {
        let judge = self.discriminator.is_some().then_some("discriminator");
        let words = (!self.words.is_empty()).then_some(WORDS);
        ["generator"]
            .into_iter()
            .chain(judge)
            .chain(words)
            .collect()
    }

    fn check(&self) -> Result<(), Flaw> {
        let judge = self.discriminator.as_ref();
        for (name, head) in &self.words {
            head.check()?;
            (self.text_encoder).check_dim(&format!("words.{name}.text_dim"), head.text_dim)?;
        }
        self.check_heard("generator.text_dim", self.generator.text_dim)?;
        if let Some(judge) = judge {
            self.check_heard("discriminator.text_dim", judge.text_dim)?;
        }
        self.text_encoder.check()?;
        self.generator.check()?;
        judge.map_or(Ok(()), DiscriminatorConfig::check)?;
        Ok(())
    }
}

impl ModelConfig {
    /// Parts of a sentence that its heads read beside the whole; 0 where they read the whole alone.
    #[must_use]
    pub fn text_parts(&self) -> usize {
        let parts = self.words.values().map(|head| head.parts);
        usize::try_from(parts.max().unwrap_or(0)).unwrap_or(0)
    }

    /// A network must hear just what sentences and heads give.
    fn check_heard(&self, key: &str, dim: i64) -> Result<(), Flaw> {
        let of_heads = self.words.values().map(|head| head.out_dim);
        let heard = self.hearing.dim(self.text_encoder.dim, of_heads);
        if dim == heard {
            return Ok(());
        }
        let text = format!("`{key}` is {dim}, but sentences and heads give {heard}");
        Err(Flaw::Text(text))
    }
}

impl TextEncoderInfo {
    /// A network's text vectors must be as long as the encoder's.
    pub(crate) fn check_dim(&self, key: &str, dim: i64) -> Result<(), Flaw> {
        if dim == self.dim {
            return Ok(());
        }
        let text = format!("`{key}` is {dim}, but `text_encoder.dim` is {}", self.dim);
        Err(Flaw::Text(text))
    }

    /// The scale must be usable.
    pub(crate) fn check(&self) -> Result<(), Flaw> {
        if self.scale.is_finite() && self.scale > 0.0 {
            return Ok(());
        }
        let text = format!(
            "`text_encoder.scale` is {}, but must be above 0",
            self.scale
        );
        Err(Flaw::Text(text))
    }
}
