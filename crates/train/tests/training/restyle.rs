//! The task `restyle` on a toy data set: exact, resumable over the change from encoder to game, and kept as a model.

use crate::toy::{Toy, checkpoint_bytes, finish, run};
use idiom_spec::experiment::{PhraseKinds, Precision, RestyleWeights};
use idiom_train::{TrainError, checkpoint};
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
fn restyling_in_bf16_learns_nearly_the_same_and_goes_on_where_it_was() {
    let toy = Toy::new();
    let request = |name: &str, precision, images| {
        let mut request = toy.restyle_request(name, images);
        request.experiment.train.precision = precision;
        request
    };
    finish(&request("whole", Precision::Bf16, 64));
    finish(&request("halves", Precision::Bf16, 48));
    let mut rest = request("halves", Precision::Bf16, 64);
    rest.resume = true;
    finish(&rest);
    assert_eq!(
        checkpoint_bytes(&toy.run_folder("whole"), 64),
        checkpoint_bytes(&toy.run_folder("halves"), 64)
    );
    finish(&request("exact", Precision::F32, 64));
    let generator = |run: &str| {
        let saves = toy.run_folder(run).join("checkpoints");
        let saved = checkpoint::load_newest(&saves, &|warning| panic!("{warning}")).unwrap();
        let weights = saved.tensors["generator"].iter();
        let flat: Vec<Tensor> = weights.map(|(_, weight)| weight.flatten(0, -1)).collect();
        Tensor::cat(&flat, 0)
    };
    let (exact, short) = (generator("exact"), generator("whole"));
    let distance = (&exact - &short).norm().double_value(&[]) / exact.norm().double_value(&[]);
    assert!((1e-7..0.05).contains(&distance), "{distance}");
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
    let naming = model.config.naming.unwrap();
    assert_eq!(naming.subjects.len(), 10, "the training subjects");
    assert_eq!(naming.subjects[3]["en"], "thing 3");
    assert!(naming.look_sharpness > 0.0 && naming.subject_sharpness > 0.0);
    assert_eq!(model.naming_vectors.unwrap().subjects.size(), [10, 8]);
    let picture = Tensor::zeros([1, 3, 24, 40], (Kind::Float, Device::Cpu));
    let style = Tensor::ones([1, 8], (Kind::Float, Device::Cpu));
    let drawn = tch::no_grad(|| model.generator.forward(&picture, &style).unwrap());
    assert_eq!(drawn.size(), [1, 3, 24, 40]);
    assert!((0.0..=1.0).contains(&model.config.agreement.probability(0.3)));
}

#[test]
fn the_baselines_are_settings_and_learn_something_else() {
    let toy = Toy::new();
    finish(&toy.restyle_request("game", 64));
    let objectives: [fn(&mut RestyleWeights); 2] = [
        |weights| weights.pixels = 10.0,
        |weights| weights.style_moments = 10.0,
    ];
    for (idx, objective) in objectives.into_iter().enumerate() {
        let mut request = toy.restyle_request(&format!("baseline-{idx}"), 64);
        let weights = &mut request.experiment.restyle.weights;
        *weights = without_a_term(weights);
        objective(weights);
        finish(&request);
        let run = format!("baseline-{idx}");
        assert_eq!(
            weights_of(&toy, "game", "encoder"),
            weights_of(&toy, &run, "encoder"),
            "the same beginning"
        );
        assert_ne!(
            weights_of(&toy, "game", "generator"),
            weights_of(&toy, &run, "generator")
        );
    }
}

#[test]
fn being_told_from_rivals_moves_the_generator_and_their_number_counts() {
    let toy = Toy::new();
    let settings = [("all", 1.0, 8192), ("few", 1.0, 2), ("none", 0.0, 8192)];
    let generators = settings.map(|(name, weight, rivals)| {
        let mut request = toy.restyle_request(name, 64);
        request.experiment.restyle.weights.subject = weight;
        request.experiment.restyle.rivals = rivals;
        finish(&request);
        weights_of(&toy, name, "generator")
    });
    assert_ne!(generators[0], generators[1]);
    assert_ne!(generators[0], generators[2]);
    assert_ne!(generators[1], generators[2]);
}

