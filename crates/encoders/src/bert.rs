//! BERT, RoBERTa and XLM-RoBERTa as sentence encoders (Devlin et al. 2018, <https://arxiv.org/abs/1810.04805>; Reimers &
//! Gurevych 2019, <https://arxiv.org/abs/1908.10084>), from a folder as the hub lays it out.
//!
//! Read: `config.json`, `tokenizer.json`, `model.safetensors`, and what says how a sentence is made of tokens (`sentence`).
//! E5, BGE, LaBSE and MiniLM are all of this kind. Not here: models that run code of their own.

use crate::EncoderError;
use crate::digest;
use crate::frozen::{Frozen, Network};
use crate::layers::{Activation, Attention, Linear, Norm, Sight, check_heads};
use crate::sentence::{Head, Sentence};
use crate::tokens::{Tokenizer, Unknown};
use crate::weights::{Weight, Weights, bytes_of};
use serde::Deserialize;
use std::path::Path;
use tch::{Device, TchError, Tensor};

/// The parts of `config.json` that decide the forward pass.
#[derive(Debug, Deserialize)]
struct Config {
    model_type: String,
    vocab_size: i64,
    hidden_size: i64,
    num_hidden_layers: i64,
    num_attention_heads: i64,
    intermediate_size: i64,
    hidden_act: String,
    max_position_embeddings: i64,
    type_vocab_size: i64,
    #[serde(default = "layer_norm_eps")]
    layer_norm_eps: f64,
    #[serde(default)]
    pad_token_id: i64,
    #[serde(default = "absolute")]
    position_embedding_type: String,
}

fn layer_norm_eps() -> f64 {
    1e-12
}

fn absolute() -> String {
    "absolute".into()
}

impl Config {
    /// RoBERTa counts positions from the one after its padding token's id.
    fn first_position(&self) -> i64 {
        if self.model_type == "bert" {
            0
        } else {
            self.pad_token_id + 1
        }
    }

    fn check(&self) -> Result<(), String> {
        if !["bert", "roberta", "xlm-roberta"].contains(&self.model_type.as_str()) {
            return Err(format!("`model_type` is `{}`", self.model_type));
        }
        if self.position_embedding_type != "absolute" {
            return Err(format!(
                "`position_embedding_type` is `{}`, but must be `absolute`",
                self.position_embedding_type
            ));
        }
        check_heads(self.hidden_size, self.num_attention_heads)?;
        if self.max_position_embeddings <= self.first_position() + 2 {
            return Err(format!(
                "`max_position_embeddings` is {}, which leaves no room",
                self.max_position_embeddings
            ));
        }
        Activation::named(&self.hidden_act).map(|_| ())
    }
}

/// Reads a model from its folder.
pub(crate) fn read(folder: &Path, name: &str, device: Device) -> Result<Frozen, EncoderError> {
    let config_path = folder.join("config.json");
    let config_bytes = bytes_of(&config_path)?;
    let config: Config = serde_json::from_slice(&config_bytes)
        .map_err(|reason| EncoderError::damaged(&config_path, reason))?;
    config.check().map_err(|reason| EncoderError::Unsupported {
        path: config_path,
        reason,
    })?;
    let room = (config.max_position_embeddings - config.first_position()) as u64;
    let sentence = Sentence::read(folder, room)?;

    let tokenizer_path = folder.join("tokenizer.json");
    let json = bytes_of(&tokenizer_path)?;
    let tokenizer = Tokenizer::read(
        &tokenizer_path,
        &json,
        Unknown::AsConfigured,
        sentence.max_tokens,
    )?
    .with_prompt(&sentence.prompt, sentence.lower_case);
    tokenizer.check_vocabulary(&tokenizer_path, config.vocab_size)?;
    let mut projections = Vec::new();
    let head = Head::read(
        &sentence,
        &tokenizer,
        device,
        config.hidden_size,
        &mut projections,
    )?;
    let weights_path = folder.join("model.safetensors");
    let bytes = bytes_of(&weights_path)?;
    let settings = sentence.fingerprint();
    let (sha256, network) = std::thread::scope(|scope| {
        let mut parts: Vec<(&str, &[u8])> = vec![
            ("config.json", &config_bytes),
            ("tokenizer.json", &json),
            ("model.safetensors", &bytes),
            ("settings", settings.as_bytes()),
        ];
        if !projections.is_empty() {
            parts.push(("projections", &projections));
        }
        let sha256 = scope.spawn(move || digest::of_parts(&parts));
        let weights = Weights::open(&weights_path, &bytes, device);
        let network = weights.and_then(|weights| Bert::read(&weights, &config, head));
        (
            sha256
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            network,
        )
    });
    Ok(Frozen {
        name: name.into(),
        sha256,
        tokenizer,
        network: Box::new(network?),
        device,
    })
}

