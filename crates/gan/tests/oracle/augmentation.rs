//! DiffAugment's operations with given parameters, and how parameters are drawn.

use crate::Oracle;
use idiom_gan::augment::{colour::Jitter, cutout::Holes, translation::Shifts};
use idiom_gan::{AugmentConfig, Augmentation, Draws};
use tch::{Kind, Tensor};

#[test]
fn colour_is_diffaugments() {
    let oracle = Oracle::open();
    let amount = |name: &str| oracle.get(&format!("augment/{name}")).view([-1, 1, 1, 1]);
    let jitter = Jitter {
        brightness: amount("brightness"),
        saturation: amount("saturation"),
        contrast: amount("contrast"),
    };
    oracle.check(
        "augment/coloured",
        &jitter.apply(&oracle.get("augment/pictures")),
    );
}

#[test]
fn a_shifted_picture_repeats_its_edge() {
    let oracle = Oracle::open();
    let shifts = Shifts {
        down: oracle.whole("augment/down"),
        right: oracle.whole("augment/right"),
    };
    oracle.check(
        "augment/shifted",
        &shifts.apply(&oracle.get("augment/pictures")),
    );
}

#[test]
fn a_hole_reaches_over_the_edge() {
    let oracle = Oracle::open();
    let holes = Holes {
        row: oracle.whole("augment/row"),
        column: oracle.whole("augment/column"),
        side: 4,
    };
    oracle.check(
        "augment/holed",
        &holes.apply(&oracle.get("augment/pictures")),
    );
}

const ALL: AugmentConfig = AugmentConfig {
    translation: 0.25,
    cutout: 0.5,
    colour: 1.0,
};

#[test]
fn gradients_flow_through_every_operation() {
    let pictures =
        Tensor::rand([4, 3, 8, 8], (Kind::Float, tch::Device::Cpu)).set_requires_grad(true);
    let augmentation = Augmentation::draw(&ALL, &Draws::new(1, "augment"), 0, [4, 8]);
    let loss = augmentation.apply(&pictures).square().sum(Kind::Float);
    let gradients = Tensor::run_backward(&[loss], &[&pictures], false, false);
    assert!(gradients[0].abs().sum(Kind::Float).double_value(&[]) > 0.0);
}

#[test]
fn a_samples_augmentation_does_not_depend_on_its_batch() {
    let pictures = Draws::new(2, "pictures")
        .uniforms(0, 8, 3 * 8 * 8)
        .view([8, 3, 8, 8]);
    let draw =
        |first: u64, n: i64| Augmentation::draw(&ALL, &Draws::new(1, "augment"), first, [n, 8]);
    let whole = draw(40, 8).apply(&pictures);
    let halves = [
        draw(40, 4).apply(&pictures.narrow(0, 0, 4)),
        draw(44, 4).apply(&pictures.narrow(0, 4, 4)),
    ];
    assert_eq!(whole, Tensor::cat(&halves, 0));
}

#[test]
fn zeros_leave_pictures_as_they_are() {
    let off = AugmentConfig {
        translation: 0.0,
        cutout: 0.0,
        colour: 0.0,
    };
    let pictures = Tensor::rand([4, 3, 8, 8], (Kind::Float, tch::Device::Cpu));
    assert_eq!(
        Augmentation::draw(&off, &Draws::new(1, "augment"), 0, [4, 8]).apply(&pictures),
        pictures
    );
}

#[test]
fn each_operation_happens_as_often_as_asked() {
    let n = 400;
    let pictures = Tensor::rand([n, 3, 8, 8], (Kind::Float, tch::Device::Cpu));
    let changed = |config: &AugmentConfig, probability: f64| {
        let draws = Draws::new(3, "augment");
        let augmentation = Augmentation::draw_some(config, &draws, 0, [n, 8], probability);
        let distance = (augmentation.apply(&pictures) - &pictures).abs();
        let largest = distance.flatten(1, -1).amax([1_i64].as_slice(), false);
        largest.gt(1e-5).sum(Kind::Int64).int64_value(&[])
    };
    let none = AugmentConfig {
        translation: 0.0,
        cutout: 0.0,
        colour: 0.0,
    };
    let alone = [
        AugmentConfig {
            translation: 0.5,
            ..none
        },
        AugmentConfig {
            cutout: 1.0,
            ..none
        },
        AugmentConfig {
            colour: 1.0,
            ..none
        },
    ];
    for config in &alone {
        assert_eq!(changed(config, 0.0), 0, "{config:?}");
        // Binomial(400, 0.5): sd 10; one shift in 81 moves nothing.
        let found = changed(config, 0.5);
        assert!((150..250).contains(&found), "{found} of {n} by {config:?}");
    }
}
