//! The task `restyle`: sizes of its networks, and what they play for.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::range::{above_up_to, between, each};

/// Everything that only restyling has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Restyle {
    /// Entries of a style vector, 8 to 1024; vectors of pictures and of words live in one space.
    #[garde(custom(between(8, 1024)))]
    pub style_dim: i64,
    /// How that space is learnt, before the game of generator and discriminator begins.
    #[garde(dive)]
    pub encoder: StyleEncoder,
    /// The network that redraws.
    #[garde(dive)]
    pub generator: RestyleGenerator,
    /// The network that judges patches, and whether words agree.
    #[garde(dive)]
    pub discriminator: RestyleDiscriminator,
    /// How much each term of the generator's loss counts.
    #[garde(dive)]
    pub weights: RestyleWeights,
    /// Training pictures, evenly spread, whose subject vectors are kept for the weight `subject`, 1 to 1e6.
    #[garde(custom(between(1, 1_000_000)))]
    pub rivals: u64,
    /// Weight of (real picture, another style) in the discriminator's loss, 0 to 1.
    #[garde(custom(between(0.0, 1.0)))]
    pub mismatch: f64,
    /// Divides the cosines of the agreement terms, above 0 and at most 1.
    #[garde(custom(above_up_to(0.0, 1.0)))]
    pub temperature: f64,
    /// Strength of the penalty on the discriminator's squared gradient at real and drawn pictures, 0 to 1000.
    #[garde(custom(between(0.0, 1000.0)))]
    pub gamma: f64,
    /// Steps between two applications of the penalty, which then counts that many times, 1 to 64.
    #[garde(custom(between(1, 64)))]
    pub penalty_every: u64,
    /// Share of samples that ask for the picture's own style, and so for the picture itself, 0 to 1.
    #[garde(custom(between(0.0, 1.0)))]
    pub own_share: f64,
    /// Share of the others whose style vector is a picture's, not words', 0 to 1.
    #[garde(custom(between(0.0, 1.0)))]
    pub reference_share: f64,
    /// Whether a drawing of the same subject in the wanted style is used as the target where there is one.
    #[garde(skip)]
    pub pairs: Pairs,
    /// Share of the combinations of a subject and a style that are kept out of the training, by their hash, 0 to 0.5; the evaluation
    /// then asks for these.
    #[garde(custom(between(0.0, 0.5)))]
    pub hold_out: f64,
}

/// Whether pairs are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pairs {
    /// Where the data has them.
    Used,
    /// As if there were none.
    Ignored,
}

/// How style vectors are learnt: style by its words, subject by its other drawings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct StyleEncoder {
    /// Pictures it learns from before the game begins, counted in the run's length, 1 to 1e12.
    #[garde(custom(between(1, 1_000_000_000_000)))]
    pub images: u64,
    /// Phrases that it hears with each picture, 1 to 64: words cost next to nothing beside pictures.
    #[garde(custom(between(1, 64)))]
    pub phrases: u64,
    /// Channels of the stage at full size, 0 to 4096; 0 for none.
    #[garde(custom(between(0, 4096)))]
    pub fine_channels: i64,
    /// Channels after each halving down to 4x4 (four at 64 px), multiples of 8 up to 1024.
    #[garde(length(min = 1, max = 8), custom(each(between(8, 1024))))]
    pub channels: Vec<i64>,
    /// Width of the hidden layers, 8 to 2048.
    #[garde(custom(between(8, 2048)))]
    pub hidden_dim: i64,
    /// Step size, above 0 and at most 1.
    #[garde(custom(above_up_to(0.0, 1.0)))]
    pub learning_rate: f64,
    /// Divides the cosines, above 0 and at most 1.
    #[garde(custom(above_up_to(0.0, 1.0)))]
    pub temperature: f64,
    /// Standard deviation of the noise on sentence vectors while it learns, whose entries have unit variance, 0 to 2.
    #[garde(custom(between(0.0, 2.0)))]
    pub text_noise: f64,
}

/// The restyling generator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct RestyleGenerator {
    /// Channels at full size, at half of it, and so on, 2 to 5 numbers, each 1 to 1024.
    #[garde(length(min = 2, max = 5), custom(each(between(1, 1024))))]
    pub channels: Vec<i64>,
    /// Residual blocks at the smallest size, 1 to 16.
    #[garde(custom(between(1, 16)))]
    pub n_blocks: i64,
    /// Entries of the vector that steers every block, 1 to 2048.
    #[garde(custom(between(1, 2048)))]
    pub mapped_dim: i64,
}

/// The restyling discriminator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct RestyleDiscriminator {
    /// Channels after each halving, 2 to 6 numbers, each 1 to 1024; the last two stages are scored.
    #[garde(length(min = 2, max = 6), custom(each(between(1, 1024))))]
    pub channels: Vec<i64>,
    /// Width of the layer before the agreement vector, 1 to 2048.
    #[garde(custom(between(1, 2048)))]
    pub hidden_dim: i64,
}

/// Weights of the generator's terms, 0 to 100 each; 0 leaves a term out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct RestyleWeights {
    /// The game with the discriminator.
    #[garde(custom(between(0.0, 100.0)))]
    pub adversarial: f64,
    /// The game with a second discriminator, which looks at the frozen encoder's maps instead of pixels (Sauer et al. 2021, arXiv:2111.01007).
    #[garde(custom(between(0.0, 100.0)))]
    pub projected: f64,
    /// Agreement with the words, as the discriminator sees it.
    #[garde(custom(between(0.0, 100.0)))]
    pub agreement: f64,
    /// Agreement with the words, as the frozen encoder sees it.
    #[garde(custom(between(0.0, 100.0)))]
    pub style: f64,
    /// Distance of the channels' moments to the target's.
    #[garde(custom(between(0.0, 100.0)))]
    pub moments: f64,
    /// The same to any drawing in the wanted style, whatever it shows: with `pairs: ignored` and no game, AdaIN's objective.
    #[garde(custom(between(0.0, 100.0)))]
    pub style_moments: f64,
    /// One minus the cosine of the subject's vectors.
    #[garde(custom(between(0.0, 100.0)))]
    pub content: f64,
    /// Telling the subject's vector from those of other subjects in the wanted look (InfoNCE, among `rivals` of them).
    #[garde(custom(between(0.0, 100.0)))]
    pub subject: f64,
    /// Distance of the coarse features to the target's.
    #[garde(custom(between(0.0, 100.0)))]
    pub features: f64,
    /// Distance to the target, both pooled to 8x8.
    #[garde(custom(between(0.0, 100.0)))]
    pub pooled_colour: f64,
    /// Distance to the target, pixel by pixel: a paired L1 baseline; it turns line art grey.
    #[garde(custom(between(0.0, 100.0)))]
    pub pixels: f64,
    /// Distance to the source where its own style is asked for.
    #[garde(custom(between(0.0, 100.0)))]
    pub identity: f64,
    /// Differences between neighbours.
    #[garde(custom(between(0.0, 100.0)))]
    pub total_variation: f64,
}
