//! What the files beside a model say about sentences: how tokens are pooled, what is projected, what is put in front of a text,
//! and how long it may be. As sentence-transformers reads them (`modules.json`, `1_Pooling/config.json`, `2_Dense/`,
//! `sentence_bert_config.json`, `config_sentence_transformers.json`, `tokenizer_config.json`); each may be missing.

use crate::EncoderError;
use crate::layers::Linear;
use crate::pooling::Pooling;
use crate::tokens::Tokenizer;
use crate::weights::{Weights, bytes_of};
use serde_json::Value;
use std::path::{Component, Path, PathBuf};
use tch::{Device, TchError, Tensor};

/// The settings of a folder.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sentence {
    /// Several are put side by side.
    pub(crate) poolings: Vec<Pooling>,
    /// Folders of linear layers after the pooling.
    pub(crate) projections: Vec<PathBuf>,
    /// Put in front of each text.
    pub(crate) prompt: String,
    /// Whether the prompt's tokens are left out when tokens are pooled.
    pub(crate) skips_prompt: bool,
    pub(crate) lower_case: bool,
    /// Tokens that the model sees at most, start and end included.
    pub(crate) max_tokens: usize,
}

impl Sentence {
    /// `room`: tokens for which the network has positions.
    pub(crate) fn read(folder: &Path, room: u64) -> Result<Self, EncoderError> {
        let (pooling, projections) = modules(folder)?;
        let path = pooling.join("config.json");
        let config = json_of(&path)?;
        let poolings = match &config {
            Some(config) => Pooling::from_json(&path, config)?,
            None => vec![Pooling::Mean],
        };
        let includes = config.and_then(|config| config.get("include_prompt")?.as_bool());
        let skips_prompt = includes == Some(false);
        if skips_prompt && poolings.contains(&Pooling::WeightedMean) {
            let reason = "`weightedmean` without the prompt is not known".into();
            return Err(EncoderError::Unsupported { path, reason });
        }
        let own = json_of(&folder.join("sentence_bert_config.json"))?.unwrap_or_default();
        Ok(Self {
            poolings,
            projections,
            prompt: prompt(folder)?,
            skips_prompt,
            lower_case: own.get("do_lower_case").and_then(Value::as_bool) == Some(true),
            max_tokens: max_tokens(folder, &own, room)?,
        })
    }

    /// Everything that decides a vector, for the encoder's hash.
    pub(crate) fn fingerprint(&self) -> String {
        let Self {
            poolings,
            prompt,
            skips_prompt,
            lower_case,
            max_tokens,
            ..
        } = self;
        let pooling = match poolings.as_slice() {
            [one] => format!("{one:?}"),
            several => format!("{several:?}"),
        };
        let mut text = format!("{pooling} {max_tokens}");
        if !prompt.is_empty() || *lower_case {
            text += &format!(" {prompt:?} {skips_prompt} {lower_case}");
        }
        text
    }
}

/// Folders of `modules.json` below the model's own: the one that says how to pool, and those of projections.
fn modules(folder: &Path) -> Result<(PathBuf, Vec<PathBuf>), EncoderError> {
    let path = folder.join("modules.json");
    let (mut pooling, mut projections) = (folder.join("1_Pooling"), Vec::new());
    let Some(modules) = json_of(&path)? else {
        return Ok((pooling, projections));
    };
    for (kind, name) in named(&modules) {
        let below = below(folder, &name)
            .ok_or_else(|| EncoderError::damaged(&path, "names a folder outside of the model"))?;
        match kind.as_str() {
            "Normalize" => {}
            "Transformer" if name.is_empty() => {}
            "Pooling" => pooling = below,
            "Dense" => projections.push(below),
            "Transformer" => {
                let reason =
                    format!("the transformer lies in `{name}`, not in the model's own folder");
                return Err(EncoderError::Unsupported { path, reason });
            }
            _ => {
                let reason = format!("the module `{kind}` is not known");
                return Err(EncoderError::Unsupported { path, reason });
            }
        }
    }
    Ok((pooling, projections))
}

