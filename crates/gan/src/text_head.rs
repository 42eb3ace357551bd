//! From a frozen sentence vector into the spaces of the picture encoder: one head for the look, one for what is shown.
//!
//! And anchors: one learnt direction a look, for data whose looks have names but no words. Both give unit vectors, which
//! [`crate::losses::contrastive`] compares with those of pictures.

use crate::GanError;
use crate::config::check_size;
use crate::error::check_shape;
use crate::layers::{Linear, Site, Spread, leaky};
use crate::picture_encoder::unit;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor, nn};

/// The shape of a text head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct TextHeadConfig {
    /// Length of the frozen encoder's vector.
    pub text_dim: i64,
    /// Width of the layer between.
    pub hidden_dim: i64,
    /// Length of the vector that comes out.
    pub out_dim: i64,
    /// Parts of a sentence that it reads beside the whole; 0 reads the whole alone and has no attention.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub parts: i64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl TextHeadConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first setting outside its range, by name.
    pub fn check(&self) -> Result<(), GanError> {
        check_size("text_head.text_dim", self.text_dim)?;
        check_size("text_head.hidden_dim", self.hidden_dim)?;
        check_size("text_head.out_dim", self.out_dim)?;
        if self.parts == 0 {
            return Ok(());
        }
        check_size("text_head.parts", self.parts)
    }
}

/// Two linear layers on a frozen sentence vector; between them, where it reads parts, an attention that weighs these by their hidden
/// activations: attention-based pooling of multiple instances (Ilse, Tomczak & Welling 2018, arXiv:1802.04712, equation 8).
#[derive(Debug)]
pub struct TextHead {
    config: TextHeadConfig,
    layers: [Linear; 2],
    attention: Option<Linear>,
}

impl TextHead {
    /// A head with fresh weights under `path`; each weight depends only on `seed` and its own name.
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(path: &nn::Path<'_>, config: &TextHeadConfig, seed: u64) -> Result<Self, GanError> {
        config.check()?;
        let site = Site::new(path, seed);
        let linear = |name, sizes| Linear::new(&site.sub(name), sizes, Spread::Kept);
        Ok(Self {
            layers: [
                linear("layer1", [config.text_dim, config.hidden_dim]),
                linear("layer2", [config.hidden_dim, config.out_dim]),
            ],
            attention: (config.parts > 0).then(|| linear("attention", [config.hidden_dim, 1])),
            config: config.clone(),
        })
    }

    /// What it was built from.
    #[must_use]
    pub fn config(&self) -> &TextHeadConfig {
        &self.config
    }

    /// Unit vectors `[batch, out_dim]` of `text [batch, text_dim]` (unit variance per entry), or of `[batch, 1 + n, text_dim]`: the whole, then `n` parts,
    /// where those that are not there are zeros; a head that reads no parts reads the whole. Gradients flow to both.
    ///
    /// # Errors
    /// A text of another shape.
    pub fn forward(&self, text: &Tensor) -> Result<Tensor, GanError> {
        let whole = whole(text);
        check_shape("text", &whole, &[self.config.text_dim])?;
        let hidden = match &self.attention {
            Some(attention) if text.dim() == 3 => self.pooled(text, attention),
            _ => leaky(&self.layers[0].forward(&whole)),
        };
        Ok(unit(&self.layers[1].forward(&hidden)))
    }

    /// The hidden activations `[batch, hidden_dim]` of the parts, weighed by a softmax over those that are there.
    fn pooled(&self, text: &Tensor, attention: &Linear) -> Tensor {
        let hidden = leaky(&self.layers[0].forward(text));
        let score = attention.forward(&hidden) / (self.config.hidden_dim as f64).sqrt();
        let score = score.masked_fill(&is_there(text).logical_not(), f64::NEG_INFINITY);
        (hidden * score.softmax(1, Kind::Float)).sum_dim_intlist(1, false, Kind::Float)
    }
}

/// The sentences themselves, `[batch, text_dim]`, of `text` with parts or without.
fn whole(text: &Tensor) -> Tensor {
    if text.dim() == 3 {
        text.select(1, 0)
    } else {
        text.shallow_clone()
    }
}

/// Which vectors of `text [..., text_dim]` are there, `[..., 1]`: those that are not zeros.
pub fn is_there(text: &Tensor) -> Tensor {
    text.abs().amax([-1].as_slice(), true).gt(0.0)
}

/// What networks hear of a sentence where heads have learnt to read it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hearing {
    /// Its own vector, and what the heads make of it beside.
    #[default]
    SentenceAndHeads,
    /// What the heads make of it alone.
    Heads,
}

impl Hearing {
    /// Entries that networks hear of a sentence vector of `text_dim` entries whose heads give `head_dims`.
    #[must_use]
    pub fn dim(self, text_dim: i64, head_dims: impl Iterator<Item = i64>) -> i64 {
        let of_heads: i64 = head_dims.sum();
        match self {
            Self::SentenceAndHeads => text_dim + of_heads,
            Self::Heads if of_heads > 0 => of_heads,
            Self::Heads => text_dim,
        }
    }

    /// What is heard of sentence vectors `text [batch, text_dim]`, with parts or without ([`TextHead::forward`]): `[batch, dim]`
    /// ([`Hearing::dim`]), all of about unit variance per entry.
    /// Without heads it is the sentence, whatever was asked. Gradients flow to all.
    ///
    /// # Errors
    /// A text of another shape.
    pub fn of(self, text: &Tensor, heads: &[&TextHead]) -> Result<Tensor, GanError> {
        let mut parts = Vec::with_capacity(heads.len() + 1);
        if self == Self::SentenceAndHeads || heads.is_empty() {
            parts.push(whole(text));
        }
        for head in heads {
            let scale = (head.config().out_dim as f64).sqrt();
            parts.push(head.forward(text)? * scale);
        }
        Ok(Tensor::cat(&parts, 1))
    }
}

/// One learnt direction a look.
#[derive(Debug)]
pub struct Anchors {
    directions: Tensor,
}

impl Anchors {
    /// `n_looks` directions of length `style_dim` under `path`.
    ///
    /// # Errors
    /// A size outside its range.
    pub fn new(
        path: &nn::Path<'_>,
        [n_looks, style_dim]: [i64; 2],
        seed: u64,
    ) -> Result<Self, GanError> {
        check_size("anchors.n_looks", n_looks)?;
        check_size("anchors.style_dim", style_dim)?;
        let site = Site::new(path, seed);
        Ok(Self {
            directions: site.normal("directions", &[n_looks, style_dim], 1.0),
        })
    }

    /// The directions as unit vectors `[n_looks, style_dim]`.
    pub fn directions(&self) -> Tensor {
        unit(&self.directions)
    }
}
