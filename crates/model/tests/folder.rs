//! Models saved, loaded, replaced, and damaged in every way that `load` must name.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use idiom_gan::text_head::Hearing;
use idiom_gan::{
    Discriminator, DiscriminatorConfig, Draws, Generator, GeneratorConfig, Normalization, Sight,
    Stages, Upsampling,
};
use idiom_model::{ModelConfig, ModelError, Saved, TextEncoderInfo, load, save, tensor_file};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

struct Trained {
    config: ModelConfig,
    generator: Generator,
    generator_weights: VarStore,
    discriminator_weights: VarStore,
}

fn trained(seed: u64) -> Trained {
    let generator_config = GeneratorConfig {
        resolution: 16,
        latent_dim: 3,
        text_dim: 5,
        text_head_dim: 4,
        style_dim: 6,
        channels: vec![5, 4, 3],
        upsampling: Upsampling::Nearest,
    };
    let discriminator_config = DiscriminatorConfig {
        resolution: 16,
        sight: Sight::Pictures,
        text_dim: 5,
        stages: Stages::Residual,
        normalization: Normalization::None,
        channels: vec![4, 5],
        feature_dim: 7,
    };
    let (generator_weights, discriminator_weights) =
        (VarStore::new(Device::Cpu), VarStore::new(Device::Cpu));
    let generator = Generator::new(&generator_weights.root(), &generator_config, seed).unwrap();
    let _ = Discriminator::new(&discriminator_weights.root(), &discriminator_config, seed).unwrap();
    let config = ModelConfig {
        generator: generator_config,
        discriminator: Some(discriminator_config),
        text_encoder: TextEncoderInfo {
            name: "tiny".to_owned(),
            sha256: "ab".repeat(32),
            dim: 5,
            scale: 5_f64.sqrt(),
        },
        words: BTreeMap::new(),
        hearing: Hearing::SentenceAndHeads,
        provenance: BTreeMap::from([("run".to_owned(), "R1".to_owned())]),
    };
    Trained {
        config,
        generator,
        generator_weights,
        discriminator_weights,
    }
}

fn save_into(folder: &Path, trained: &Trained) -> Saved {
    save(
        folder,
        &trained.config,
        &trained.generator_weights,
        Some(&trained.discriminator_weights),
        None,
    )
    .unwrap()
}

fn pictures(generator: &Generator) -> Tensor {
    let (latent, text) = (
        Draws::new(1, "latent").normals(0, 4, 3),
        Draws::new(1, "text").normals(0, 4, 5),
    );
    tch::no_grad(|| generator.forward(&latent, &text).unwrap())
}

fn weights_of(folder: &Path, role: &str) -> PathBuf {
    let is_it = |path: &PathBuf| {
        path.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with(&format!("{role}-"))
    };
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(is_it)
        .unwrap()
}

/// Rewrites `config.json` by replacing text, which must be there.
fn edit_config(folder: &Path, from: &str, to: &str) {
    let path = folder.join("config.json");
    let json = fs::read_to_string(&path).unwrap();
    assert!(json.contains(from), "{json}");
    fs::write(path, json.replace(from, to)).unwrap();
}

/// Puts other bytes in the generator's place and makes `config.json` vouch for them.
fn replace_weights(folder: &Path, bytes: &[u8]) {
    use sha2::{Digest as _, Sha256};
    let path = weights_of(folder, "generator");
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("config.json")).unwrap()).unwrap();
    let entry = &json["files"]["generator"];
    let hash: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    edit_config(folder, entry["sha256"].as_str().unwrap(), &hash);
    edit_config(
        folder,
        &format!("\"bytes\": {}", entry["bytes"]),
        &format!("\"bytes\": {}", bytes.len()),
    );
    fs::write(path, bytes).unwrap();
}

fn error_of(folder: &Path) -> ModelError {
    let error = load(folder, Device::Cpu).unwrap_err();
    assert!(!error.to_string().contains('\n'), "{error}");
    error
}

#[test]
fn a_saved_model_draws_the_same_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let trained = trained(1);
    let saved = save_into(folder.path(), &trained);
    let model = load(folder.path(), Device::Cpu).unwrap();
    assert_eq!(pictures(&model.generator), pictures(&trained.generator));
    assert_eq!(model.config, trained.config);
    assert_eq!(model.sha256, saved.sha256);
    assert!(model.discriminator.is_some());
    assert!(
        model
            .generator_weights
            .variables()
            .values()
            .all(|weight| !weight.requires_grad())
    );
}

#[test]
fn equal_models_give_equal_bytes() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert_eq!(
        save_into(one.path(), &trained(1)).sha256,
        save_into(other.path(), &trained(1)).sha256
    );
}

#[test]
fn a_second_save_replaces_the_first_and_leaves_other_files_alone() {
    let folder = tempfile::tempdir().unwrap();
    save_into(folder.path(), &trained(1));
    fs::write(folder.path().join("notes.safetensors"), "mine").unwrap();
    let second = trained(2);
    let saved = save_into(folder.path(), &second);
    assert_eq!(
        pictures(&load(folder.path(), Device::Cpu).unwrap().generator),
        pictures(&second.generator)
    );
    assert!(folder.path().join("notes.safetensors").exists());
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        saved.files.len() + 1
    );
}

