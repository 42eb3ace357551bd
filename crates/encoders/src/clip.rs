//! CLIP (Radford et al. 2021, <https://arxiv.org/abs/2103.00020>): a tower for texts and one for pictures whose vectors meet in one
//! space, from a folder as the hub lays it out (`model_type: clip`, safetensors with both towers).
//!
//! A key that `config.json` leaves out is what transformers takes for it. Not here: how a picture becomes the pixels that the
//! network wants (`preprocess`).

use crate::layers::{Activation, Attention, Linear, Norm, Sight, check_heads};
use crate::weights::{Weight, Weights, bytes_of};
use crate::{EncoderError, digest};
use serde::Deserialize;
use std::path::Path;
use tch::{Device, Kind, TchError, Tensor};

use crate::PictureEncoder;
use crate::frozen::{Frozen, Network};
use crate::preprocess::Preprocess;
use crate::tokens::{Tokenizer, Unknown};

/// The parts of `config.json` that decide the forward passes.
#[derive(Debug, Deserialize)]
struct Config {
    #[serde(default)]
    text_config: Text,
    #[serde(default)]
    vision_config: Vision,
    #[serde(default = "projection_dim")]
    projection_dim: i64,
}

fn projection_dim() -> i64 {
    512
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Text {
    vocab_size: i64,
    hidden_size: i64,
    intermediate_size: i64,
    num_hidden_layers: i64,
    num_attention_heads: i64,
    max_position_embeddings: i64,
    hidden_act: String,
    layer_norm_eps: f64,
    eos_token_id: i64,
}

impl Default for Text {
    fn default() -> Self {
        Self {
            vocab_size: 49408,
            hidden_size: 512,
            intermediate_size: 2048,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 77,
            hidden_act: "quick_gelu".into(),
            layer_norm_eps: 1e-5,
            eos_token_id: 49407,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Vision {
    hidden_size: i64,
    intermediate_size: i64,
    num_hidden_layers: i64,
    num_attention_heads: i64,
    num_channels: i64,
    image_size: i64,
    patch_size: i64,
    hidden_act: String,
    layer_norm_eps: f64,
}

impl Default for Vision {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            num_channels: 3,
            image_size: 224,
            patch_size: 32,
            hidden_act: "quick_gelu".into(),
            layer_norm_eps: 1e-5,
        }
    }
}

/// A folder's files, read and hashed.
struct Files {
    config: Config,
    sha256: String,
    weights: Vec<u8>,
}

impl Files {
    /// `other`: the file that decides a vector beside configuration and weights.
    fn read(folder: &Path, other: (&str, &[u8])) -> Result<Self, EncoderError> {
        let path = folder.join("config.json");
        let bytes = bytes_of(&path)?;
        let config: Config = serde_json::from_slice(&bytes)
            .map_err(|reason| EncoderError::damaged(&path, reason))?;
        let weights = bytes_of(&folder.join("model.safetensors"))?;
        let unsupported = |reason| EncoderError::Unsupported {
            path: path.clone(),
            reason,
        };
        let Config {
            text_config: text,
            vision_config: vision,
            ..
        } = &config;
        for (hidden, heads, act) in [
            (text.hidden_size, text.num_attention_heads, &text.hidden_act),
            (
                vision.hidden_size,
                vision.num_attention_heads,
                &vision.hidden_act,
            ),
        ] {
            check_heads(hidden, heads).map_err(unsupported)?;
            Activation::named(act).map_err(unsupported)?;
        }
        if vision.patch_size < 1
            || vision.image_size < vision.patch_size
            || vision.num_channels != 3
        {
            let reason = format!(
                "`image_size` {}, `patch_size` {} and `num_channels` {} do not fit together",
                vision.image_size, vision.patch_size, vision.num_channels
            );
            return Err(unsupported(reason));
        }
        if text.max_position_embeddings < 3 {
            return Err(unsupported(
                "`max_position_embeddings` leaves no room".into(),
            ));
        }
        let parts: [(&str, &[u8]); 3] = [
            ("config.json", &bytes),
            other,
            ("model.safetensors", &weights),
        ];
        Ok(Self {
            sha256: digest::of_parts(&parts),
            config,
            weights,
        })
    }
}

/// Reads the tower for texts.
pub(crate) fn read_text(folder: &Path, name: &str, device: Device) -> Result<Frozen, EncoderError> {
    let path = folder.join("tokenizer.json");
    let json = bytes_of(&path)?;
    let files = Files::read(folder, ("tokenizer.json", &json))?;
    let config = &files.config.text_config;
    let max_tokens = config.max_position_embeddings as usize;
    let tokenizer = Tokenizer::read(&path, &json, Unknown::AsConfigured, max_tokens)?;
    tokenizer.check_vocabulary(&path, config.vocab_size)?;
    let weights = Weights::open(&folder.join("model.safetensors"), &files.weights, device)?;
    let network = TextTower::read(&weights, config, files.config.projection_dim)?;
    Ok(Frozen {
        name: name.into(),
        sha256: files.sha256,
        tokenizer,
        network: Box::new(network),
        device,
    })
}

/// Reads the tower for pictures.
pub(crate) fn read_pictures(
    folder: &Path,
    name: &str,
    device: Device,
) -> Result<PictureTower, EncoderError> {
    let path = folder.join("preprocessor_config.json");
    let json = if path.exists() {
        bytes_of(&path)?
    } else {
        b"{}".to_vec()
    };
    let files = Files::read(folder, ("preprocessor_config.json", &json))?;
    let config = &files.config.vision_config;
    let preprocess = Preprocess::read(&path, &json, config.image_size, device)?;
    let weights = Weights::open(&folder.join("model.safetensors"), &files.weights, device)?;
    PictureTower::read(&weights, &files, preprocess, name)
}

/// A stack of layers that norm before they act.
#[derive(Clone)]
struct Stack(Vec<Layer>);

#[derive(Clone)]
struct Layer {
    norms: [Norm; 2],
    attention: Attention,
    attended: Linear,
    up: Linear,
    down: Linear,
    hidden_act: Activation,
}

/// The sizes of a stack.
struct Sizes<'a> {
    hidden: i64,
    wide: i64,
    layers: i64,
    heads: i64,
    hidden_act: &'a str,
    epsilon: f64,
    sight: Sight,
}

impl Stack {
    fn read(weights: &Weights<'_>, name: &str, sizes: &Sizes<'_>) -> Result<Self, EncoderError> {
        let layer = |idx| Layer::read(weights, &format!("{name}.encoder.layers.{idx}"), sizes);
        Ok(Self(
            (0..sizes.layers).map(layer).collect::<Result<_, _>>()?,
        ))
    }

    fn forward(&self, x: Tensor) -> Result<Tensor, TchError> {
        self.0.iter().try_fold(x, |x, layer| layer.forward(&x))
    }
}

impl Layer {
    fn read(weights: &Weights<'_>, name: &str, sizes: &Sizes<'_>) -> Result<Self, EncoderError> {
        let Sizes { hidden, wide, .. } = *sizes;
        let norm =
            |part: &str| Norm::read(weights, &format!("{name}.{part}"), hidden, sizes.epsilon);
        let linear = |part: &str, shape| Linear::read(weights, &format!("{name}.{part}"), shape);
        let own = |part: &str| format!("{name}.self_attn.{part}_proj");
        let names = [own("q"), own("k"), own("v")];
        Ok(Self {
            norms: [norm("layer_norm1")?, norm("layer_norm2")?],
            attention: Attention::read(weights, names, hidden, sizes.heads, sizes.sight)?,
            attended: linear("self_attn.out_proj", [hidden, hidden])?,
            up: linear("mlp.fc1", [wide, hidden])?,
            down: linear("mlp.fc2", [hidden, wide])?,
            hidden_act: Activation::named(sizes.hidden_act).unwrap_or(Activation::QuickGelu),
        })
    }

    /// `[batch, length, hidden]` -> the same shape.
    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let attended = self.attention.forward(&self.norms[0].forward(x)?)?;
        let x = self.attended.forward(&attended)?.f_add_(x)?;
        let wide = self.up.forward(&self.norms[1].forward(&x)?)?;
        self.down
            .forward(&self.hidden_act.apply(&wide)?)?
            .f_add_(&x)
    }
}

