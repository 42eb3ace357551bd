//! Bad models give one error that names the file, and a pickle is never opened.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod tiny;

use idiom_encoders::{EncoderError, Locations, load};
use safetensors::Dtype;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use tch::Device;

/// Loads the tiny model after `spoil` changed its files, and gives the error's text.
fn error_of(spoil: impl Fn(&mut BTreeMap<String, Vec<u8>>)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut files = tiny::files();
    spoil(&mut files);
    tiny::write(folder.path(), &files);
    let error = load_path(folder.path()).err().unwrap();
    error
        .to_string()
        .replace(folder.path().to_str().unwrap(), "MODEL")
}

fn load_path(path: &Path) -> Result<Box<dyn idiom_encoders::TextEncoder>, EncoderError> {
    let locations = Locations {
        folder: "/nonexistent".into(),
        offline: true,
        ..Locations::default()
    };
    load(path.to_str().unwrap(), &locations, Device::Cpu)
}

fn check_weights(bytes: Vec<u8>, wanted: &str) {
    let error = error_of(|files| _ = files.insert("model.safetensors".into(), bytes.clone()));
    assert!(
        error.starts_with("MODEL/model.safetensors: ") && error.contains(wanted),
        "{error}"
    );
}

fn check_config(key: &str, value: serde_json::Value, wanted: &str) {
    let mut config = tiny::config();
    config[key] = value;
    let error =
        error_of(|files| _ = files.insert("config.json".into(), config.to_string().into_bytes()));
    assert!(error.contains(wanted), "{error}");
}

/// A file with this header and eight bytes of numbers.
fn with_header(header: &str) -> Vec<u8> {
    [
        &(header.len() as u64).to_le_bytes(),
        header.as_bytes(),
        &[0; 8],
    ]
    .concat()
}

#[test]
fn a_sound_model_is_read() {
    let folder = tempfile::tempdir().unwrap();
    tiny::write(folder.path(), &tiny::files());
    let encoder = load_path(folder.path()).unwrap();
    let found = encoder
        .encode(&[
            "cat",
            "clay dogs",
            "clay dogs cat clay dogs cat clay dogs cat",
        ])
        .unwrap();
    assert_eq!(encoder.dim(), 8);
    assert_eq!(
        found
            .iter()
            .map(|vector| vector.n_tokens)
            .collect::<Vec<_>>(),
        [3, 5, 12]
    );
    assert_eq!(
        found
            .iter()
            .map(|vector| vector.truncated)
            .collect::<Vec<_>>(),
        [false, false, true]
    );
}

#[test]
fn half_precision_weights_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = tiny::files();
    let shapes = tiny::shapes();
    let halves = tiny::tensors(&shapes).into_iter().map(|(name, bytes)| {
        let upper: Vec<u8> = bytes
            .chunks(4)
            .flat_map(|number| [number[2], number[3]])
            .collect();
        (name, upper)
    });
    let halves: BTreeMap<String, Vec<u8>> = halves.collect();
    let view = |name: &String| {
        safetensors::tensor::TensorView::new(Dtype::BF16, shapes[name].clone(), &halves[name])
            .unwrap()
    };
    let views: Vec<_> = halves
        .keys()
        .map(|name| (name.clone(), view(name)))
        .collect();
    files.insert(
        "model.safetensors".into(),
        safetensors::serialize(views, None).unwrap(),
    );
    tiny::write(folder.path(), &files);
    assert!(load_path(folder.path()).is_ok());
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let whole = tiny::files()["model.safetensors"].clone();
    for length in [0, 4, 8, 100, whole.len() / 2, whole.len() - 1] {
        check_weights(whole[..length].to_vec(), "is not a sound safetensors file");
    }
}

#[test]
fn a_huge_header_is_refused() {
    check_weights(
        [&u64::MAX.to_le_bytes()[..], &[0; 64]].concat(),
        "header too large",
    );
    check_weights(
        [&(99_000_000u64).to_le_bytes()[..], &[0; 64]].concat(),
        "invalid header length",
    );
}

#[test]
fn overlapping_tensors_are_refused() {
    let header = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#;
    check_weights(with_header(header), "is not a sound safetensors file");
}

#[test]
fn sizes_that_overflow_are_refused() {
    let header = r#"{"a":{"dtype":"F32","shape":[9223372036854775807,9],"data_offsets":[0,8]}}"#;
    check_weights(with_header(header), "is not a sound safetensors file");
}

#[test]
fn integers_for_weights_are_refused() {
    check_weights(
        tiny::safetensors(&tiny::shapes(), Dtype::I32),
        "holds I32, but must hold one of F32, F16, BF16",
    );
}

#[test]
fn a_tensor_of_another_shape_is_told_with_both_shapes() {
    let mut shapes = tiny::shapes();
    shapes.insert("encoder.layer.0.output.dense.weight".into(), vec![8, 15]);
    check_weights(
        tiny::safetensors(&shapes, Dtype::F32),
        "`encoder.layer.0.output.dense.weight` has the shape [8, 15], but must have [8, 16]",
    );
}

#[test]
fn a_missing_tensor_is_named() {
    let mut shapes = tiny::shapes();
    shapes.remove("embeddings.LayerNorm.bias");
    check_weights(
        tiny::safetensors(&shapes, Dtype::F32),
        "has no tensor `embeddings.LayerNorm.bias`",
    );
}

#[test]
fn a_number_that_is_not_finite_is_refused() {
    let mut bytes = tiny::files()["model.safetensors"].clone();
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    check_weights(bytes, "holds numbers that are not finite");
}

