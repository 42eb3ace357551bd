//! The task `contrastive`: which vectors are to lie together, and the networks that make them.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Adam;
use crate::range::{above_up_to, between, each};

/// A contrastive network (its shape: `contrastive`) that learns first and then helps the task `text_to_image`: both players hear its
/// style and subject vectors of the words beside the sentence's own, and the generator's pictures are measured by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Guide {
    /// Pictures it learns from before the game begins, counted in the run's length, 1 to 1e12.
    #[garde(custom(between(1, 1_000_000_000_000)))]
    pub images: u64,
    /// Sentences that its heads read by themselves once that is over, against the mean vectors of their looks' and subjects' pictures; they
    /// cost little and are not counted, 0 to 1e9.
    #[garde(custom(between(0, 1_000_000_000)))]
    pub sentences: u64,
    /// What the players hear of a sentence.
    #[garde(skip)]
    pub hearing: Hearing,
    /// Standard deviation of the noise on sentence vectors while it learns, whose entries have unit variance, 0 to 2.
    #[garde(custom(between(0.0, 2.0)))]
    pub text_noise: f64,
    /// Weight, in the generator's loss, of drawn pictures' style vectors against those of their words (InfoNCE), 0 to 100.
    #[garde(custom(between(0.0, 100.0)))]
    pub style: f64,
    /// Weight of their subject vectors against those of the real pictures (InfoNCE), 0 to 100.
    #[garde(custom(between(0.0, 100.0)))]
    pub subject: f64,
    /// Training pictures, evenly spread, whose subject vectors are kept for that weight: a drawn picture's is told from all of another
    /// subject in its look, 1 to 1e6.
    #[garde(custom(between(1, 1_000_000)))]
    pub rivals: u64,
    /// Weight of the distance of their coarse features to the real pictures', cell by cell, 0 to 100.
    #[garde(custom(between(0.0, 100.0)))]
    pub features: f64,
    /// Weight of the distance of their channels' moments to the real pictures', 0 to 100.
    #[garde(custom(between(0.0, 100.0)))]
    pub moments: f64,
    /// Weight of a second discriminator that looks at the guide's maps of pictures instead of their pixels (Sauer et al. 2021, arXiv:2111.01007), 0 to
    /// 100; it does not fade.
    #[garde(custom(between(0.0, 100.0)))]
    pub projected: f64,
    /// What is left of the weights that fade once `fade_images` of the game were seen, as a share, 0 to 1; 1 leaves them as they are.
    #[garde(custom(between(0.0, 1.0)))]
    pub fade: f64,
    /// Pictures of the game over which they fall to that, evenly, 0 to 1e12; needed where `fade` is below 1.
    #[garde(custom(between(0, 1_000_000_000_000)))]
    pub fade_images: u64,
    /// Which of the weights fade.
    #[garde(skip)]
    pub fading: Fading,
}

/// Which weights of a guide fade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fading {
    /// `style`, `subject`, `features` and `moments`.
    All,
    /// Those that compare with the real picture: `subject`, `features` and `moments`. The look goes on to be asked for as loudly.
    Pictures,
}

/// What both players hear of a sentence where a guide has learnt to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hearing {
    /// Its own vector, and what the guide's heads make of it beside.
    SentenceAndHeads,
    /// What the heads make of it alone: words that were not learnt from are then heard as the heads hear them.
    Heads,
}

/// What a picture encoder, and heads on the frozen sentence vectors, are asked to agree on. Weights of 0 switch a term off, and
/// its network with it. Read by the task `contrastive`, and by `text_to_image` where it has a `guide`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Contrastive {
    /// Weight of telling the looks apart, each by one learnt direction, 0 to 100.
    #[garde(custom(between(0.0, 100.0)))]
    pub looks: f64,
    /// Weight of style vectors of pictures against those of phrases about their look (InfoNCE), 0 to 100.
    #[garde(custom(between(0.0, 100.0)))]
    pub style_words: f64,
    /// Weight of two pictures of one subject, in two looks where there are two (InfoNCE), 0 to 100.
    #[garde(custom(between(0.0, 100.0)))]
    pub subject_pairs: f64,
    /// Weight of subject vectors of pictures against those of their captions (InfoNCE), 0 to 100.
    #[garde(custom(between(0.0, 100.0)))]
    pub subject_words: f64,
    /// What cosines between style vectors are divided by, above 0 and at most 1.
    #[garde(custom(above_up_to(0.0, 1.0)))]
    pub style_temperature: f64,
    /// What cosines between subject vectors are divided by, above 0 and at most 1.
    #[garde(custom(above_up_to(0.0, 1.0)))]
    pub subject_temperature: f64,
    /// Channels of the encoder's stage at the pictures' own size, 0 to 1024; 0 leaves it out.
    #[garde(custom(between(0, 1024)))]
    pub fine_channels: i64,
    /// Channels after each halving down to 4x4 (four at 64 px), multiples of 8, each 8 to 1024.
    #[garde(length(min = 1, max = 8), custom(each(between(8, 1024))))]
    pub channels: Vec<i64>,
    /// Width of the hidden layers, 1 to 2048.
    #[garde(custom(between(1, 2048)))]
    pub hidden_dim: i64,
    /// Entries of a style vector, 1 to 1024.
    #[garde(custom(between(1, 1024)))]
    pub style_dim: i64,
    /// Entries of a subject vector, 1 to 1024.
    #[garde(custom(between(1, 1024)))]
    pub subject_dim: i64,
    /// Parts of a sentence, cut at its punctuation, that the heads read beside the whole; an attention learns which of them says the look and which
    /// the subject (Ilse et al. 2018, arXiv:1802.04712). 0 to 4; 0 reads the whole alone.
    #[garde(custom(between(0, 4)))]
    pub text_parts: u64,
    /// How the weights move.
    #[garde(dive)]
    pub optimizer: Adam,
    /// Pictures seen until the step size has fallen to 0 along half a cosine, 0 to 1e12; 0 leaves it level.
    #[garde(custom(between(0, 1_000_000_000_000)))]
    pub cooldown_images: u64,
}
