//! The fused Adam against PyTorch's plain one (`oracle/make.py` beside this crate), and its state.

use idiom_torch_ext::{AdamConfig, FusedAdam, TorchError, channels_last};
use safetensors::SafeTensors;
use std::collections::BTreeMap;
use std::path::Path;
use tch::{Device, Kind, Tensor};

const NAMES: [&str; 2] = ["bias", "conv"];
const GAN: AdamConfig = AdamConfig {
    learning_rate: 1e-3,
    beta1: 0.0,
    beta2: 0.99,
    epsilon: 1e-8,
    weight_decay: 0.0,
};
const DECAY: AdamConfig = AdamConfig {
    learning_rate: 2e-3,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weight_decay: 0.01,
};

fn oracle() -> BTreeMap<String, Tensor> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle/adam.safetensors");
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = |(name, view): (String, safetensors::tensor::TensorView<'_>)| {
        let shape: Vec<i64> = view.shape().iter().map(|side| *side as i64).collect();
        (
            name,
            Tensor::from_data_size(view.data(), &shape, Kind::Float),
        )
    };
    file.tensors().into_iter().map(tensor).collect()
}

fn layouts(tensor: &Tensor) -> Tensor {
    let tensor = tensor.copy();
    if tensor.dim() == 4 {
        channels_last(&tensor)
    } else {
        tensor
    }
}

fn start(oracle: &BTreeMap<String, Tensor>, config: AdamConfig) -> FusedAdam {
    let parameter = |name: &&str| {
        (
            (*name).to_owned(),
            layouts(&oracle[&format!("start/{name}")]).set_requires_grad(true),
        )
    };
    FusedAdam::new(NAMES.iter().map(parameter).collect(), config).unwrap()
}

fn walk(adam: &mut FusedAdam, oracle: &BTreeMap<String, Tensor>, steps: std::ops::Range<i64>) {
    for step in steps {
        let gradients: Vec<Tensor> = NAMES
            .iter()
            .map(|name| oracle[&format!("gradients/{name}")].get(step))
            .collect();
        adam.step(&gradients).unwrap();
    }
}

fn check(found: &Tensor, expected: &Tensor, name: &str) {
    let distance = (found.detach() - expected).abs().max().double_value(&[]);
    assert!(distance < 2e-6, "`{name}` differs by {distance}");
}

fn check_case(case: &str, config: AdamConfig) {
    let oracle = oracle();
    let mut adam = start(&oracle, config);
    walk(&mut adam, &oracle, 0..20);
    let state: BTreeMap<String, Tensor> = adam.state().into_iter().collect();
    for (name, parameter) in NAMES.iter().zip(adam.parameters()) {
        check(parameter, &oracle[&format!("{case}/{name}")], name);
        for moment in ["first_moment", "second_moment"] {
            let key = format!("{name}/{moment}");
            check(&state[&key], &oracle[&format!("{case}/{key}")], &key);
        }
    }
}

#[test]
fn twenty_steps_with_a_gans_settings_are_pytorchs() {
    check_case("gan", GAN);
}

#[test]
fn twenty_steps_with_weight_decay_are_pytorchs() {
    check_case("decay", DECAY);
}

#[test]
fn ten_and_ten_steps_through_a_saved_state_equal_twenty_byte_for_byte() {
    let oracle = oracle();
    let mut whole = start(&oracle, DECAY);
    walk(&mut whole, &oracle, 0..20);

    let mut first = start(&oracle, DECAY);
    walk(&mut first, &oracle, 0..10);
    let saved: Vec<(String, Tensor)> = first
        .state()
        .iter()
        .rev()
        .map(|(name, tensor)| (name.clone(), tensor.copy()))
        .collect();
    let parameters = first
        .names()
        .iter()
        .cloned()
        .zip(first.parameters().iter().map(Tensor::copy))
        .map(|(name, parameter)| (name, parameter.detach().set_requires_grad(true)));
    let mut second = FusedAdam::new(parameters.collect(), DECAY).unwrap();
    second.load_state(&saved).unwrap();
    walk(&mut second, &oracle, 10..20);
    assert_eq!(second.parameters(), whole.parameters());
    assert_eq!(second.n_steps(), 20);
}

#[test]
fn a_state_of_another_network_changes_nothing() {
    let oracle = oracle();
    let mut adam = start(&oracle, GAN);
    let mut state: Vec<(String, Tensor)> = adam
        .state()
        .iter()
        .map(|(name, tensor)| (name.clone(), tensor.ones_like()))
        .collect();
    state
        .iter_mut()
        .find(|(name, _)| name == "conv/second_moment")
        .unwrap()
        .1 = Tensor::zeros([2], (Kind::Float, Device::Cpu));
    let error = adam.load_state(&state).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`conv/second_moment` has the shape [2], but [4, 3, 2, 2] was expected"
    );
    assert!(
        adam.state()
            .iter()
            .all(|(_, tensor)| tensor.abs().max().double_value(&[]) == 0.0)
    );
}

#[test]
fn a_parameter_that_the_loss_does_not_touch_is_named() {
    let oracle = oracle();
    let adam = start(&oracle, GAN);
    let loss = adam.parameters()[0].square().sum(Kind::Float);
    assert!(
        matches!(adam.gradients(&loss), Err(TorchError::NoGradient { name }) if name == "conv")
    );
}

#[test]
fn gradients_come_without_touching_the_accumulated_ones() {
    let x = Tensor::from_slice(&[3.0_f32]).set_requires_grad(true);
    let adam = FusedAdam::new(vec![("x".to_owned(), x.shallow_clone())], GAN).unwrap();
    let gradients = adam.gradients(&x.square().sum(Kind::Float)).unwrap();
    assert_eq!(gradients[0].double_value(&[0]), 6.0);
    assert!(!x.grad().defined());
}

#[test]
fn a_rate_that_is_no_number_is_refused() {
    let mut adam = start(&oracle(), GAN);
    let error = adam.set_learning_rate(f64::NAN).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`learning_rate` is NaN, but must be above 0"
    );
    assert_eq!(adam.config(), &GAN);
}