#[test]
fn a_model_without_its_judge_loads_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut trained = trained(1);
    trained.config.discriminator = None;
    save(
        folder.path(),
        &trained.config,
        &trained.generator_weights,
        None,
        None,
    )
    .unwrap();
    assert!(
        load(folder.path(), Device::Cpu)
            .unwrap()
            .discriminator
            .is_none()
    );
}

#[test]
fn a_cut_file_is_damaged_wherever_it_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    save_into(folder.path(), &trained(1));
    let whole = fs::read(weights_of(folder.path(), "generator")).unwrap();
    for length in [0, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
        replace_weights(folder.path(), &whole[..length]);
        assert!(
            matches!(error_of(folder.path()), ModelError::Damaged { .. }),
            "cut at {length}"
        );
    }
}

#[test]
fn a_changed_bit_is_a_wrong_hash() {
    let folder = tempfile::tempdir().unwrap();
    save_into(folder.path(), &trained(1));
    let path = weights_of(folder.path(), "discriminator");
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(matches!(error_of(folder.path()), ModelError::Hash { .. }));
}

#[test]
fn a_header_that_claims_to_be_huge_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    save_into(folder.path(), &trained(1));
    let mut bytes = u64::MAX.to_le_bytes().to_vec();
    bytes.extend(b"{}");
    replace_weights(folder.path(), &bytes);
    assert!(matches!(
        error_of(folder.path()),
        ModelError::Damaged { .. }
    ));
}

#[test]
fn overlapping_tensors_are_damaged() {
    let folder = tempfile::tempdir().unwrap();
    save_into(folder.path(), &trained(1));
    let header = br#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes.extend([0; 12]);
    replace_weights(folder.path(), &bytes);
    assert!(matches!(
        error_of(folder.path()),
        ModelError::Damaged { .. }
    ));
}

/// The generator's weights with one changed by `change`, saved in its place.
fn with_change(change: impl FnOnce(&mut BTreeMap<String, Tensor>)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let trained = trained(1);
    save_into(folder.path(), &trained);
    let mut weights: BTreeMap<String, Tensor> =
        trained.generator_weights.variables().into_iter().collect();
    change(&mut weights);
    let weights: Vec<(String, Tensor)> = weights.into_iter().collect();
    replace_weights(
        folder.path(),
        &tensor_file::to_bytes(&weights, Path::new("x")).unwrap(),
    );
    let message = error_of(folder.path()).to_string();
    let start = message.find("` ").unwrap() + 2;
    message[start..].to_owned()
}

#[test]
fn a_layer_of_another_shape_is_named_with_both_shapes() {
    let message = with_change(|weights| {
        weights.insert(
            "mapping2.weight".to_owned(),
            Tensor::zeros([6, 9], (Kind::Float, Device::Cpu)),
        );
    });
    assert_eq!(
        message,
        "holds `mapping2.weight` with the shape [6, 9], but the network's has [6, 6]"
    );
}

#[test]
fn a_missing_layer_is_named() {
    let message = with_change(|weights| {
        weights.remove("to_rgb.bias");
    });
    assert_eq!(
        message,
        "lacks `to_rgb.bias`, which the network has with the shape [3]"
    );
}

#[test]
fn a_layer_too_many_is_named() {
    let message = with_change(|weights| {
        weights.insert(
            "extra".to_owned(),
            Tensor::zeros([1], (Kind::Float, Device::Cpu)),
        );
    });
    assert_eq!(
        message,
        "holds `extra` with the shape [1], which the network does not have"
    );
}

#[test]
fn a_layer_of_another_number_type_is_named() {
    let message = with_change(|weights| {
        weights.insert(
            "to_rgb.bias".to_owned(),
            Tensor::zeros([3], (Kind::Int64, Device::Cpu)),
        );
    });
    assert_eq!(
        message,
        "holds `to_rgb.bias` as Int64, but Float was expected"
    );
}

#[test]
fn a_pickle_is_refused_by_its_name() {
    let error = error_of(Path::new("weights.pt"));
    assert!(matches!(error, ModelError::Pickle { .. }));
    assert_eq!(
        error.hint().unwrap(),
        "convert it to safetensors where it was made"
    );
}

#[test]
fn a_folder_without_a_config_is_no_model() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(
        error_of(folder.path()),
        ModelError::NoConfig { .. }
    ));
}

#[test]
fn a_file_name_that_leaves_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    save_into(folder.path(), &trained(1));
    edit_config(folder.path(), "\"generator-", "\"../generator-");
    assert!(
        error_of(folder.path())
            .to_string()
            .contains("must be a plain name")
    );
}

#[test]
fn a_misspelt_key_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    save_into(folder.path(), &trained(1));
    edit_config(folder.path(), "\"latent_dim\"", "\"latent_dims\"");
    let message = error_of(folder.path()).to_string();
    assert!(
        message.contains("unknown field `latent_dims`") && message.contains("line "),
        "{message}"
    );
}

#[test]
fn a_model_of_a_later_layout_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    save_into(folder.path(), &trained(1));
    edit_config(
        folder.path(),
        "\"layout_version\": 1",
        "\"layout_version\": 2",
    );
    assert!(
        error_of(folder.path())
            .to_string()
            .ends_with("`layout_version` is 2, but this program reads 1")
    );
}

#[test]
fn a_text_length_that_differs_from_the_encoders_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    save_into(folder.path(), &trained(1));
    edit_config(folder.path(), "\"dim\": 5", "\"dim\": 6");
    assert!(
        error_of(folder.path())
            .to_string()
            .ends_with("`generator.text_dim` is 5, but sentences and heads give 6")
    );
}