#[derive(Clone)]
struct TextTower {
    words: Weight,
    places: Weight,
    stack: Stack,
    norm: Norm,
    projection: Linear,
    hidden: i64,
    n_out: i64,
    end: End,
}

/// Where a text's vector is read off.
#[derive(Debug, Clone, Copy)]
enum End {
    /// The token with the highest id: what models whose configuration says 2 were made with.
    HighestId,
    /// The first token with this id.
    Id(i64),
}

impl TextTower {
    fn read(weights: &Weights<'_>, config: &Text, n_out: i64) -> Result<Self, EncoderError> {
        let hidden = config.hidden_size;
        let embedding = |name: &str, rows| {
            let name = format!("text_model.embeddings.{name}_embedding.weight");
            weights.float(&name, &[rows, hidden])
        };
        let sizes = Sizes {
            hidden,
            wide: config.intermediate_size,
            layers: config.num_hidden_layers,
            heads: config.num_attention_heads,
            hidden_act: &config.hidden_act,
            epsilon: config.layer_norm_eps,
            sight: Sight::Past,
        };
        Ok(Self {
            words: embedding("token", config.vocab_size)?,
            places: embedding("position", config.max_position_embeddings)?,
            stack: Stack::read(weights, "text_model", &sizes)?,
            norm: Norm::read(
                weights,
                "text_model.final_layer_norm",
                hidden,
                sizes.epsilon,
            )?,
            projection: Linear::without_bias(weights, "text_projection", [n_out, hidden])?,
            hidden,
            n_out,
            end: match config.eos_token_id {
                2 => End::HighestId,
                id => End::Id(id),
            },
        })
    }