#[test]
fn a_configuration_of_an_unknown_kind_is_refused() {
    check_config(
        "model_type",
        json!("t5"),
        "MODEL/config.json: `model_type` is `t5`",
    );
    check_config(
        "hidden_act",
        json!("swish"),
        "`hidden_act` is `swish`, but must be one of",
    );
    check_config(
        "num_attention_heads",
        json!(3),
        "`hidden_size` 8 cannot be shared by `num_attention_heads` 3",
    );
    check_config("hidden_size", json!("8"), "MODEL/config.json: invalid type");
    check_config(
        "vocab_size",
        json!(4),
        "MODEL/tokenizer.json: has 8 tokens, but `vocab_size` is 4",
    );
}

#[test]
fn a_module_that_is_not_known_is_refused() {
    let modules = br#"[{"idx": 2, "name": "2", "path": "2_LSTM", "type": "sentence_transformers.models.LSTM"}]"#;
    let error = error_of(|files| _ = files.insert("modules.json".into(), modules.to_vec()));
    assert_eq!(error, "MODEL/modules.json: the module `LSTM` is not known");
}

#[test]
fn a_default_prompt_that_is_not_there_is_named() {
    let config = br#"{"prompts": {"query": "query: "}, "default_prompt_name": "passage"}"#;
    let error = error_of(|files| {
        _ = files.insert("config_sentence_transformers.json".into(), config.to_vec())
    });
    assert_eq!(
        error,
        "MODEL/config_sentence_transformers.json: `default_prompt_name` is `passage`, but `prompts` has no such key"
    );
}

#[test]
fn a_pooling_folder_outside_of_the_model_is_refused() {
    for path in ["../elsewhere", "/etc"] {
        let modules =
            json!([{"path": path, "type": "sentence_transformers.models.Pooling"}]).to_string();
        let error =
            error_of(|files| _ = files.insert("modules.json".into(), modules.clone().into_bytes()));
        assert_eq!(
            error,
            "MODEL/modules.json: names a folder outside of the model"
        );
    }
}

#[test]
fn a_broken_tokenizer_is_named() {
    let error = error_of(|files| _ = files.insert("tokenizer.json".into(), b"{".to_vec()));
    assert!(error.starts_with("MODEL/tokenizer.json: "), "{error}");
}

#[test]
fn a_missing_file_is_named() {
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        let error = error_of(|files| _ = files.remove(name));
        assert!(error.starts_with(&format!("MODEL/{name}: ")), "{error}");
    }
}

#[test]
fn a_pickle_is_never_opened() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "pytorch_model.bin",
        "model.pt",
        "model.PKL",
        "model.pth",
        "model.ckpt",
    ] {
        // There is no such file: an attempt to open it would give another error.
        let error = load_path(&folder.path().join(name)).err().unwrap();
        assert!(
            matches!(error, EncoderError::Pickle { .. }),
            "{name}: {error}"
        );
        assert!(error.hint().unwrap().contains("model.safetensors"));
    }
}

#[test]
fn a_folder_with_nothing_but_a_pickle_is_refused_by_its_name() {
    let error = error_of(|files| {
        let weights = files.remove("model.safetensors").unwrap();
        files.insert("pytorch_model.bin".into(), weights);
    });
    assert!(
        error.starts_with("MODEL/pytorch_model.bin: is a pickle"),
        "{error}"
    );
}

#[test]
fn an_unknown_name_says_where_it_was_looked_for() {
    let error = load(
        "no-such-encoder",
        &Locations {
            folder: "/nonexistent".into(),
            offline: true,
            ..Locations::default()
        },
        Device::Cpu,
    );
    let error = error.err().unwrap();
    assert_eq!(
        error.to_string(),
        "`no-such-encoder` is not an encoder that can be found; looked in `/nonexistent/no-such-encoder`, `no-such-encoder`"
    );
    assert!(error.hint().unwrap().contains("fetch_encoders.py"));
}

/// A `.npz` with the one array `q1`, whose header says this.
fn npz(header: &str, n_bytes: usize) -> Vec<u8> {
    let mut file = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    file.start_file("q1.npy", zip::write::SimpleFileOptions::default())
        .unwrap();
    let length = (header.len() as u16).to_le_bytes();
    let array = [
        b"\x93NUMPY\x01\x00",
        length.as_slice(),
        header.as_bytes(),
        &vec![0; n_bytes],
    ]
    .concat();
    file.write_all(&array).unwrap();
    file.finish().unwrap().into_inner()
}

fn check_npz(weights: Vec<u8>, wanted: &str) {
    let error = error_of(|files| _ = files.insert("weights.npz".into(), weights.clone()));
    assert!(
        error.starts_with("MODEL/weights.npz: ") && error.contains(wanted),
        "{error}"
    );
}

#[test]
fn a_broken_npz_is_named() {
    let header = |kind: &str, shape: &str| {
        format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}")
    };
    check_npz(b"PK\x03\x04".to_vec(), "");
    check_npz(
        npz(&header("|u1", "7530, 512"), 99),
        "`q1`: holds 99 bytes, but must hold 3855360",
    );
    check_npz(
        npz(&header("|u1", "7530, 256"), 99),
        "`q1` has the shape [7530, 256], but must have [7530, 512]",
    );
    check_npz(npz(&header("<i8", "7530, 512"), 99), "`q1` holds <i8");
    check_npz(npz(&header("|O", "7530, 512"), 99), "`q1` holds |O");
    check_npz(npz("nonsense", 99), "`q1`");
}
