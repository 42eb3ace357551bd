//! The task `contrastive` on the toy: equal bytes, what it keeps, and what it refuses.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use crate::toy::{Toy, checkpoint_bytes, finish, run};
use idiom_model::load_contrastive;
use idiom_spec::experiment::{Contrastive, Task};
use idiom_train::{Event, NoSink, TrainRequest, train};
use tch::Device;

fn contrastive(request: TrainRequest) -> TrainRequest {
    let mut request = request;
    request.experiment.task = Task::Contrastive;
    request.experiment.contrastive = Contrastive {
        looks: 1.0,
        style_words: 0.0,
        fine_channels: 4,
        channels: vec![8, 8],
        hidden_dim: 8,
        style_dim: 8,
        subject_dim: 8,
        ..Contrastive::default()
    };
    request
}

#[test]
fn n_and_n_pictures_equal_2n() {
    let toy = Toy::new();
    finish(&contrastive(toy.request("whole", 64)));
    finish(&contrastive(toy.request("halves", 32)));
    finish(&contrastive(toy.resumed("halves", 64)));
    assert_eq!(
        checkpoint_bytes(&toy.run_folder("whole"), 64),
        checkpoint_bytes(&toy.run_folder("halves"), 64)
    );
}

#[test]
fn two_looks_that_differ_plainly_are_told_apart() {
    let toy = Toy::new();
    let request = contrastive(toy.request("looks", 256));
    let messages = Mutex::new(Vec::new());
    let on = |event: Event| {
        if let Event::Message(text) = event {
            messages.lock().unwrap().push(text);
        }
    };
    train(&request, &NoSink, &on, &AtomicBool::new(false)).unwrap();
    let said = messages.into_inner().unwrap();
    let accuracy = said
        .iter()
        .rev()
        .find(|text| text.contains("look_accuracy"));
    assert_eq!(accuracy.unwrap(), "validation/look_accuracy 1.000");
}

#[test]
fn what_is_kept_is_a_model_with_its_looks() {
    let toy = Toy::new();
    let summary = finish(&contrastive(toy.request("kept", 16)));
    let model = load_contrastive(&summary.model.unwrap(), Device::Cpu).unwrap();
    assert_eq!(model.config.looks, ["flat", "ink"]);
    assert!(model.networks.anchors.is_some() && model.networks.style_head.is_none());
    assert_eq!(model.config.provenance["run"], "kept");
    assert!(
        !model
            .weights
            .variables()
            .values()
            .any(tch::Tensor::requires_grad)
    );
}

#[test]
fn phrases_that_are_not_there_are_missed_by_look() {
    let toy = Toy::new();
    let mut request = contrastive(toy.request("words", 16));
    request.experiment.contrastive.style_words = 1.0;
    request.experiment.captions.languages = vec!["nobody's".to_owned()];
    let error = run(&request).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`contrastive.style_words`: no embedded phrase speaks of the look `flat`"
    );
    assert!(error.hint().is_some());
}

#[test]
fn a_run_without_any_term_is_refused() {
    let toy = Toy::new();
    let mut request = contrastive(toy.request("nothing", 16));
    request.experiment.contrastive = Contrastive {
        looks: 0.0,
        subject_pairs: 0.0,
        subject_words: 0.0,
        ..request.experiment.contrastive
    };
    assert_eq!(
        run(&request).unwrap_err().to_string(),
        "`contrastive`: no term is left to learn from"
    );
}
