//! BERT, RoBERTa and XLM-RoBERTa as sentence encoders (Devlin et al. 2018, <https://arxiv.org/abs/1810.04805>; Reimers &
//! Gurevych 2019, <https://arxiv.org/abs/1908.10084>), from a folder as the hub lays it out.
//!
//! Read: `config.json`, `tokenizer.json`, `model.safetensors`; `modules.json`, `1_Pooling/config.json` and
//! `sentence_bert_config.json` where they are there. Not here: models that run code of their own, and projections
//! after the pooling.

use crate::EncoderError;
use crate::digest;
use crate::frozen::{Frozen, Network};
use crate::pooling::Pooling;
use crate::tokens::{Tokenizer, Unknown};
use crate::weights::{Weight, Weights, bytes_of};
use serde::Deserialize;
use serde_json::Value;
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
        if self.num_attention_heads < 1
            || self.hidden_size < 1
            || self.hidden_size % self.num_attention_heads != 0
        {
            let (size, heads) = (self.hidden_size, self.num_attention_heads);
            return Err(format!(
                "`hidden_size` {size} cannot be shared by `num_attention_heads` {heads}"
            ));
        }
        if self.max_position_embeddings <= self.first_position() + 2 {
            return Err(format!(
                "`max_position_embeddings` is {}, which leaves no room",
                self.max_position_embeddings
            ));
        }
        activation(&self.hidden_act).map(|_| ())
    }
}

#[derive(Debug, Clone, Copy)]
enum Activation {
    Gelu,
    GeluTanh,
    Relu,
}

fn activation(name: &str) -> Result<Activation, String> {
    match name {
        "gelu" => Ok(Activation::Gelu),
        "gelu_new" | "gelu_pytorch_tanh" => Ok(Activation::GeluTanh),
        "relu" => Ok(Activation::Relu),
        other => Err(format!(
            "`hidden_act` is `{other}`, but must be one of gelu, gelu_new, relu"
        )),
    }
}