#[derive(Clone)]
struct Bert {
    words: Weight,
    /// Positions from the first one on, plus the type of a sole sentence: `[positions, hidden]`.
    places: Weight,
    norm: Norm,
    layers: Vec<Layer>,
    head: Head,
    hidden_size: i64,
}

#[derive(Clone)]
struct Layer {
    attention: Attention,
    attended: Linear,
    attended_norm: Norm,
    up: Linear,
    down: Linear,
    norm: Norm,
    hidden_act: Activation,
}

impl Bert {
    fn read(weights: &Weights<'_>, config: &Config, head: Head) -> Result<Self, EncoderError> {
        let is_there =
            |prefix: &&&str| weights.has(&format!("{prefix}embeddings.word_embeddings.weight"));
        let prefix = ["", "bert.", "roberta."]
            .iter()
            .find(is_there)
            .unwrap_or(&"");
        let hidden = config.hidden_size;
        let embedding = |name: &str, rows: i64| {
            weights.float(
                &format!("{prefix}embeddings.{name}_embeddings.weight"),
                &[rows, hidden],
            )
        };
        let positions = embedding("position", config.max_position_embeddings)?;
        let positions = positions.f_slice(0, config.first_position(), None, 1)?;
        let types = embedding("token_type", config.type_vocab_size)?;
        let layer = |idx| Layer::read(weights, &format!("{prefix}encoder.layer.{idx}"), config);
        let norm = format!("{prefix}embeddings.LayerNorm");
        Ok(Self {
            words: embedding("word", config.vocab_size)?,
            places: Weight::new(positions.f_add(&types.f_get(0)?)?),
            norm: Norm::read(weights, &norm, hidden, config.layer_norm_eps)?,
            layers: (0..config.num_hidden_layers)
                .map(layer)
                .collect::<Result<_, _>>()?,
            head,
            hidden_size: hidden,
        })
    }
}

impl Network for Bert {
    fn share(&self) -> Box<dyn Network> {
        Box::new(self.clone())
    }

    fn dim(&self) -> usize {
        self.head.n_out as usize
    }

    fn forward(&self, ids: &Tensor) -> Result<Tensor, TchError> {
        let (n_texts, length) = ids.size2()?;
        let words = self.words.f_index_select(0, &ids.f_reshape([-1])?)?;
        let words = words.f_view([n_texts, length, self.hidden_size])?;
        let mut hidden = self
            .norm
            .forward(&words.f_add(&self.places.f_narrow(0, 0, length)?)?)?;
        for layer in &self.layers {
            hidden = layer.forward(&hidden)?;
        }
        self.head.forward(&hidden)
    }
}

impl Layer {
    fn read(weights: &Weights<'_>, name: &str, config: &Config) -> Result<Self, EncoderError> {
        let (hidden, wide) = (config.hidden_size, config.intermediate_size);
        let linear = |part: &str, shape| Linear::read(weights, &format!("{name}.{part}"), shape);
        let norm = |part: &str| {
            let name = format!("{name}.{part}");
            Norm::read(weights, &name, hidden, config.layer_norm_eps)
        };
        let own = |part: &str| format!("{name}.attention.self.{part}");
        Ok(Self {
            attention: Attention::read(
                weights,
                [own("query"), own("key"), own("value")],
                hidden,
                config.num_attention_heads,
                Sight::Everything,
            )?,
            attended: linear("attention.output.dense", [hidden, hidden])?,
            attended_norm: norm("attention.output.LayerNorm")?,
            up: linear("intermediate.dense", [wide, hidden])?,
            down: linear("output.dense", [hidden, wide])?,
            norm: norm("output.LayerNorm")?,
            hidden_act: Activation::named(&config.hidden_act).unwrap_or(Activation::Gelu),
        })
    }

    /// `[batch, length, hidden]` -> the same shape.
    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let attended = self.attention.forward(x)?;
        let x = self
            .attended_norm
            .forward(&self.attended.forward(&attended)?.f_add_(x)?)?;
        let wide = self.hidden_act.apply(&self.up.forward(&x)?)?;
        self.norm.forward(&self.down.forward(&wide)?.f_add_(&x)?)
    }
}
