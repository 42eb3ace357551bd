//! Generator, discriminator, the coupling of samples, and a whole discriminator step, each with PyTorch's weights.

use crate::{Oracle, check};
use idiom_gan::minibatch::{mismatched, with_group_deviation};
use idiom_gan::{
    Adversarial, Batch, Discriminator, DiscriminatorConfig, Draws, EmaConfig, GanError, Generator,
    GeneratorConfig, Normalization, Objective, Penalty, Sight, Stages, Upsampling,
    discriminator_terms, generator_terms,
};
use idiom_torch_ext::channels_last;
use std::collections::BTreeMap;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

pub(crate) fn fill(store: &VarStore, weights: &BTreeMap<String, Tensor>) {
    let variables: BTreeMap<_, _> = store.variables().into_iter().collect();
    assert_eq!(
        variables.keys().collect::<Vec<_>>(),
        weights.keys().collect::<Vec<_>>()
    );
    for (name, mut variable) in variables {
        tch::no_grad(|| variable.copy_(&weights[&name]));
    }
}

pub(crate) fn check_gradients(
    store: &VarStore,
    loss: &Tensor,
    expected: &BTreeMap<String, Tensor>,
) {
    let mut variables: BTreeMap<_, _> = store.variables().into_iter().collect();
    variables.retain(|_, variable| variable.requires_grad());
    let parameters: Vec<&Tensor> = variables.values().collect();
    let gradients = Tensor::run_backward(&[loss], &parameters, false, false);
    for (name, gradient) in variables.keys().zip(&gradients) {
        check(name, gradient, &expected[name]);
    }
}

fn generator_config() -> GeneratorConfig {
    GeneratorConfig {
        resolution: 16,
        latent_dim: 3,
        text_dim: 5,
        text_head_dim: 4,
        style_dim: 6,
        channels: vec![5, 4, 3],
        upsampling: Upsampling::Nearest,
    }
}

pub(crate) fn discriminator_config(stages: Stages) -> DiscriminatorConfig {
    DiscriminatorConfig {
        resolution: 16,
        sight: Sight::Pictures,
        text_dim: 5,
        stages,
        normalization: Normalization::None,
        channels: vec![4, 5],
        feature_dim: 7,
    }
}

#[test]
fn the_generator_draws_pytorchs_pictures_with_its_gradients() {
    let oracle = Oracle::open();
    let store = VarStore::new(Device::Cpu);
    let generator = Generator::new(&store.root(), &generator_config(), 1).unwrap();
    fill(&store, &oracle.under("generator/weights"));
    let pictures = generator
        .forward(&oracle.get("networks/latent"), &oracle.get("networks/text"))
        .unwrap();
    oracle.check("generator/pictures", &pictures);
    let loss = (&pictures * oracle.get("generator/cotangent")).sum(Kind::Float);
    check_gradients(&store, &loss, &oracle.under("generator/gradients"));
}

fn check_step(key: &str, stages: Stages) {
    let oracle = Oracle::open();
    let store = VarStore::new(Device::Cpu);
    let discriminator =
        Discriminator::new(&store.root(), &discriminator_config(stages), 1).unwrap();
    fill(&store, &oracle.under(&format!("{key}/weights")));
    let (real, fake) = (
        channels_last(&oracle.get("step/real")),
        channels_last(&oracle.get("step/fake")),
    );
    let batch = Batch {
        real: &real,
        fake: &fake,
        text: &oracle.get("step/text"),
        shift: 0,
        share: None,
    };
    let terms =
        discriminator_terms(&discriminator, &Objective::default(), &batch, Some(40.0)).unwrap();
    oracle.check(&format!("{key}/real"), &terms.scores.real);
    oracle.check(&format!("{key}/fake"), &terms.scores.fake);
    oracle.check(&format!("{key}/mismatch"), &terms.scores.mismatch);
    oracle.check(&format!("{key}/penalty"), terms.penalty.as_ref().unwrap());
    oracle.check(&format!("{key}/loss"), &terms.loss);
    check_gradients(
        &store,
        &terms.loss,
        &oracle.under(&format!("{key}/gradients")),
    );
}

