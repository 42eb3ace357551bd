//! A BERT of a few hundred numbers, laid out as the hub lays models out.

use safetensors::{Dtype, tensor::TensorView};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

const HIDDEN: usize = 8;
const WIDE: usize = 16;
const WORDS: [&str; 8] = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "cat", "dog", "clay", "##s",
];

/// Name -> shape of each tensor of a one-layer BERT.
pub(crate) fn shapes() -> BTreeMap<String, Vec<usize>> {
    let mut shapes = BTreeMap::new();
    let mut add = |name: &str, shape: &[usize]| shapes.insert(name.to_owned(), shape.to_vec());
    add("embeddings.word_embeddings.weight", &[WORDS.len(), HIDDEN]);
    add("embeddings.position_embeddings.weight", &[12, HIDDEN]);
    add("embeddings.token_type_embeddings.weight", &[2, HIDDEN]);
    for norm in [
        "embeddings.LayerNorm",
        "encoder.layer.0.attention.output.LayerNorm",
        "encoder.layer.0.output.LayerNorm",
    ] {
        add(&format!("{norm}.weight"), &[HIDDEN]);
        add(&format!("{norm}.bias"), &[HIDDEN]);
    }
    for (linear, n_out, n_in) in [
        ("attention.self.query", HIDDEN, HIDDEN),
        ("attention.self.key", HIDDEN, HIDDEN),
        ("attention.self.value", HIDDEN, HIDDEN),
        ("attention.output.dense", HIDDEN, HIDDEN),
        ("intermediate.dense", WIDE, HIDDEN),
        ("output.dense", HIDDEN, WIDE),
    ] {
        add(&format!("encoder.layer.0.{linear}.weight"), &[n_out, n_in]);
        add(&format!("encoder.layer.0.{linear}.bias"), &[n_out]);
    }
    shapes
}

/// Small numbers that differ from tensor to tensor.
pub(crate) fn tensors(shapes: &BTreeMap<String, Vec<usize>>) -> BTreeMap<String, Vec<u8>> {
    let numbers = |seed: usize, n: usize| -> Vec<u8> {
        (0..n)
            .flat_map(|idx| (((idx * 7 + seed * 13) % 17) as f32 / 17.0 - 0.4).to_le_bytes())
            .collect()
    };
    shapes
        .iter()
        .enumerate()
        .map(|(seed, (name, shape))| (name.clone(), numbers(seed, shape.iter().product())))
        .collect()
}

/// The bytes of a `model.safetensors`.
pub(crate) fn safetensors(shapes: &BTreeMap<String, Vec<usize>>, dtype: Dtype) -> Vec<u8> {
    let data = tensors(shapes);
    let view = |name: &String| TensorView::new(dtype, shapes[name].clone(), &data[name]).unwrap();
    let views: Vec<_> = data.keys().map(|name| (name.clone(), view(name))).collect();
    safetensors::serialize(views, None).unwrap()
}

pub(crate) fn config() -> serde_json::Value {
    json!({
        "model_type": "bert", "vocab_size": WORDS.len(), "hidden_size": HIDDEN, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": WIDE, "hidden_act": "gelu", "max_position_embeddings": 12,
        "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 0
    })
}

fn tokenizer() -> serde_json::Value {
    let vocab: serde_json::Map<String, serde_json::Value> = WORDS
        .iter()
        .enumerate()
        .map(|(id, word)| (word.to_string(), json!(id)))
        .collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocab}
    })
}

/// Path in the model's folder -> bytes.
pub(crate) fn files() -> BTreeMap<String, Vec<u8>> {
    let modules = json!([
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}
    ]);
    let pooling = json!({"word_embedding_dimension": HIDDEN, "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false});
    let json = |value: serde_json::Value| value.to_string().into_bytes();
    BTreeMap::from([
        ("config.json".to_owned(), json(config())),
        ("tokenizer.json".to_owned(), json(tokenizer())),
        ("modules.json".to_owned(), json(modules)),
        ("1_Pooling/config.json".to_owned(), json(pooling)),
        (
            "model.safetensors".to_owned(),
            safetensors(&shapes(), Dtype::F32),
        ),
    ])
}

pub(crate) fn write(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}
