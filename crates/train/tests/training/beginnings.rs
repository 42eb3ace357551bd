//! Runs that begin with another run's weights, and layers that do not learn, on the toy.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::toy::{Toy, finish, run};
use idiom_train::TrainRequest;
use idiom_train::checkpoint::{self, TensorSets};

fn tensors(run: &Path) -> TensorSets {
    checkpoint::load_newest(&run.join("checkpoints"), &|warning| panic!("{warning}"))
        .unwrap()
        .tensors
}

/// The first save of a run that begins from `source`, and the last of the source.
fn begun(toy: &Toy, source: PathBuf, images: u64) -> TensorSets {
    let request = TrainRequest {
        init_from: Some(source),
        ..toy.request("child", images)
    };
    finish(&request);
    tensors(&toy.run_folder("child"))
}

fn by_name(sets: &TensorSets, network: &str) -> BTreeMap<String, tch::Tensor> {
    sets[network]
        .iter()
        .map(|(name, tensor)| (name.clone(), tensor.copy()))
        .collect()
}

/// A child whose step sizes are so small that its weights are still its parent's after one step.
fn hardly_moving(toy: &Toy, source: PathBuf) -> TensorSets {
    let mut request = TrainRequest {
        init_from: Some(source),
        ..toy.request("child", 4)
    };
    request.experiment.optimizer.generator.learning_rate = 1e-12;
    request.experiment.optimizer.discriminator.learning_rate = 1e-12;
    finish(&request);
    tensors(&toy.run_folder("child"))
}

fn assert_near(one: &TensorSets, other: &TensorSets, network: &str) {
    let other = by_name(other, network);
    for (name, tensor) in by_name(one, network) {
        let distance = (&tensor - &other[&name]).abs().max().double_value(&[]);
        assert!(distance < 1e-6, "{network}.{name} differs by {distance}");
    }
}

#[test]
fn a_run_begins_with_both_networks_of_another_run() {
    let toy = Toy::new();
    finish(&toy.request("parent", 32));
    let parent = tensors(&toy.run_folder("parent"));
    let child = hardly_moving(&toy, toy.run_folder("parent"));
    // The average begins anew, as its ramp does: after the first step it is the generator.
    for network in ["generator", "discriminator"] {
        assert_near(&child, &parent, network);
    }
}

#[test]
fn a_model_lends_its_average_to_the_generator() {
    let toy = Toy::new();
    finish(&toy.request("parent", 32));
    let parent = tensors(&toy.run_folder("parent"));
    let child = hardly_moving(&toy, toy.run_folder("parent").join("model"));
    assert_near(&child, &parent, "average");
    let average = TensorSets::from([("generator".to_owned(), copies(&parent["average"]))]);
    assert_near(&average, &child, "generator");
}

fn copies(set: &[(String, tch::Tensor)]) -> Vec<(String, tch::Tensor)> {
    set.iter().map(|(n, t)| (n.clone(), t.copy())).collect()
}

#[test]
fn a_layer_of_another_shape_is_named_with_both_shapes() {
    let toy = Toy::new();
    finish(&toy.request("parent", 4));
    let mut request = TrainRequest {
        init_from: Some(toy.run_folder("parent")),
        ..toy.request("child", 8)
    };
    request.experiment.discriminator.feature_dim = 16;
    let error = run(&request).unwrap_err().to_string();
    assert!(error.starts_with("`init_from`: "), "{error}");
    assert!(error.contains("`discriminator."), "{error}");
    assert!(error.contains("[8]") && error.contains("[16]"), "{error}");
}

#[test]
fn a_pickle_is_not_opened() {
    let toy = Toy::new();
    let path = toy.path().join("weights.pt");
    std::fs::write(&path, "x").unwrap();
    let request = TrainRequest {
        init_from: Some(path),
        ..toy.request("child", 8)
    };
    let error = run(&request).unwrap_err().to_string();
    assert!(error.contains("is no safetensors file"), "{error}");
}

#[test]
fn a_frozen_layer_keeps_its_bytes_and_the_others_learn() {
    let toy = Toy::new();
    finish(&toy.request("parent", 16));
    let parent = tensors(&toy.run_folder("parent"));
    let mut request = TrainRequest {
        init_from: Some(toy.run_folder("parent")),
        ..toy.request("child", 32)
    };
    request.experiment.freeze = vec!["generator.text_head".to_owned()];
    finish(&request);
    let child = tensors(&toy.run_folder("child"));
    let (before, after) = (by_name(&parent, "generator"), by_name(&child, "generator"));
    assert_eq!(before["text_head.weight"], after["text_head.weight"]);
    assert_ne!(before["to_rgb.weight"], after["to_rgb.weight"]);
    let frozen =
        |set: &[(String, tch::Tensor)]| set.iter().any(|(name, _)| name.starts_with("text_head"));
    assert!(!frozen(&child["generator_adam"]));
    // What is frozen is frozen after a resume, too.
    let resumed = TrainRequest {
        resume: true,
        ..TrainRequest {
            experiment: {
                let mut longer = request.experiment.clone();
                longer.train.images = 48;
                longer
            },
            ..request
        }
    };
    finish(&resumed);
    let child = tensors(&toy.run_folder("child"));
    assert_eq!(
        by_name(&child, "generator")["text_head.weight"],
        before["text_head.weight"]
    );
}

#[test]
fn optimisers_begin_anew() {
    let toy = Toy::new();
    finish(&toy.request("parent", 32));
    let child = begun(&toy, toy.run_folder("parent"), 8);
    let steps = &by_name(&child, "generator_adam")["step"];
    assert_eq!(steps.int64_value(&[0]), 2);
}
