//! Looking through the pre-trained picture network: as a measure of likeness and as the discriminator's eyes.

use std::path::PathBuf;

use idiom_spec::experiment::{Trunk, WarmStart};
use idiom_train::{TrainError, TrainRequest, checkpoint};

use crate::toy::{Toy, checkpoint_bytes, finish, run};

/// The fetched weights; where there are none, a line says so, and nothing may be skipped where everything is required.
fn weights() -> Option<PathBuf> {
    let cache = std::env::var_os("IDIOM_CACHE").map(PathBuf::from);
    let cache = cache.or_else(|| {
        let home = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
        Some(home?.join("idiom"))
    })?;
    let folder = cache.join("encoders/mobilenet-v2");
    if folder.join("model.safetensors").exists() {
        return Some(folder);
    }
    assert!(
        std::env::var("IDIOM_REQUIRE_ALL").as_deref() != Ok("1"),
        "MobileNetV2 is missing: `python3 crates/encoders/fetch_encoders.py`"
    );
    #[allow(clippy::print_stdout, reason = "a skipped test says so")]
    {
        println!("skipped: vision needs MobileNetV2 (python3 crates/encoders/fetch_encoders.py)");
    }
    None
}

/// 32 pixels, seen as maps of 8x8, which are halved once.
fn looking_through(mut request: TrainRequest, weights: Option<PathBuf>) -> TrainRequest {
    request.vision = weights;
    let experiment = &mut request.experiment;
    experiment.resolution = 32;
    experiment.generator.channels = vec![8, 8, 4, 4];
    experiment.discriminator.trunk = Trunk::MobilenetV2;
    experiment.discriminator.channels = vec![8];
    experiment.objective.perceptual_weight = 1.0;
    request
}

#[test]
fn a_run_that_looks_through_the_network_goes_on_where_it_was() {
    let Some(weights) = weights() else { return };
    let toy = Toy::sized(32, 8);
    let looking = |request| looking_through(request, Some(weights.clone()));
    finish(&looking(toy.request("whole", 32)));
    finish(&looking(toy.request("halves", 16)));
    finish(&looking(toy.resumed("halves", 32)));
    let saved = checkpoint_bytes(&toy.run_folder("whole"), 32);
    assert!(saved == checkpoint_bytes(&toy.run_folder("halves"), 32));
    let saves = toy.run_folder("whole").join("checkpoints");
    let saved = checkpoint::load_newest(&saves, &|warning| panic!("{warning}")).unwrap();
    assert!(saved.progress.settings.contains_key("vision_sha256"));
    let named = |set: &str, wanted: &str| {
        let tensors = saved.tensors[set].iter();
        let found = tensors.clone().find(|(name, _)| name == wanted);
        found
            .unwrap_or_else(|| panic!("{set} has no `{wanted}`"))
            .1
            .shallow_clone()
    };
    // 24 + 32 + 96 channels, and gradients that came through the network.
    assert_eq!(named("discriminator", "stage8.weight").size()[1], 152);
    let moment = named("generator_adam", "to_rgb.weight/second_moment");
    assert!(moment.max().double_value(&[]) > 0.0);
}

#[test]
fn missing_weights_and_a_warm_start_are_refused() {
    let toy = Toy::sized(32, 8);
    let error = run(&looking_through(toy.request("run", 8), None)).unwrap_err();
    assert!(matches!(error, TrainError::NoVision), "{error}");
    assert!(error.hint().unwrap().contains("fetch_encoders.py"));
    let Some(weights) = weights() else { return };
    let mut request = looking_through(toy.request("run", 64), Some(weights));
    request.experiment.warm_start = Some(WarmStart {
        images: 8,
        ..WarmStart::default()
    });
    let error = run(&request).unwrap_err().to_string();
    assert!(error.contains("has to read pictures"), "{error}");
}