#[test]
fn a_step_of_the_plain_discriminator_is_pytorchs_with_both_penalties() {
    check_step("plain", Stages::Plain);
}

#[test]
fn a_step_of_the_residual_discriminator_is_pytorchs_with_both_penalties() {
    check_step("residual", Stages::Residual);
}

#[test]
fn a_step_of_a_discriminator_of_maps_is_pytorchs_with_r2_alone() {
    let oracle = Oracle::open();
    let store = VarStore::new(Device::Cpu);
    let config = DiscriminatorConfig {
        sight: Sight::Maps {
            channels: 6,
            stride: 2,
        },
        channels: vec![5],
        ..discriminator_config(Stages::Plain)
    };
    let discriminator = Discriminator::new(&store.root(), &config, 1).unwrap();
    fill(&store, &oracle.under("maps/weights"));
    let batch = Batch {
        real: &oracle.get("maps/real_maps"),
        fake: &oracle.get("maps/fake_maps"),
        text: &oracle.get("step/text"),
        shift: 0,
        share: None,
    };
    let objective = Objective {
        adversarial: Adversarial::Hinge,
        mismatch: 0.5,
        penalty: Some(Penalty::R2),
    };
    let terms = discriminator_terms(&discriminator, &objective, &batch, Some(3.0)).unwrap();
    oracle.check("maps/real", &terms.scores.real);
    oracle.check("maps/fake", &terms.scores.fake);
    oracle.check("maps/mismatch", &terms.scores.mismatch);
    oracle.check("maps/penalty", terms.penalty.as_ref().unwrap());
    oracle.check("maps/loss", &terms.loss);
    check_gradients(&store, &terms.loss, &oracle.under("maps/gradients"));
}

#[test]
fn maps_that_do_not_fill_the_picture_are_refused() {
    let config = |stride| DiscriminatorConfig {
        sight: Sight::Maps {
            channels: 6,
            stride,
        },
        ..discriminator_config(Stages::Plain)
    };
    for stride in [0, 3, 8] {
        let error = config(stride).check().unwrap_err().to_string();
        assert!(
            error.contains("`discriminator.sight.stride`"),
            "{stride}: {error}"
        );
    }
}

#[test]
fn the_deviation_within_groups_is_pytorchs() {
    let oracle = Oracle::open();
    oracle.check(
        "minibatch/result",
        &with_group_deviation(&oracle.get("minibatch/features")).unwrap(),
    );
}

#[test]
fn a_mismatched_text_comes_from_the_same_group_and_never_from_the_sample() {
    let oracle = Oracle::open();
    let text = oracle.get("step/text");
    assert_eq!(mismatched(&text, 0).unwrap(), oracle.get("step/rolled"));
    let numbers = Tensor::arange(12, (Kind::Float, Device::Cpu)).view([12, 1]);
    for shift in [0, 1, 2, 3, 1_000_003, u64::MAX] {
        let other = mismatched(&numbers, shift).unwrap();
        assert_eq!(
            other.eq_tensor(&numbers).any().int64_value(&[]),
            0,
            "shift {shift} keeps a text"
        );
        let group = |tensor: &Tensor| tensor.divide_scalar_mode(4, "floor");
        assert_eq!(
            group(&other),
            group(&numbers),
            "shift {shift} leaves its group"
        );
    }
}

#[test]
fn the_average_of_five_batches_is_pytorchs() {
    let config = EmaConfig {
        half_life_images: 100.0,
        ramp: 0.5,
    };
    let average = Tensor::zeros([3], (Kind::Float, Device::Cpu));
    for step in 0..5_u64 {
        let source = Tensor::arange(3, (Kind::Float, Device::Cpu)) + step as f64;
        let keep = config.decay(32 * (step + 1), 32);
        idiom_torch_ext::lerp_into(&[&average], &[source], 1.0 - keep).unwrap();
    }
    Oracle::open().check("ema/average", &average);
}