/// Reads a model from its folder.
pub(crate) fn read(folder: &Path, name: &str, device: Device) -> Result<Frozen, EncoderError> {
    let config_path = folder.join("config.json");
    let unsupported = |reason| EncoderError::Unsupported {
        path: config_path.clone(),
        reason,
    };
    let config_bytes = bytes_of(&config_path)?;
    let config: Config = serde_json::from_slice(&config_bytes)
        .map_err(|reason| EncoderError::damaged(&config_path, reason))?;
    config.check().map_err(unsupported)?;
    let hidden_act = activation(&config.hidden_act).map_err(unsupported)?;
    let pooling = pooling(folder)?;
    let max_tokens = max_tokens(folder, &config)?;

    let tokenizer_path = folder.join("tokenizer.json");
    let json = bytes_of(&tokenizer_path)?;
    let tokenizer = Tokenizer::read(&tokenizer_path, &json, Unknown::AsConfigured, max_tokens)?;
    if tokenizer.vocabulary() > config.vocab_size as usize {
        let reason = format!(
            "has {} tokens, but `vocab_size` is {}",
            tokenizer.vocabulary(),
            config.vocab_size
        );
        return Err(EncoderError::damaged(tokenizer_path, reason));
    }
    let weights_path = folder.join("model.safetensors");
    let bytes = bytes_of(&weights_path)?;
    let settings = format!("{pooling:?} {max_tokens}");
    let (sha256, network) = std::thread::scope(|scope| {
        let parts: [(&str, &[u8]); 4] = [
            ("config.json", &config_bytes),
            ("tokenizer.json", &json),
            ("model.safetensors", &bytes),
            ("settings", settings.as_bytes()),
        ];
        let sha256 = scope.spawn(move || digest::of_parts(&parts));
        let weights = Weights::open(&weights_path, &bytes, device);
        let network =
            weights.and_then(|weights| Bert::read(&weights, &config, hidden_act, pooling));
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

/// A JSON file that may be missing.
fn json_of(path: &Path) -> Result<Option<Value>, EncoderError> {
    if !path.exists() {
        return Ok(None);
    }
    serde_json::from_slice(&bytes_of(path)?)
        .map(Some)
        .map_err(|reason| EncoderError::damaged(path, reason))
}

/// How the model pools; the mean where it does not say, as sentence-transformers does.
fn pooling(folder: &Path) -> Result<Pooling, EncoderError> {
    let modules_path = folder.join("modules.json");
    let mut pooling_folder = "1_Pooling".to_owned();
    if let Some(modules) = json_of(&modules_path)? {
        for module in modules.as_array().into_iter().flatten() {
            let text = |key: &str| module.get(key).and_then(Value::as_str).unwrap_or_default();
            match text("type").rsplit('.').next() {
                Some("Transformer" | "Normalize") => {}
                Some("Pooling") => pooling_folder = text("path").to_owned(),
                _ => {
                    let reason = format!("the module `{}` is not known", text("type"));
                    return Err(EncoderError::Unsupported {
                        path: modules_path,
                        reason,
                    });
                }
            }
        }
    }
    let path = folder.join(pooling_folder).join("config.json");
    if !path.starts_with(folder)
        || path
            .components()
            .any(|part| part == std::path::Component::ParentDir)
    {
        return Err(EncoderError::damaged(
            modules_path,
            "names a folder outside of the model",
        ));
    }
    json_of(&path)?.map_or(Ok(Pooling::Mean), |config| {
        Pooling::from_json(&path, &config)
    })
}

/// Tokens that the model sees at most, start and end included.
fn max_tokens(folder: &Path, config: &Config) -> Result<usize, EncoderError> {
    let room = (config.max_position_embeddings - config.first_position()) as u64;
    let asked = json_of(&folder.join("sentence_bert_config.json"))?
        .and_then(|config| config.get("max_seq_length").and_then(Value::as_u64));
    Ok(asked.unwrap_or(room).clamp(3, room) as usize)
}

#[derive(Clone)]
struct Bert {
    words: Weight,
    /// Positions from the first one on, plus the type of a sole sentence: `[positions, hidden]`.
    places: Weight,
    norm: Norm,
    layers: Vec<Layer>,
    pooling: Pooling,
    hidden_size: i64,
}

#[derive(Clone)]
struct Layer {
    /// Query, key and value side by side.
    query_key_value: Linear,
    attended: Linear,
    attended_norm: Norm,
    up: Linear,
    down: Linear,
    norm: Norm,
    n_heads: i64,
    hidden_act: Activation,
}

#[derive(Clone)]
struct Linear {
    weight: Weight,
    bias: Weight,
}

#[derive(Clone)]
struct Norm {
    gain: Weight,
    bias: Weight,
    epsilon: f64,
}

impl Bert {
    fn read(
        weights: &Weights<'_>,
        config: &Config,
        hidden_act: Activation,
        pooling: Pooling,
    ) -> Result<Self, EncoderError> {
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
        let layers = (0..config.num_hidden_layers).map(|idx| {
            Layer::read(
                weights,
                &format!("{prefix}encoder.layer.{idx}"),
                config,
                hidden_act,
            )
        });
        Ok(Self {
            words: embedding("word", config.vocab_size)?,
            places: Weight::new(positions.f_add(&types.f_get(0)?)?),
            norm: Norm::read(weights, &format!("{prefix}embeddings.LayerNorm"), config)?,
            layers: layers.collect::<Result<_, _>>()?,
            pooling,
            hidden_size: hidden,
        })
    }
}

/// Query, key and value, one below the other.
fn beside(parts: [&Weight; 3]) -> Result<Weight, TchError> {
    Ok(Weight::new(Tensor::f_cat(
        &parts.map(|part| part.shallow_clone()),
        0,
    )?))
}

impl Network for Bert {
    fn share(&self) -> Box<dyn Network> {
        Box::new(self.clone())
    }

    fn dim(&self) -> usize {
        self.hidden_size as usize
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
        self.pooling.apply(&hidden)
    }
}

impl Layer {
    fn read(
        weights: &Weights<'_>,
        name: &str,
        config: &Config,
        hidden_act: Activation,
    ) -> Result<Self, EncoderError> {
        let (hidden, wide) = (config.hidden_size, config.intermediate_size);
        let linear =
            |part: &str, n_out, n_in| Linear::read(weights, &format!("{name}.{part}"), n_out, n_in);
        let norm = |part: &str| Norm::read(weights, &format!("{name}.{part}"), config);
        let own = |part: &str| linear(&format!("attention.self.{part}"), hidden, hidden);
        let [query, key, value] = [own("query")?, own("key")?, own("value")?];
        Ok(Self {
            query_key_value: Linear {
                weight: beside([&query.weight, &key.weight, &value.weight])?,
                bias: beside([&query.bias, &key.bias, &value.bias])?,
            },
            attended: linear("attention.output.dense", hidden, hidden)?,
            attended_norm: norm("attention.output.LayerNorm")?,
            up: linear("intermediate.dense", wide, hidden)?,
            down: linear("output.dense", hidden, wide)?,
            norm: norm("output.LayerNorm")?,
            n_heads: config.num_attention_heads,
            hidden_act,
        })
    }

    /// `[batch, length, hidden]` -> the same shape.
    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let (n_texts, length, hidden) = x.size3()?;
        let parts = self.query_key_value.forward(x)?.f_view([
            n_texts,
            length,
            3,
            self.n_heads,
            hidden / self.n_heads,
        ])?;
        let part = |idx| parts.f_select(2, idx)?.f_transpose(1, 2);
        let attended = Tensor::f_scaled_dot_product_attention(
            &part(0)?,
            &part(1)?,
            &part(2)?,
            None::<Tensor>,
            0.0,
            false,
            None,
            false,
        )?;
        let attended = attended
            .f_transpose(1, 2)?
            .f_reshape([n_texts, length, hidden])?;
        let x = self
            .attended_norm
            .forward(&self.attended.forward(&attended)?.f_add_(x)?)?;
        let wide = self.up.forward(&x)?;
        let wide = match self.hidden_act {
            Activation::Gelu => wide.f_gelu("none")?,
            Activation::GeluTanh => wide.f_gelu("tanh")?,
            Activation::Relu => wide.f_relu()?,
        };
        self.norm.forward(&self.down.forward(&wide)?.f_add_(&x)?)
    }
}

impl Linear {
    fn read(
        weights: &Weights<'_>,
        name: &str,
        n_out: i64,
        n_in: i64,
    ) -> Result<Self, EncoderError> {
        let weight = weights.float(&format!("{name}.weight"), &[n_out, n_in])?;
        Ok(Self {
            weight,
            bias: weights.float(&format!("{name}.bias"), &[n_out])?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        x.f_linear(&self.weight, Some(&*self.bias))
    }
}

impl Norm {
    fn read(weights: &Weights<'_>, name: &str, config: &Config) -> Result<Self, EncoderError> {
        let shape = [config.hidden_size];
        let gain = weights.float(&format!("{name}.weight"), &shape)?;
        let bias = weights.float(&format!("{name}.bias"), &shape)?;
        Ok(Self {
            gain,
            bias,
            epsilon: config.layer_norm_eps,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        x.f_layer_norm(
            self.gain.size(),
            Some(&*self.gain),
            Some(&*self.bias),
            self.epsilon,
            false,
        )
    }
}
