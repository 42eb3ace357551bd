//! Each family of models, in the hub's own layout and tiny: vectors equal those of sentence-transformers and transformers
//! (`oracle/make_tiny.py`).

use idiom_encoders::{Locations, load, load_for_pictures};
use std::path::{Path, PathBuf};
use tch::{Device, Kind, Tensor};

fn folder(model: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("oracle/tiny")
        .join(model)
}

fn texts() -> Vec<String> {
    serde_json::from_slice(&std::fs::read(folder("texts.json")).unwrap()).unwrap()
}

fn offline() -> Locations {
    Locations {
        offline: true,
        ..Locations::default()
    }
}

/// A tensor of a model's `expected.safetensors`.
fn expected(model: &str, name: &str) -> Tensor {
    let found = Tensor::read_safetensors(folder(model).join("expected.safetensors")).unwrap();
    let by_name = found.into_iter().find(|(found, _)| found == name);
    by_name.unwrap().1
}

/// `[n, dim]` at unit length.
fn unit(vectors: &Tensor) -> Tensor {
    vectors / vectors.norm_scalaropt_dim(2.0, [1i64], true)
}

fn check(model: &str, found: &[Vec<f32>], wanted: &Tensor, tolerance: f64) {
    let rows: Vec<Tensor> = found.iter().map(|row| Tensor::from_slice(row)).collect();
    let found = Tensor::stack(&rows, 0);
    assert_eq!(found.size(), wanted.size(), "{model}");
    let apart = (found - unit(wanted)).abs().amax([1i64], false);
    let apart = Vec::<f32>::try_from(apart).unwrap();
    let most = apart.iter().copied().fold(0.0, f32::max);
    assert!(f64::from(most) <= tolerance, "{model}: {apart:?}");
}

/// `limit`: tokens that the model sees at most.
fn check_texts(model: &str, name: &str, limit: i64) {
    let encoder = load(folder(model).to_str().unwrap(), &offline(), Device::Cpu).unwrap();
    let texts = texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let found = encoder.encode(&texts).unwrap();
    assert_eq!(found[0].values.len(), encoder.dim());
    let lengths = Vec::<i64>::try_from(expected(model, "lengths")).unwrap();
    for (vector, length) in found.iter().zip(lengths) {
        assert_eq!(i64::from(vector.n_tokens), length.min(limit), "{model}");
        assert_eq!(vector.truncated, length > limit, "{model}");
    }
    let found: Vec<Vec<f32>> = found.into_iter().map(|vector| vector.values).collect();
    check(model, &found, &expected(model, name), 2e-5);
}

#[test]
fn bge_is_read_as_its_files_say_first_token_and_normed() {
    check_texts("bge", "vectors", 32);
}

#[test]
fn e5_is_read_as_its_files_say_mean_with_its_prompt_in_front() {
    check_texts("e5", "vectors", 32);
}

#[test]
fn poolings_side_by_side_without_the_prompt_and_a_projection_are_sentence_transformers_own() {
    check_texts("prompted", "vectors", 32);
}

#[test]
fn clip_texts_are_those_of_transformers() {
    check_texts("clip", "texts", 24);
}

#[test]
fn an_old_clip_reads_a_text_off_at_its_highest_token() {
    let old = tempfile::tempdir().unwrap();
    for name in ["tokenizer.json", "model.safetensors"] {
        std::fs::copy(folder("clip").join(name), old.path().join(name)).unwrap();
    }
    let config = std::fs::read(folder("clip").join("config.json")).unwrap();
    let mut config: serde_json::Value = serde_json::from_slice(&config).unwrap();
    config["text_config"]["eos_token_id"] = 2.into();
    std::fs::write(old.path().join("config.json"), config.to_string()).unwrap();
    let vector_by = |path: &Path| {
        let encoder = load(path.to_str().unwrap(), &offline(), Device::Cpu).unwrap();
        encoder.encode(&["a grumpy cat"]).unwrap()
    };
    assert_eq!(vector_by(old.path()), vector_by(&folder("clip")));
}

/// Bytes `[n, 3, height, width]` as pictures in `[-1, 1]`.
fn pictures(name: &str) -> Tensor {
    expected("clip", name).to_kind(Kind::Float) / 127.5 - 1.0
}

#[test]
fn clip_pictures_are_those_of_transformers_and_are_brought_to_size_like_pillow_does() {
    let encoder =
        load_for_pictures(folder("clip").to_str().unwrap(), &offline(), Device::Cpu).unwrap();
    assert_eq!((encoder.name(), encoder.dim()), ("clip", 8));
    let squares = encoder.encode(&pictures("squares")).unwrap();
    check(
        "squares",
        &squares,
        &expected("clip", "square_vectors"),
        2e-5,
    );
    // Pillow rounds to eight bits after each of its two passes, libtorch once: a step of 255 here and there.
    let oblongs = encoder.encode(&pictures("oblongs")).unwrap();
    check(
        "oblongs",
        &oblongs,
        &expected("clip", "oblong_vectors"),
        5e-3,
    );
}

#[test]
fn a_model_for_texts_alone_has_no_vectors_for_pictures() {
    let found = load_for_pictures(folder("bge").to_str().unwrap(), &offline(), Device::Cpu);
    let error = found.err().unwrap().to_string();
    assert!(error.contains("`model_type` is `bert`"), "{error}");
}