    /// The place of each text's end, `[batch]`.
    fn ends(&self, ids: &Tensor) -> Result<Tensor, TchError> {
        match self.end {
            End::HighestId => ids.f_argmax(1, false),
            End::Id(id) => ids.f_eq(id)?.f_to_kind(Kind::Int)?.f_argmax(1, false),
        }
    }
}

impl Network for TextTower {
    fn share(&self) -> Box<dyn Network> {
        Box::new(self.clone())
    }

    fn dim(&self) -> usize {
        self.n_out as usize
    }

    fn forward(&self, ids: &Tensor) -> Result<Tensor, TchError> {
        let (n, length) = ids.size2()?;
        let words = self.words.f_index_select(0, &ids.f_reshape([-1])?)?;
        let words = words.f_view([n, length, self.hidden])?;
        let hidden = self
            .stack
            .forward(words.f_add(&self.places.f_narrow(0, 0, length)?)?)?;
        let ends = self
            .ends(ids)?
            .f_view([n, 1, 1])?
            .f_expand([n, 1, self.hidden], false)?;
        let last = hidden.f_gather(1, &ends, false)?.f_squeeze_dim(1)?;
        self.projection.forward(&self.norm.forward(&last)?)
    }
}

/// The tower for pictures.
pub(crate) struct PictureTower {
    name: String,
    sha256: String,
    preprocess: Preprocess,
    class: Weight,
    patches: Weight,
    places: Weight,
    first_norm: Norm,
    stack: Stack,
    last_norm: Norm,
    projection: Linear,
    n_out: i64,
}

impl PictureTower {
    fn read(
        weights: &Weights<'_>,
        files: &Files,
        preprocess: Preprocess,
        name: &str,
    ) -> Result<Self, EncoderError> {
        let (config, n_out) = (&files.config.vision_config, files.config.projection_dim);
        let (hidden, patch) = (config.hidden_size, config.patch_size);
        let n_places = (config.image_size / patch).pow(2) + 1;
        let of = |part: &str| format!("vision_model.embeddings.{part}");
        // The typing error is the model's own.
        let norm = |part: &str| {
            let name = format!("vision_model.{part}");
            Norm::read(weights, &name, hidden, config.layer_norm_eps)
        };
        let sizes = Sizes {
            hidden,
            wide: config.intermediate_size,
            layers: config.num_hidden_layers,
            heads: config.num_attention_heads,
            hidden_act: &config.hidden_act,
            epsilon: config.layer_norm_eps,
            sight: Sight::Everything,
        };
        Ok(Self {
            name: name.into(),
            sha256: files.sha256.clone(),
            preprocess,
            class: weights.float(&of("class_embedding"), &[hidden])?,
            patches: weights.float(&of("patch_embedding.weight"), &[hidden, 3, patch, patch])?,
            places: weights.float(&of("position_embedding.weight"), &[n_places, hidden])?,
            first_norm: norm("pre_layrnorm")?,
            stack: Stack::read(weights, "vision_model", &sizes)?,
            last_norm: norm("post_layernorm")?,
            projection: Linear::without_bias(weights, "visual_projection", [n_out, hidden])?,
            n_out,
        })
    }

    /// Pixels as the network wants them, `[batch, 3, side, side]` -> `[batch, n_out]`.
    fn forward(&self, pixels: &Tensor) -> Result<Tensor, TchError> {
        let patch = self.patches.size()[2];
        let patches = pixels.f_conv2d(&self.patches, None::<&Tensor>, patch, 0, 1, 1)?;
        let patches = patches.f_flatten(2, 3)?.f_transpose(1, 2)?;
        let n = patches.size()[0];
        let class = self.class.f_expand([n, 1, self.class.size()[0]], false)?;
        let tokens = Tensor::f_cat(&[class, patches], 1)?.f_add(&self.places)?;
        let hidden = self.stack.forward(self.first_norm.forward(&tokens)?)?;
        let first = self.last_norm.forward(&hidden.f_select(1, 0)?)?;
        self.projection.forward(&first)
    }
}

impl PictureEncoder for PictureTower {
    fn name(&self) -> &str {
        &self.name
    }

    fn sha256(&self) -> &str {
        &self.sha256
    }

    fn dim(&self) -> usize {
        self.n_out as usize
    }

    fn vectors(&self, pictures: &Tensor) -> Result<Tensor, EncoderError> {
        Ok(self.forward(&self.preprocess.apply(pictures)?)?)
    }
}
