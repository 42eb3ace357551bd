//! The task `restyle` on a toy data set: exact, resumable over the change from encoder to game, and kept as a model.

use crate::toy::{Toy, checkpoint_bytes, finish, run};
use idiom_train::TrainError;
use tch::{Device, Kind, Tensor};

#[test]
fn two_runs_with_one_seed_leave_equal_bytes() {
    let toy = Toy::new();
    finish(&toy.restyle_request("one", 64));
    finish(&toy.restyle_request("other", 64));
    assert_eq!(
        checkpoint_bytes(&toy.run_folder("one"), 64),
        checkpoint_bytes(&toy.run_folder("other"), 64)
    );
}

#[test]
fn a_run_taken_up_while_the_encoder_learns_or_plays_equals_an_unbroken_one() {
    let toy = Toy::new();
    finish(&toy.restyle_request("whole", 96));
    for first in [16, 32, 48] {
        let name = format!("broken-at-{first}");
        finish(&toy.restyle_request(&name, first));
        let mut rest = toy.restyle_request(&name, 96);
        rest.resume = true;
        finish(&rest);
        assert_eq!(
            checkpoint_bytes(&toy.run_folder("whole"), 96),
            checkpoint_bytes(&toy.run_folder(&name), 96),
            "{name}"
        );
    }
}

#[test]
fn the_encoder_stands_still_while_the_game_is_played() {
    let toy = Toy::new();
    finish(&toy.restyle_request("run", 64));
    let encoder_at = |images| {
        let files = checkpoint_bytes(&toy.run_folder("run"), images);
        files
            .into_iter()
            .find(|(name, _)| name == "encoder.safetensors")
            .unwrap()
            .1
    };
    assert_ne!(encoder_at(16), encoder_at(32));
    assert_eq!(encoder_at(32), encoder_at(64));
}

#[test]
fn the_model_restyles_pictures_of_any_fitting_size() {
    let toy = Toy::new();
    let summary = finish(&toy.restyle_request("run", 64));
    let model = idiom_model::restyle::load(&summary.model.unwrap(), Device::Cpu).unwrap();
    assert_eq!(model.config.styles.len(), 2);
    assert_eq!(model.config.phrases.len(), 4);
    let picture = Tensor::zeros([1, 3, 24, 40], (Kind::Float, Device::Cpu));
    let style = Tensor::ones([1, 8], (Kind::Float, Device::Cpu));
    let drawn = tch::no_grad(|| model.generator.forward(&picture, &style).unwrap());
    assert_eq!(drawn.size(), [1, 3, 24, 40]);
    assert!((0.0..=1.0).contains(&model.config.agreement.probability(0.3)));
}

#[test]
fn a_style_without_words_is_named() {
    let toy = Toy::new();
    std::fs::remove_file(toy.dataset().join("phrases.parquet")).unwrap();
    let manifest = toy.dataset().join("manifest.json");
    let mut json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    json["phrases"] = serde_json::Value::Null;
    std::fs::write(&manifest, json.to_string()).unwrap();
    let error = run(&toy.restyle_request("run", 16)).unwrap_err();
    assert!(
        matches!(error, TrainError::EmptyLook { ref style, .. } if style == "flat"),
        "{error}"
    );
}
