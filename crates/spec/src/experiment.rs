//! What an experiment file says: which data, which networks, which objective, how long, and what is kept.
//!
//! Every key has a default (see [`defaults`](self::defaults)) except `name` and `dataset`, and the resolved file,
//! defaults included, is written beside each run. Lengths are counted in pictures seen, not in steps, so that a
//! change of the batch size changes nothing else. Not here: reading YAML, `extends` and overrides ([`crate::document`]),
//! and the networks themselves.

mod contrastive;
mod data;
pub mod defaults;
mod networks;
mod objective;
mod restyle;
mod running;
mod stage;
mod sweep;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use contrastive::{Contrastive, Fading, Guide, Hearing};
pub use data::{Adaptive, Augment, Captions, Loader, PhraseKinds};
pub use networks::{Discriminator, Generator, Normalization, Stages, Trunk, Upsampling};
pub use objective::{
    Adam, Ema, Objective, ObjectiveKind, Optimizers, Penalty, PenaltyKind, WarmStart,
};
pub use restyle::{
    Pairs, Restyle, RestyleDiscriminator, RestyleGenerator, RestyleWeights, StyleEncoder,
};
pub use running::{Checkpoint, DeviceChoice, Logging, Precision, Samples, Tracking, Train};
pub use stage::Stage;
pub use sweep::{Member, Sweep};

/// One experiment: everything that decides what a run computes, and what it keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Experiment {
    /// What the experiment is called; part of the run's name. Letters, digits, `-`, `_` and `.`, at most 64.
    #[garde(custom(file_name))]
    pub name: String,
    /// The data to learn from: the name of a pipeline's data set, or the path of a data set's folder.
    #[garde(length(min = 1))]
    pub dataset: String,
    /// The text encoder whose vectors stand beside the data set: a built-in name, a folder, or a hub id.
    #[garde(length(min = 1))]
    #[serde(default = "defaults::encoder")]
    pub encoder: String,
    /// What is learnt.
    #[garde(skip)]
    #[serde(default)]
    pub task: Task,
    /// Side of the drawn pictures in pixels: 16, 32, 64, 128 or 256, and no more than the data set's.
    #[garde(custom(power_of_two))]
    #[serde(default = "defaults::resolution")]
    pub resolution: i64,
    /// Weights to begin with: a run's name, a model's or run's folder, a safetensors file, or a hub id `owner/name`. Layers are
    /// matched by name; those of another shape are refused, those that are missing begin fresh.
    #[garde(inner(length(min = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_from: Option<String>,
    /// Layers that do not learn, by network and name: `generator.text_head`, or `discriminator` for all of it; at most 64.
    #[garde(length(max = 64))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<String>,
    /// Length, seed, batch and machine.
    #[garde(dive)]
    #[serde(default)]
    pub train: Train,
    /// The network that draws.
    #[garde(dive)]
    #[serde(default)]
    pub generator: Generator,
    /// The network that judges.
    #[garde(dive)]
    #[serde(default)]
    pub discriminator: Discriminator,
    /// A beginning without a judge; left out for none.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_start: Option<WarmStart>,
    /// A contrastive network that learns first and helps; left out for none.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide: Option<Guide>,
    /// What the two networks are asked to do against each other.
    #[garde(dive)]
    #[serde(default)]
    pub objective: Objective,
    /// What only the task `restyle` has.
    #[garde(dive)]
    #[serde(default)]
    pub restyle: Restyle,
    /// How their weights move.
    #[garde(dive)]
    #[serde(default)]
    pub optimizer: Optimizers,
    /// What the task `contrastive` brings together.
    #[garde(dive)]
    #[serde(default)]
    pub contrastive: Contrastive,
    /// What is done, alike, to real and drawn pictures before they are judged.
    #[garde(dive)]
    #[serde(default)]
    pub augment: Augment,
    /// The running average of the generator's weights, which draws the samples and becomes the model.
    #[garde(dive)]
    #[serde(default)]
    pub ema: Ema,
    /// Which of a picture's captions is shown to the networks, and how it is blurred.
    #[garde(dive)]
    #[serde(default)]
    pub captions: Captions,
    /// How pictures reach the loop; nothing here changes what is learnt.
    #[garde(dive)]
    #[serde(default)]
    pub loader: Loader,
    /// When the state of the run is saved, and how many saves are kept.
    #[garde(dive)]
    #[serde(default)]
    pub checkpoint: Checkpoint,
    /// The sheets of drawn pictures.
    #[garde(dive)]
    #[serde(default)]
    pub samples: Samples,
    /// How often figures are logged.
    #[garde(dive)]
    #[serde(default)]
    pub logging: Logging,
    /// Where the tracking server files the run.
    #[garde(dive)]
    #[serde(default)]
    pub tracking: Tracking,
    /// Several runs instead of one: a grid of settings, and seeds.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweep>,
    /// Runs that build on one another, at most 16.
    #[garde(length(max = 16), dive, custom(stage::in_order))]
    #[serde(
        default,
        deserialize_with = "none_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub stages: Vec<Stage>,
}

/// `stages=null` on the command line switches them off.
fn none_as_empty<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Stage>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// What is learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Pictures from a latent vector and the vector of a sentence.
    #[default]
    TextToImage,
    /// Vectors of pictures and of words in one space: style, subject, or both.
    Contrastive,
    /// Pictures in another style, which words or a picture give.
    Restyle,
}

impl Experiment {
    /// The keys of `given` (an experiment as it was written) that its own task does not read, and that so would do nothing.
    #[must_use]
    pub fn foreign_keys(&self, given: &serde_yaml::Value) -> Vec<&'static str> {
        let is_given = |key: &&str| {
            let value = key
                .split('.')
                .try_fold(given, |value, part| value.get(part));
            value.is_some_and(|value| !value.is_null())
        };
        let is_guide = |key: &&str| *key == "contrastive" && self.guide.is_some();
        (self.task.foreign_keys().iter().copied())
            .filter(|key| is_given(key) && !is_guide(key))
            .collect()
    }
}

impl Task {
    /// The keys of an experiment that another task reads and this one does not.
    fn foreign_keys(self) -> &'static [&'static str] {
        match self {
            Self::TextToImage => &["contrastive", "restyle", "captions.phrases"],
            Self::Contrastive => &[
                "generator",
                "discriminator",
                "objective",
                "optimizer",
                "ema",
                "restyle",
                "warm_start",
                "guide",
                "augment.adaptive",
                "train.accumulate",
            ],
            Self::Restyle => &[
                "generator",
                "discriminator",
                "objective",
                "contrastive",
                "warm_start",
                "guide",
                "augment.adaptive",
                "train.accumulate",
            ],
        }
    }
}

/// The name becomes part of a folder's name.
fn file_name(name: &str, (): &()) -> garde::Result {
    let allowed =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    if (1..=64).contains(&name.len()) && name.chars().all(allowed) && !name.starts_with('.') {
        return Ok(());
    }
    Err(garde::Error::new(format!(
        "is `{name}`, but must be 1 to 64 letters, digits, `-`, `_` and `.`, and not begin with `.`"
    )))
}

/// Each stage of a network doubles or halves the side.
fn power_of_two(side: &i64, (): &()) -> garde::Result {
    if [16, 32, 64, 128, 256].contains(side) {
        return Ok(());
    }
    Err(garde::Error::new(format!(
        "is {side}, but must be 16, 32, 64, 128 or 256"
    )))
}

#[cfg(test)]
mod tests;
