//! The discriminator with spectral normalisation, with PyTorch's weights and left vectors.

use crate::networks::{check_gradients, discriminator_config, fill};
use crate::{Oracle, check};
use idiom_gan::{
    Adversarial, Batch, Discriminator, DiscriminatorConfig, Normalization, Objective, Penalty,
    Stages, discriminator_terms,
};
use idiom_torch_ext::FusedAdam;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

fn config() -> DiscriminatorConfig {
    DiscriminatorConfig {
        normalization: Normalization::Spectral,
        ..discriminator_config(Stages::Plain)
    }
}

#[test]
fn a_step_with_spectral_normalisation_is_pytorchs() {
    let oracle = Oracle::open();
    let store = VarStore::new(Device::Cpu);
    let discriminator = Discriminator::new(&store.root(), &config(), 1).unwrap();
    fill(&store, &oracle.under("spectral/weights"));
    let objective = Objective {
        adversarial: Adversarial::Hinge,
        mismatch: 0.5,
        penalty: Some(Penalty::R1),
    };
    let batch = Batch {
        real: &oracle.get("step/real"),
        fake: &oracle.get("step/fake"),
        text: &oracle.get("step/text"),
        shift: 0,
        share: None,
    };
    let terms = discriminator_terms(&discriminator, &objective, &batch, None).unwrap();
    oracle.check("spectral/real", &terms.scores.real);
    oracle.check("spectral/fake", &terms.scores.fake);
    oracle.check("spectral/mismatch", &terms.scores.mismatch);
    oracle.check("spectral/loss", &terms.loss);
    check_gradients(&store, &terms.loss, &oracle.under("spectral/gradients"));
    let variables = store.variables();
    for (name, expected) in oracle.under("spectral/after") {
        check(&name, &variables[&name], &expected);
    }
}

#[test]
fn no_layer_stretches_a_picture() {
    let store = VarStore::new(Device::Cpu);
    let discriminator = Discriminator::new(&store.root(), &config(), 1).unwrap();
    // Weights a thousand times as large change nothing.
    let text = Tensor::randn([4, 5], (Kind::Float, Device::Cpu));
    let pictures = Tensor::randn([4, 3, 16, 16], (Kind::Float, Device::Cpu));
    let score = || {
        let features = discriminator.features(&pictures).unwrap();
        discriminator.score(&features, &text).unwrap()
    };
    for (name, mut tensor) in store.variables() {
        if name.ends_with("bias") {
            let _ = tch::no_grad(|| tensor.zero_());
        }
    }
    // The power iteration goes on with every call until it has found the vector.
    (0..300).for_each(|_| drop(score()));
    let before = score();
    for (name, mut tensor) in store.variables() {
        if name.ends_with("weight") {
            let _ = tch::no_grad(|| tensor.g_mul_scalar_(1000.0));
        }
    }
    check("scores", &score(), &before);
}

#[test]
fn the_left_vectors_are_saved_but_not_learnt() {
    let store = VarStore::new(Device::Cpu);
    Discriminator::new(&store.root(), &config(), 1).unwrap();
    let is_left = |name: &String| name.ends_with("left_vector");
    assert_eq!(store.variables().keys().filter(|n| is_left(n)).count(), 5);
    let adam = FusedAdam::over(&store, idiom_torch_ext::AdamConfig::default()).unwrap();
    assert!(!adam.names().iter().any(is_left));
}

#[test]
fn a_frozen_network_keeps_its_left_vectors() {
    let mut store = VarStore::new(Device::Cpu);
    let discriminator = Discriminator::new(&store.root(), &config(), 1).unwrap();
    store.freeze();
    let vector = || store.variables()["stage16.left_vector"].copy();
    let before = vector();
    let pictures = Tensor::randn([4, 3, 16, 16], (Kind::Float, Device::Cpu));
    let _ = discriminator.features(&pictures).unwrap();
    assert_eq!(vector(), before);
}