#[test]
fn a_discriminator_over_the_encoders_maps_moves_the_generator_and_goes_on_where_it_was() {
    let toy = Toy::sized(32, 8);
    for precision in [Precision::F32, Precision::Bf16] {
        let request = |name: &str, weight: f64, images| {
            let mut request = toy.restyle_request(&format!("{name}-{precision:?}"), images);
            request.experiment.train.precision = precision;
            request.experiment.resolution = 32;
            request.experiment.restyle.encoder.channels = vec![8, 16, 8];
            request.experiment.restyle.weights.projected = weight;
            request
        };
        finish(&request("whole", 1.0, 64));
        finish(&request("halves", 1.0, 48));
        let mut rest = request("halves", 1.0, 64);
        rest.resume = true;
        finish(&rest);
        let of =
            |name: &str| checkpoint_bytes(&toy.run_folder(&format!("{name}-{precision:?}")), 64);
        assert!(of("whole") == of("halves"), "{precision:?}");
        finish(&request("half", 0.5, 64));
        finish(&request("without", 0.0, 64));
        let generator =
            |name: &str| weights_of(&toy, &format!("{name}-{precision:?}"), "generator");
        // Not against the run without it, whose references are not moved either.
        assert!(generator("whole") != generator("half"), "the loss is heard");
        let has = |name: &str| {
            of(name)
                .iter()
                .any(|(file, _)| file == "projected.safetensors")
        };
        assert!(has("whole") && !has("without"));
    }
}

#[test]
fn maps_of_pictures_too_small_are_refused() {
    let toy = Toy::new();
    let mut request = toy.restyle_request("run", 64);
    request.experiment.restyle.weights.projected = 1.0;
    let message = run(&request).unwrap_err().to_string();
    assert!(
        message.contains("restyle.weights.projected: 1") && message.contains("resolution: 16"),
        "{message}"
    );
}

/// A network of a run as it was saved after 64 pictures.
fn weights_of(toy: &Toy, run: &str, network: &str) -> Vec<u8> {
    let files = checkpoint_bytes(&toy.run_folder(run), 64);
    let name = format!("{network}.safetensors");
    let found = files.into_iter().find(|(found, _)| *found == name);
    found.unwrap().1
}

fn without_a_term(weights: &RestyleWeights) -> RestyleWeights {
    RestyleWeights {
        adversarial: 0.0,
        agreement: 0.0,
        style: 0.0,
        moments: 0.0,
        content: 0.0,
        subject: 0.0,
        features: 0.0,
        pooled_colour: 0.0,
        identity: 0.0,
        ..weights.clone()
    }
}

#[test]
fn words_and_combinations_that_are_not_asked_for_are_not_learnt() {
    let toy = Toy::new();
    // The toy's phrases are all colloquial.
    let mut request = toy.restyle_request("formal", 64);
    request.experiment.captions.phrases = PhraseKinds::Formal;
    let error = run(&request).unwrap_err();
    assert!(matches!(error, TrainError::EmptyLook { .. }), "{error}");
    request = toy.restyle_request("colloquial", 64);
    request.experiment.captions.phrases = PhraseKinds::Colloquial;
    let model = idiom_model::restyle::load(&finish(&request).model.unwrap(), Device::Cpu).unwrap();
    assert_eq!(model.config.phrases.len(), 4);
    let mut request = toy.restyle_request("fewer", 64);
    request.experiment.restyle.hold_out = 0.3;
    let model = idiom_model::restyle::load(&finish(&request).model.unwrap(), Device::Cpu).unwrap();
    let n_seen: u64 = model
        .config
        .styles
        .iter()
        .map(|style| style.n_pictures)
        .sum();
    assert!((8..20).contains(&n_seen), "{n_seen} of 20");
}

#[test]
fn a_text_head_can_learn_alone() {
    let toy = Toy::new();
    finish(&toy.restyle_request("first", 64));
    let mut request = toy.restyle_request("head", 32);
    request.init_from = Some(toy.run_folder("first"));
    request.experiment.freeze = vec!["encoder.picture".to_owned()];
    finish(&request);
    let encoder = |run: &str, images| {
        let path = toy.run_folder(run);
        let path = path.join(format!(
            "checkpoints/images-{images:09}/encoder.safetensors"
        ));
        let bytes = std::fs::read(&path).unwrap();
        let tensors = idiom_model::tensor_file::from_bytes(&bytes, &path).unwrap();
        move |network: &str| {
            let mut own = tensors.iter().filter(|(name, _)| name.starts_with(network));
            own.next().unwrap().1.shallow_clone()
        }
    };
    let (before, after) = (encoder("first", 64), encoder("head", 32));
    assert_eq!(before("picture"), after("picture"));
    assert_ne!(before("words"), after("words"));
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
