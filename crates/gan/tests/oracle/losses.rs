//! Losses: values, and gradients by the scores.

use crate::Oracle;
use idiom_gan::losses::perceptual::perceptual;
use idiom_gan::{Adversarial, Scores};
use tch::{Kind, Tensor};

fn check(adversarial: Adversarial) {
    let oracle = Oracle::open();
    let leaf = |name: &str| {
        oracle
            .get(&format!("scores/{name}"))
            .set_requires_grad(true)
    };
    let scores = Scores {
        real: leaf("real"),
        fake: leaf("fake"),
        mismatch: leaf("mismatch"),
    };
    let key = format!("losses/{}", adversarial.name());

    let loss = adversarial.discriminator(&scores, 0.5);
    oracle.check(&format!("{key}/discriminator"), &loss);
    let gradients = Tensor::run_backward(
        &[loss],
        &[&scores.real, &scores.fake, &scores.mismatch],
        false,
        false,
    );
    for (name, gradient) in ["real", "fake", "mismatch"].iter().zip(&gradients) {
        oracle.check(&format!("{key}/discriminator/{name}"), gradient);
    }

    let loss = adversarial.generator(&scores.fake, &scores.real.detach());
    oracle.check(&format!("{key}/generator"), &loss);
    let gradients = Tensor::run_backward(&[loss], &[&scores.fake], false, false);
    oracle.check(&format!("{key}/generator/fake"), &gradients[0]);
}

#[test]
fn the_relativistic_loss_is_pytorchs() {
    check(Adversarial::Relativistic);
}

#[test]
fn the_hinge_loss_is_pytorchs() {
    check(Adversarial::Hinge);
}

#[test]
fn the_non_saturating_loss_is_pytorchs_cross_entropy() {
    check(Adversarial::NonSaturating);
}

#[test]
fn the_wasserstein_loss_is_pytorchs() {
    check(Adversarial::Wasserstein);
}

#[test]
fn the_perceptual_distance_is_pytorchs_cell_by_cell() {
    let oracle = Oracle::open();
    let maps = |name: &str| [0, 1].map(|depth| oracle.get(&format!("perceptual/{name}{depth}")));
    let drawn = maps("drawn").map(|maps| maps.set_requires_grad(true));
    let loss = perceptual(&drawn, &maps("real"));
    oracle.check("perceptual/loss", &loss);
    let gradients = Tensor::run_backward(&[loss], &[&drawn[0], &drawn[1]], false, false);
    for (depth, gradient) in gradients.iter().enumerate() {
        oracle.check(&format!("perceptual/gradients/{depth}"), gradient);
    }
}

#[test]
fn a_map_without_any_feature_has_a_gradient() {
    let empty =
        Tensor::zeros([1, 3, 2, 2], (Kind::Float, tch::Device::Cpu)).set_requires_grad(true);
    let loss = perceptual(&[empty.shallow_clone()], &[empty.detach() + 1.0]);
    let gradient = Tensor::run_backward(&[loss], &[&empty], false, false);
    assert!(gradient[0].isfinite().all().int64_value(&[]) == 1);
}

fn equal_scores(level: f64) -> Scores {
    let all = || Tensor::full([4], level, (Kind::Float, tch::Device::Cpu));
    Scores {
        real: all(),
        fake: all(),
        mismatch: all(),
    }
}

#[test]
fn a_tie_costs_ln_2() {
    for level in [-3.0, 0.0, 7.0] {
        let loss = Adversarial::Relativistic
            .discriminator(&equal_scores(level), 0.0)
            .double_value(&[]);
        assert!(
            (loss - std::f64::consts::LN_2).abs() < 1e-6,
            "at the level {level}: {loss}"
        );
    }
}

#[test]
fn scores_beyond_the_margin_cost_nothing() {
    let scores = Scores {
        real: Tensor::from_slice(&[1.0_f32, 5.0]),
        fake: Tensor::from_slice(&[-1.0_f32, -9.0]),
        mismatch: Tensor::from_slice(&[-2.0_f32, -1.0]),
    };
    assert_eq!(
        Adversarial::Hinge
            .discriminator(&scores, 0.5)
            .double_value(&[]),
        0.0
    );
}

#[test]
fn a_mismatch_weight_of_0_leaves_the_mismatched_pairs_out() {
    let losses = [
        Adversarial::Relativistic,
        Adversarial::Hinge,
        Adversarial::NonSaturating,
        Adversarial::Wasserstein,
    ];
    for adversarial in losses {
        let mut scores = equal_scores(0.5);
        scores.mismatch = Tensor::from_slice(&[f32::NAN; 4]);
        assert!(
            adversarial
                .discriminator(&scores, 0.0)
                .double_value(&[])
                .is_finite(),
            "{adversarial:?}"
        );
    }
}