/// Kind (the last part of the type's name) and folder of each module.
pub(crate) fn named(modules: &Value) -> Vec<(String, String)> {
    let text = |module: &Value, key: &str| {
        let found = module.get(key).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let kind = |name: String| name.rsplit('.').next().unwrap_or_default().to_owned();
    let modules = modules.as_array().into_iter().flatten();
    modules
        .map(|module| (kind(text(module, "type")), text(module, "path")))
        .collect()
}

/// The folder of this name in the model's folder, unless it would lie outside of it.
pub(crate) fn below(folder: &Path, name: &str) -> Option<PathBuf> {
    let is_inside = Path::new(name)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    is_inside.then(|| folder.join(name))
}

/// What sentence-transformers' `encode` puts in front where nothing else is asked for.
fn prompt(folder: &Path) -> Result<String, EncoderError> {
    let path = folder.join("config_sentence_transformers.json");
    let config = json_of(&path)?.unwrap_or_default();
    let Some(name) = config.get("default_prompt_name").and_then(Value::as_str) else {
        return Ok(String::new());
    };
    let prompt = config
        .get("prompts")
        .and_then(|prompts| prompts.get(name)?.as_str());
    prompt.map(str::to_owned).ok_or_else(|| {
        EncoderError::damaged(
            path,
            format!("`default_prompt_name` is `{name}`, but `prompts` has no such key"),
        )
    })
}

fn max_tokens(folder: &Path, own: &Value, room: u64) -> Result<usize, EncoderError> {
    let asked = match own.get("max_seq_length").and_then(Value::as_u64) {
        Some(asked) => asked as f64,
        // Where it says nothing, the number here is 1e30.
        None => json_of(&folder.join("tokenizer_config.json"))?
            .and_then(|config| config.get("model_max_length")?.as_f64())
            .unwrap_or(f64::INFINITY),
    };
    Ok(asked.clamp(3.0, room as f64) as usize)
}

/// A JSON file that may be missing.
pub(crate) fn json_of(path: &Path) -> Result<Option<Value>, EncoderError> {
    if !path.exists() {
        return Ok(None);
    }
    serde_json::from_slice(&bytes_of(path)?)
        .map(Some)
        .map_err(|reason| EncoderError::damaged(path, reason))
}

/// What makes one vector of a sentence's tokens.
#[derive(Clone)]
pub(crate) struct Head {
    poolings: Vec<Pooling>,
    /// Tokens at the start that are not pooled.
    skipped: i64,
    projections: Vec<Projection>,
    /// Entries of the vector.
    pub(crate) n_out: i64,
}

impl Head {
    /// Adds the projections' bytes to `hashed`.
    pub(crate) fn read(
        sentence: &Sentence,
        tokenizer: &Tokenizer,
        device: Device,
        hidden: i64,
        hashed: &mut Vec<u8>,
    ) -> Result<Self, EncoderError> {
        let skipped = if sentence.skips_prompt {
            tokenizer.prompt_tokens()? as i64
        } else {
            0
        };
        let mut n_out = hidden * sentence.poolings.len() as i64;
        let mut projections = Vec::new();
        for folder in &sentence.projections {
            let projection = Projection::read(folder, device, n_out, hashed)?;
            n_out = projection.n_out;
            projections.push(projection);
        }
        Ok(Self {
            poolings: sentence.poolings.clone(),
            skipped,
            projections,
            n_out,
        })
    }

    /// `[batch, length, hidden]` -> `[batch, n_out]`.
    pub(crate) fn forward(&self, tokens: &Tensor) -> Result<Tensor, TchError> {
        let length = tokens.size()[1];
        // A text that is all prompt keeps its last token, the mark of the end.
        let skipped = self.skipped.min(length - 1);
        let tokens = tokens.f_narrow(1, skipped, length - skipped)?;
        let pooled = self
            .poolings
            .iter()
            .map(|pooling| pooling.apply(&tokens))
            .collect::<Result<Vec<_>, _>>()?;
        let mut vector = Tensor::f_cat(&pooled, 1)?;
        for projection in &self.projections {
            vector = projection.forward(&vector)?;
        }
        Ok(vector)
    }
}

/// A linear layer after the pooling, with an activation.
#[derive(Clone)]
pub(crate) struct Projection {
    linear: Linear,
    has_tanh: bool,
    pub(crate) n_out: i64,
}

impl Projection {
    /// Reads a `Dense` module, and adds its bytes to what the encoder's hash is taken over.
    pub(crate) fn read(
        folder: &Path,
        device: Device,
        n_in: i64,
        hashed: &mut Vec<u8>,
    ) -> Result<Self, EncoderError> {
        let path = folder.join("config.json");
        let bytes = bytes_of(&path)?;
        let config: Value = serde_json::from_slice(&bytes)
            .map_err(|reason| EncoderError::damaged(&path, reason))?;
        let unsupported = |reason: String| EncoderError::Unsupported {
            path: path.clone(),
            reason,
        };
        let activation = config.get("activation_function").and_then(Value::as_str);
        let has_tanh = match activation.and_then(|name| name.rsplit('.').next()) {
            Some("Tanh") => true,
            Some("Identity") => false,
            other => return Err(unsupported(format!("`activation_function` is {other:?}"))),
        };
        if config.get("use_residual").and_then(Value::as_bool) == Some(true) {
            return Err(unsupported("`use_residual` is not known".into()));
        }
        let n_out = config.get("out_features").and_then(Value::as_i64);
        let n_out = n_out.ok_or_else(|| EncoderError::damaged(&path, "has no `out_features`"))?;
        let weights_path = folder.join("model.safetensors");
        let data = bytes_of(&weights_path)?;
        let weights = Weights::open(&weights_path, &data, device)?;
        let linear = if config.get("bias").and_then(Value::as_bool) == Some(false) {
            Linear::without_bias(&weights, "linear", [n_out, n_in])?
        } else {
            Linear::read(&weights, "linear", [n_out, n_in])?
        };
        hashed.extend(bytes);
        hashed.extend(data);
        Ok(Self {
            linear,
            has_tanh,
            n_out,
        })
    }

    /// `[batch, n_in]` -> `[batch, n_out]`.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let x = self.linear.forward(x)?;
        if self.has_tanh { x.f_tanh() } else { Ok(x) }
    }
}
