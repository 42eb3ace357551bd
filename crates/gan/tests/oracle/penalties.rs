//! Penalties on the critic `tanh(<picture, w>) + <text, v> mean(picture)^2`: values, and gradients by its weights.

use crate::Oracle;
use idiom_gan::penalties::matching_aware::matching_aware;
use idiom_gan::penalties::slope::{between, slope};
use idiom_gan::penalties::zero_centred::zero_centred;
use tch::{Kind, Tensor};

struct Critic {
    w: Tensor,
    v: Tensor,
}

impl Critic {
    fn new(oracle: &Oracle) -> Self {
        let leaf = |name: &str| oracle.get(name).set_requires_grad(true);
        Self {
            w: leaf("penalties/w"),
            v: leaf("penalties/v"),
        }
    }

    fn score(&self, picture: &Tensor, text: &Tensor) -> Tensor {
        let match_ = (picture * &self.w)
            .sum_dim_intlist([1_i64, 2, 3].as_slice(), false, Kind::Float)
            .tanh();
        match_
            + text.mv(&self.v)
                * picture
                    .mean_dim([1_i64, 2, 3].as_slice(), false, Kind::Float)
                    .square()
    }

    fn check(&self, oracle: &Oracle, name: &str, penalty: &Tensor) {
        oracle.check(&format!("penalties/{name}"), penalty);
        let gradients = Tensor::run_backward(&[penalty], &[&self.w, &self.v], false, false);
        oracle.check(&format!("penalties/{name}/w"), &gradients[0]);
        oracle.check(&format!("penalties/{name}/v"), &gradients[1]);
    }
}

#[test]
fn half_the_mean_squared_gradient_is_pytorchs() {
    let oracle = Oracle::open();
    let critic = Critic::new(&oracle);
    let pictures = oracle.get("penalties/pictures").set_requires_grad(true);
    let scores = critic.score(&pictures, &oracle.get("penalties/texts"));
    critic.check(
        &oracle,
        "zero_centred",
        &zero_centred(&scores, &[&pictures]),
    );
}

#[test]
fn the_matching_aware_penalty_is_pytorchs() {
    let oracle = Oracle::open();
    let critic = Critic::new(&oracle);
    let pictures = oracle.get("penalties/pictures").set_requires_grad(true);
    let texts = oracle.get("penalties/texts").set_requires_grad(true);
    let scores = critic.score(&pictures, &texts);
    critic.check(
        &oracle,
        "matching_aware",
        &matching_aware(&scores, &pictures, &texts, 6.0),
    );
}

#[test]
fn the_slope_penalty_is_pytorchs() {
    let oracle = Oracle::open();
    let critic = Critic::new(&oracle);
    let mixture = between(
        &oracle.get("penalties/pictures"),
        &oracle.get("penalties/others"),
        &oracle.get("penalties/share"),
    );
    let scores = critic.score(&mixture, &oracle.get("penalties/texts"));
    critic.check(&oracle, "slope", &slope(&scores, &mixture));
}

#[test]
fn a_flat_critic_has_finite_penalties_with_finite_gradients() {
    let pictures =
        Tensor::zeros([4, 3, 2, 2], (Kind::Float, tch::Device::Cpu)).set_requires_grad(true);
    let texts = Tensor::zeros([4, 2], (Kind::Float, tch::Device::Cpu)).set_requires_grad(true);
    let w = Tensor::zeros([3, 2, 2], (Kind::Float, tch::Device::Cpu)).set_requires_grad(true);
    let scores = (&pictures * &w).sum_dim_intlist([1_i64, 2, 3].as_slice(), false, Kind::Float)
        + texts.sum_dim_intlist([1_i64].as_slice(), false, Kind::Float) * 0.0;
    for penalty in [
        slope(&scores, &pictures),
        matching_aware(&scores, &pictures, &texts, 6.0),
    ] {
        let gradients = Tensor::run_backward(&[&penalty], &[&w], true, false);
        assert!(gradients[0].isfinite().all().int64_value(&[]) == 1);
    }
}
