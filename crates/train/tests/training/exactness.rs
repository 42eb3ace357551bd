//! What a run promises about its bytes, on a toy: pictures of 16 px, networks of a few hundred weights, one thread.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::toy::{Toy, checkpoint_bytes, finish, run};
use idiom_spec::experiment::{
    Adaptive, Experiment, Normalization, ObjectiveKind, PenaltyKind, Precision, Stages, WarmStart,
};
use idiom_train::{Event, NoSink, Outcome, TrainError, TrainRequest, checkpoint, train};

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

/// Asks a run to stop when it has seen so many pictures.
fn interrupt(request: &TrainRequest, images: u64) {
    let (stop, seen) = (AtomicBool::new(false), AtomicU64::new(0));
    let on = |event: Event| {
        if let Event::Advanced(n) = event
            && seen.fetch_add(n, Ordering::Relaxed) + n == images
        {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let outcome = train(request, &NoSink, &on, &stop).unwrap();
    let Outcome::Interrupted(summary) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(summary.images_seen, images);
}

#[test]
fn a_run_that_was_stopped_goes_on_as_if_it_had_not_been() {
    let toy = Toy::new();
    finish(&toy.request("whole", 64));
    interrupt(&toy.request("stopped", 64), 28);
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
    request.experiment.generator.channels = vec![8, 8, 4, 4];
    request.experiment.discriminator.channels = vec![4, 4, 8];
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

/// Halves make the whole whatever the experiment switches on.
fn check_halves(change: impl Fn(&mut Experiment)) {
    let toy = Toy::new();
    let changed = |mut request: TrainRequest| {
        change(&mut request.experiment);
        request
    };
    finish(&changed(toy.request("whole", 48)));
    finish(&changed(toy.request("halves", 24)));
    finish(&changed(toy.resumed("halves", 48)));
    assert_eq!(
        checkpoint_bytes(&toy.run_folder("whole"), 48),
        checkpoint_bytes(&toy.run_folder("halves"), 48)
    );
}

#[test]
fn spectral_normalisation_goes_on_where_it_was() {
    check_halves(|experiment| experiment.discriminator.normalization = Normalization::Spectral);
}

#[test]
fn adaptive_augmentation_goes_on_where_it_was() {
    check_halves(|experiment| {
        experiment.augment.adaptive = Some(Adaptive {
            target: 0.0,
            rise_images: 100,
        });
    });
}

#[test]
fn a_warm_start_goes_on_where_it_was() {
    let toy = Toy::new();
    let warm = |mut request: TrainRequest| {
        request.experiment.warm_start = Some(WarmStart {
            images: 28,
            divergence_weight: 1.0,
        });
        request
    };
    finish(&warm(toy.request("whole", 48)));
    interrupt(&warm(toy.request("stopped", 48)), 12);
    finish(&warm(toy.resumed("stopped", 48)));
    assert_eq!(
        checkpoint_bytes(&toy.run_folder("whole"), 48),
        checkpoint_bytes(&toy.run_folder("stopped"), 48)
    );
}

#[test]
fn accumulated_gradients_go_on_where_they_were() {
    check_halves(|experiment| {
        experiment.train.batch_size = 8;
        experiment.train.accumulate = 2;
    });
}

#[test]
fn every_save_of_200_steps_is_the_same_after_five_resumes() {
    let toy = Toy::new();
    let saving = |mut request: TrainRequest| {
        request.experiment.checkpoint.every_images = 40;
        request.experiment.checkpoint.keep = 99;
        request
    };
    finish(&saving(toy.request("whole", 800)));
    finish(&saving(toy.request("chained", 120)));
    for images in [200, 360, 480, 640, 800] {
        finish(&saving(toy.resumed("chained", images)));
    }
    for images in (0..=800).step_by(40) {
        assert!(
            checkpoint_bytes(&toy.run_folder("whole"), images)
                == checkpoint_bytes(&toy.run_folder("chained"), images),
            "the saves after {images} pictures differ"
        );
    }
}

#[test]
fn a_batch_in_parts_learns_what_the_whole_batch_does() {
    let toy = Toy::new();
    let with_parts = |run: &str, accumulate: u64| {
        let mut request = toy.request(run, 24);
        request.experiment.train.batch_size = 8;
        request.experiment.train.accumulate = accumulate;
        finish(&request);
        let saves = toy.run_folder(run).join("checkpoints");
        checkpoint::load_newest(&saves, &|warning| panic!("{warning}")).unwrap()
    };
    let (whole, parts) = (with_parts("whole", 1), with_parts("parts", 2));
    for network in ["generator", "discriminator", "generator_adam"] {
        for ((name, one), (_, other)) in whole.tensors[network].iter().zip(&parts.tensors[network])
        {
            let scale = one.abs().max().double_value(&[]).max(1e-3);
            let distance = (one - other).abs().max().double_value(&[]);
            assert!(
                distance <= 2e-3 * scale,
                "{network}/{name} differs by {distance} of {scale}"
            );
        }
    }
}

#[test]
fn what_cannot_go_together_says_why() {
    let toy = Toy::new();
    let check = |change: &dyn Fn(&mut Experiment), words: &str| {
        let mut request = toy.request("run", 16);
        change(&mut request.experiment);
        let error = run(&request).unwrap_err().to_string();
        assert!(error.contains(words), "{error:?} lacks {words:?}");
    };
    check(
        &|e| e.objective.kind = ObjectiveKind::Wasserstein,
        "a zero-centred penalty flattens the critic",
    );
    check(
        &|e| e.objective.penalty.kind = PenaltyKind::R2,
        "the relativistic loss compares pairs",
    );
    check(
        &|e| e.train.precision = Precision::Tf32,
        "`train.precision: tf32` cannot go with `train.device: cpu`: only CUDA has TF32",
    );
    check(
        &|e| {
            e.augment.translation = 0.0;
            e.augment.adaptive = Some(Adaptive::default());
        },
        "only augmentations that are switched on can happen more or less often",
    );
    check(
        &|e| {
            e.warm_start = Some(WarmStart {
                images: 16,
                ..WarmStart::default()
            });
        },
        "`warm_start.images` is 16, but must be fewer than the run's 16 pictures",
    );
}

#[test]
fn a_runs_record_says_with_how_many_digits_it_was_computed() {
    let toy = Toy::new();
    let recorded = |precision| {
        let mut request = toy.request(&format!("{precision:?}"), 4);
        request.experiment.train.precision = precision;
        finish(&request);
        let bytes = std::fs::read(toy.run_folder(&request.run_id).join("run.json")).unwrap();
        let facts: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        facts["precision"].as_str().unwrap().to_owned()
    };
    assert_eq!(recorded(Precision::F32), "f32");
    assert_eq!(recorded(Precision::Bf16), "bf16");
    let has_amx = idiom_torch_ext::cpu_multiplies_bf16().unwrap();
    assert_eq!(
        recorded(Precision::Auto),
        if has_amx { "bf16" } else { "f32" }
    );
}

#[test]
fn bf16_learns_nearly_the_same_and_goes_on_where_it_was() {
    check_halves(|experiment| experiment.train.precision = Precision::Bf16);
    let toy = Toy::new();
    let first_moments = |run: &str, precision| {
        let mut request = toy.request(run, 8);
        request.experiment.train.batch_size = 8;
        request.experiment.train.precision = precision;
        finish(&request);
        let saves = toy.run_folder(run).join("checkpoints");
        let saved = checkpoint::load_newest(&saves, &|warning| panic!("{warning}")).unwrap();
        let tensors = saved.tensors["generator_adam"].iter();
        let moments = tensors.filter(|(name, _)| name.ends_with("first_moment"));
        // With a first decay of 0 the first moment is the gradient itself.
        let flat: Vec<_> = moments.map(|(_, moment)| moment.flatten(0, -1)).collect();
        tch::Tensor::cat(&flat, 0)
    };
    let exact = first_moments("exact", Precision::F32);
    let short = first_moments("short", Precision::Bf16);
    let distance = (&exact - &short).norm().double_value(&[]) / exact.norm().double_value(&[]);
    // With 8 bits of mantissa each product is off by up to 1/256: the gradients are nearly, but not quite, the same.
    assert!((1e-6..0.2).contains(&distance), "{distance}");
}

#[test]
fn two_steps_at_256_pixels_with_all_that_a_gpu_is_asked_for_come_out_finite() {
    let toy = Toy::sized(256, 8);
    let mut request = toy.request("run", 8);
    let experiment = &mut request.experiment;
    experiment.resolution = 256;
    experiment.generator.channels = vec![8, 8, 8, 4, 4, 4, 4];
    experiment.discriminator.channels = vec![4, 4, 4, 4, 8, 8];
    experiment.discriminator.stages = Stages::Residual;
    experiment.train.precision = Precision::Bf16;
    experiment.optimizer.cooldown_images = 100;
    let summary = finish(&request);
    assert_eq!(summary.images_seen, 8);
    let saves = toy.run_folder("run").join("checkpoints");
    let saved = checkpoint::load_newest(&saves, &|warning| panic!("{warning}")).unwrap();
    let all = saved.tensors["generator"].iter();
    assert!(
        all.map(|(_, t)| t.isfinite().all().int64_value(&[]))
            .all(|yes| yes == 1)
    );
}

#[test]
fn a_cooldown_ends_in_steps_of_nearly_nothing() {
    let toy = Toy::new();
    let weights = |images: u64| {
        let mut request = toy.request(&format!("run-{images}"), images);
        request.experiment.optimizer.cooldown_images = 16;
        request.experiment.checkpoint.every_images = 4;
        finish(&request);
        let saves = toy.run_folder(&format!("run-{images}")).join("checkpoints");
        let saved = checkpoint::load_newest(&saves, &|warning| panic!("{warning}")).unwrap();
        saved.tensors["generator"][0].1.copy()
    };
    let moved = |from: u64, to: u64| {
        let distance = (weights(to) - weights(from)).abs().max();
        distance.double_value(&[])
    };
    // Steps of 1e-3 at most, cooled to a ten thousandth.
    let (hot, cold) = (moved(4, 8), moved(20, 24));
    assert!(hot > 1e-5 && cold < 5e-7, "{hot} and {cold}");
}

#[test]
fn a_sheet_goes_without_a_subject_that_is_not_there() {
    let toy = Toy::new();
    let mut request = toy.request("run", 8);
    request.experiment.samples.named = vec!["thing 3".to_owned(), "nobody".to_owned()];
    let sheet = finish(&request).sheet.unwrap();
    let legend = std::fs::read_to_string(sheet.with_extension("json")).unwrap();
    assert!(legend.contains("thing 3 in ink"), "{legend}");
}

/// Two subjects are asked for, which are held-out ones by default; nothing that is said of those has a vector.
#[test]
fn a_sheet_without_a_subject_to_show_shows_rows() {
    let toy = Toy::new();
    toy.embed_training_wholes();
    let sheet = finish(&toy.request("run", 8)).sheet.unwrap();
    let legend = std::fs::read_to_string(sheet.with_extension("json")).unwrap();
    assert!(legend.contains("thing 0 in flat"), "{legend}");
}