#[test]
fn weights_depend_on_the_seed_and_their_names_only() {
    let weights = |seed: u64, channels: Vec<i64>| {
        let store = VarStore::new(Device::Cpu);
        let _ = Generator::new(
            &store.root(),
            &GeneratorConfig {
                channels,
                ..generator_config()
            },
            seed,
        )
        .unwrap();
        store.variables()["mapping1.weight"].copy()
    };
    assert_eq!(weights(1, vec![5, 4, 3]), weights(1, vec![8, 8, 8]));
    assert_ne!(weights(1, vec![5, 4, 3]), weights(2, vec![5, 4, 3]));
}

#[test]
fn fresh_pictures_differ_with_the_text_and_are_neither_flat_nor_glaring() {
    let store = VarStore::new(Device::Cpu);
    let generator = Generator::new(&store.root(), &GeneratorConfig::default(), 1).unwrap();
    let latent = Draws::new(1, "latent")
        .normals(0, 1, 64)
        .expand([8, 64], false)
        .contiguous();
    let pictures = tch::no_grad(|| {
        generator
            .forward(&latent, &Draws::new(1, "text").normals(0, 8, 512))
            .unwrap()
    });
    let overall = pictures.std(false).double_value(&[]);
    let between = pictures
        .std_dim([0_i64].as_slice(), false, false)
        .mean(Kind::Float)
        .double_value(&[]);
    assert!(
        (0.1..1.0).contains(&overall) && between > 0.05,
        "{overall} overall, {between} between texts"
    );
}

#[test]
fn a_fresh_residual_discriminator_hears_its_shortcuts_only() {
    let store = VarStore::new(Device::Cpu);
    let discriminator =
        Discriminator::new(&store.root(), &discriminator_config(Stages::Residual), 1).unwrap();
    let pictures = Draws::new(1, "pictures")
        .normals(0, 4, 3 * 16 * 16)
        .view([4, 3, 16, 16]);
    let before = discriminator.features(&pictures).unwrap();
    let mut weight = store.variables().remove("stage8.same.weight").unwrap();
    let _ = tch::no_grad(|| weight.fill_(1.0));
    assert_eq!(discriminator.features(&pictures).unwrap(), before);
}

#[test]
fn a_wrong_shape_is_an_error_that_names_both() {
    let store = VarStore::new(Device::Cpu);
    let generator = Generator::new(&store.root(), &generator_config(), 1).unwrap();
    let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
    let error = generator
        .forward(&zeros(&[4, 3]), &zeros(&[4, 6]))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`text` has the shape [4, 6], but [batch, 5] was expected"
    );
}

#[test]
fn a_batch_that_cannot_be_grouped_is_an_error() {
    let store = VarStore::new(Device::Cpu);
    let discriminator =
        Discriminator::new(&store.root(), &discriminator_config(Stages::Plain), 1).unwrap();
    let pictures = Tensor::zeros([6, 3, 16, 16], (Kind::Float, Device::Cpu));
    assert!(matches!(
        discriminator.features(&pictures),
        Err(GanError::Group { found: 6, .. })
    ));
}

#[test]
fn the_generators_step_leaves_the_discriminator_without_gradients() {
    let (generator_store, discriminator_store) =
        (VarStore::new(Device::Cpu), VarStore::new(Device::Cpu));
    let generator = Generator::new(&generator_store.root(), &generator_config(), 1).unwrap();
    let config = discriminator_config(Stages::Plain);
    let discriminator = Discriminator::new(&discriminator_store.root(), &config, 1).unwrap();
    let oracle = Oracle::open();
    let (latent, text) = (oracle.get("networks/latent"), oracle.get("networks/text"));
    let fake = generator.forward(&latent, &text).unwrap();
    let real_scores = Tensor::zeros([4], (Kind::Float, Device::Cpu));
    let terms = generator_terms(
        &discriminator,
        &Objective::default(),
        &fake,
        &text,
        &real_scores,
    )
    .unwrap();
    let parameters = generator_store.trainable_variables();
    let gradients = Tensor::run_backward(&[&terms.loss], &parameters, false, false);
    assert!(gradients.iter().all(|gradient| gradient.defined()));
    assert!(
        discriminator_store
            .trainable_variables()
            .iter()
            .all(|weight| !weight.grad().defined())
    );
}
