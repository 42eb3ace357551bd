//! What a run promises about its bytes, on a toy: pictures of 16 px, networks of a few hundred weights, one thread.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod toy;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use idiom_train::{Event, NoSink, Outcome, TrainError, train};
use toy::{Toy, checkpoint_bytes, finish, run};

#[test]
fn two_runs_with_one_seed_leave_equal_bytes() {
    let toy = Toy::new();
    finish(&toy.request("one", 48));
    finish(&toy.request("other", 48));
    assert_eq!(
        checkpoint_bytes(&toy.run_folder("one"), 48),
        checkpoint_bytes(&toy.run_folder("other"), 48)
    );
}

#[test]
fn another_seed_leaves_other_bytes() {
    let toy = Toy::new();
    finish(&toy.request("one", 16));
    let mut request = toy.request("other", 16);
    request.experiment.train.seed = 2;
    finish(&request);
    assert_ne!(
        checkpoint_bytes(&toy.run_folder("one"), 16),
        checkpoint_bytes(&toy.run_folder("other"), 16)
    );
}

#[test]
fn n_and_n_pictures_equal_2n() {
    let toy = Toy::new();
    finish(&toy.request("whole", 96));
    finish(&toy.request("halves", 48));
    finish(&toy.resumed("halves", 96));
    assert_eq!(
        checkpoint_bytes(&toy.run_folder("whole"), 96),
        checkpoint_bytes(&toy.run_folder("halves"), 96)
    );
}

#[test]
fn a_run_that_was_stopped_goes_on_as_if_it_had_not_been() {
    let toy = Toy::new();
    finish(&toy.request("whole", 64));
    let (stop, seen) = (AtomicBool::new(false), AtomicU64::new(0));
    let on = |event: Event| {
        if let Event::Advanced(n) = event
            && seen.fetch_add(n, Ordering::Relaxed) + n == 28
        {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let outcome = train(&toy.request("stopped", 64), &NoSink, &on, &stop).unwrap();
    let Outcome::Interrupted(summary) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(summary.images_seen, 28);
    finish(&toy.resumed("stopped", 64));
    assert_eq!(
        checkpoint_bytes(&toy.run_folder("whole"), 64),
        checkpoint_bytes(&toy.run_folder("stopped"), 64)
    );
}

#[test]
fn the_number_of_loader_threads_changes_nothing() {
    let toy = Toy::new();
    finish(&toy.request("one", 48));
    let mut request = toy.request("three", 48);
    request.experiment.loader.workers = 3;
    request.experiment.loader.cache_mb = 0;
    finish(&request);
    assert_eq!(
        checkpoint_bytes(&toy.run_folder("one"), 48),
        checkpoint_bytes(&toy.run_folder("three"), 48)
    );
}

#[test]
fn a_damaged_newest_save_costs_only_the_way_from_the_one_before() {
    let toy = Toy::new();
    finish(&toy.request("whole", 64));
    finish(&toy.request("damaged", 48));
    let newest = toy
        .run_folder("damaged")
        .join("checkpoints/images-000000048/generator.safetensors");
    let mut bytes = std::fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&newest, bytes).unwrap();
    finish(&toy.resumed("damaged", 64));
    assert_eq!(
        checkpoint_bytes(&toy.run_folder("whole"), 64),
        checkpoint_bytes(&toy.run_folder("damaged"), 64)
    );
}

#[test]
fn a_finished_run_leaves_a_model_a_sheet_and_its_settings() {
    let toy = Toy::new();
    let summary = finish(&toy.request("run", 32));
    let model = idiom_model::load(&summary.model.unwrap(), tch::Device::Cpu).unwrap();
    assert_eq!(model.config.text_encoder.dim, 8);
    let sheet = summary.sheet.unwrap();
    let legend: serde_json::Value =
        serde_json::from_slice(&std::fs::read(sheet.with_extension("json")).unwrap()).unwrap();
    assert!(sheet.exists());
    assert_eq!(legend["columns"], 2);
    assert_eq!(legend["cells"].as_array().unwrap().len(), 4);
    assert_eq!(
        legend["cells"][1]["caption"]
            .as_str()
            .unwrap()
            .rsplit(' ')
            .next(),
        Some("ink")
    );
    assert!(
        ["experiment.yaml", "run.json"]
            .iter()
            .all(|name| toy.run_folder("run").join(name).exists())
    );
}

#[test]
fn a_run_is_not_begun_twice() {
    let toy = Toy::new();
    finish(&toy.request("run", 8));
    let error = run(&toy.request("run", 8)).unwrap_err();
    assert!(matches!(error, TrainError::RunExists { .. }), "{error}");
}

#[test]
fn other_settings_are_named_when_a_run_is_taken_up() {
    let toy = Toy::new();
    finish(&toy.request("run", 8));
    let mut request = toy.resumed("run", 16);
    request.experiment.optimizer.generator.learning_rate = 0.5;
    let error = run(&request).unwrap_err().to_string();
    assert!(
        error.ends_with("`optimizer.generator.learning_rate`: `0.001` -> `0.5`"),
        "{error}"
    );
}

#[test]
fn pictures_are_never_enlarged() {
    let toy = Toy::new();
    let mut request = toy.request("run", 8);
    request.experiment.resolution = 32;
    let error = run(&request).unwrap_err().to_string();
    assert!(
        error.starts_with("`resolution` is 32, but the pictures of"),
        "{error}"
    );
}

#[test]
fn steps_that_never_come_out_finite_stop_the_run_and_name_a_layer() {
    let toy = Toy::new();
    let mut request = toy.request("run", 4000);
    request.experiment.optimizer.generator.learning_rate = 1.0;
    request.experiment.optimizer.discriminator.learning_rate = 1.0;
    request.experiment.objective.penalty.gamma = 1000.0;
    request.experiment.objective.penalty.every = 1;
    request.experiment.augment.colour = f64::INFINITY;
    let error = run(&request).unwrap_err();
    assert!(matches!(error, TrainError::NotFinite { .. }), "{error}");
}

#[test]
fn spectral_normalisation_goes_on_where_it_was() {
    use idiom_spec::experiment::Normalization;
    let toy = Toy::new();
    let spectral = |mut request: idiom_train::TrainRequest| {
        request.experiment.discriminator.normalization = Normalization::Spectral;
        request
    };
    finish(&spectral(toy.request("whole", 48)));
    finish(&spectral(toy.request("halves", 24)));
    finish(&spectral(toy.resumed("halves", 48)));
    assert_eq!(
        checkpoint_bytes(&toy.run_folder("whole"), 48),
        checkpoint_bytes(&toy.run_folder("halves"), 48)
    );
}
