//! The restyling networks and what they play for (`oracle/make_restyle.py`).

use crate::Oracle;
use crate::networks::{check_gradients, fill};
use idiom_gan::restyle::{
    RestyleBatch, RestyleDiscriminator, RestyleDiscriminatorConfig, RestyleGenerator,
    RestyleGeneratorConfig, RestyleObjective, RestyleWeights, Views, discriminator_loss,
    generator_loss, projected_discriminator_loss, projected_generator_loss,
};
use idiom_gan::{Discriminator, DiscriminatorConfig, Encoded, Sight};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

const DIM: i64 = 6;

fn oracle() -> Oracle {
    Oracle::file("restyle.safetensors")
}

fn generator(store: &VarStore) -> RestyleGenerator {
    let config = RestyleGeneratorConfig {
        style_dim: DIM,
        mapped_dim: 7,
        channels: vec![4, 5, 6],
        n_blocks: 1,
    };
    RestyleGenerator::new(&store.root(), &config, 1).unwrap()
}

fn discriminator(store: &VarStore) -> RestyleDiscriminator {
    let config = RestyleDiscriminatorConfig {
        style_dim: DIM,
        channels: vec![4, 5, 6],
        hidden_dim: 5,
    };
    let built = RestyleDiscriminator::new(&store.root(), &config, 1).unwrap();
    fill(store, &oracle().under("discriminator/weights"));
    built
}

fn objective() -> RestyleObjective {
    RestyleObjective {
        weights: RestyleWeights {
            adversarial: 1.1,
            projected: 0.0,
            agreement: 0.7,
            style: 0.6,
            moments: 5.0,
            style_moments: 0.0,
            content: 1.3,
            subject: 0.0,
            features: 0.9,
            pooled_colour: 2.0,
            pixels: 0.0,
            identity: 4.0,
            total_variation: 0.4,
        },
        mismatch: 0.5,
        temperature: 0.2,
    }
}

/// The tensors of the oracle's batch, in the order of the fields.
fn batch(oracle: &Oracle) -> [Tensor; 7] {
    [
        oracle.get("batch/source"),
        oracle.get("batch/target"),
        oracle.get("batch/is_paired"),
        oracle.get("batch/is_own"),
        oracle.get("batch/real"),
        oracle.get("batch/style"),
        oracle.whole("batch/labels"),
    ]
}

fn named(
    [source, target, is_paired, is_own, real, style, labels]: &[Tensor; 7],
) -> RestyleBatch<'_> {
    RestyleBatch {
        source,
        target,
        is_paired,
        is_own,
        real,
        style,
        labels,
    }
}

fn view(oracle: &Oracle, who: &str) -> Encoded {
    let stage = |idx| oracle.get(&format!("views/{who}/stage{idx}"));
    Encoded {
        stages: (0..3).map(stage).collect(),
        style: oracle.get(&format!("views/{who}/style")),
        subject: oracle.get(&format!("views/{who}/subject")),
    }
}

#[test]
fn the_generator_gives_pytorchs_pictures_and_gradients() {
    let oracle = oracle();
    let store = VarStore::new(Device::Cpu);
    let generator = generator(&store);
    fill(&store, &oracle.under("generator/weights"));
    let (pictures, style) = (
        oracle.get("generator/pictures"),
        oracle.get("generator/style"),
    );
    let drawn = generator.forward(&pictures, &style).unwrap();
    oracle.check("generator/drawn", &drawn);
    let loss = (drawn * oracle.get("generator/cotangent")).sum(Kind::Float);
    check_gradients(&store, &loss, &oracle.under("generator/gradients"));
}

#[test]
fn the_discriminators_loss_is_its_three_parts() {
    let oracle = oracle();
    let store = VarStore::new(Device::Cpu);
    let discriminator = discriminator(&store);
    let (batch, fake) = (batch(&oracle), oracle.get("batch/fake_seen"));
    let found = discriminator_loss(
        &discriminator,
        &objective(),
        &named(&batch),
        &fake,
        Some(3.0),
    )
    .unwrap();
    oracle.check("discriminator/adversarial", &found.adversarial);
    oracle.check("discriminator/agreement", &found.agreement);
    oracle.check("discriminator/penalty", &found.penalty.unwrap());
    oracle.check("discriminator/loss", &found.loss);
    check_gradients(
        &store,
        &found.loss,
        &oracle.under("discriminator/gradients"),
    );
}

#[test]
fn every_term_of_the_generators_loss_is_as_pytorch_has_it() {
    let oracle = oracle();
    let store = VarStore::new(Device::Cpu);
    let discriminator = discriminator(&store);
    let batch = batch(&oracle);
    let fakes =
        ["batch/fake", "batch/fake_seen"].map(|name| oracle.get(name).set_requires_grad(true));
    let judged = discriminator_loss(
        &discriminator,
        &objective(),
        &named(&batch),
        &fakes[1],
        None,
    )
    .unwrap();
    let [drawn, target, source] = ["drawn", "target", "source"].map(|who| view(&oracle, who));
    let views = Views {
        drawn: &drawn,
        target: &target,
        source: &source,
        real: &judged.real,
        found: None,
        projected: None,
    };
    let both = [&fakes[0], &fakes[1]];
    let found = generator_loss(&discriminator, &objective(), &named(&batch), both, &views).unwrap();
    let (of_baselines, terms): (Vec<_>, Vec<_>) =
        (found.terms.iter()).partition(|(name, _)| ["pixels", "style_moments"].contains(name));
    assert_eq!((of_baselines.len(), terms.len()), (2, 9));
    for (name, term) in terms {
        oracle.check(&format!("terms/{name}"), term);
    }
    check_baselines(&oracle, &of_baselines);
    oracle.check("terms/loss", &found.loss);
    let gradients = Tensor::run_backward(&[found.loss], &both, false, false);
    oracle.check("terms/gradients/fake", &gradients[0]);
    oracle.check("terms/gradients/fake_seen", &gradients[1]);
}

/// Pixels: the mean distance over the paired rows 0, 2 and 3. Style moments: that of means and deviations over all rows.
fn check_baselines(oracle: &Oracle, terms: &[&(&'static str, Tensor)]) {
    let term = |wanted: &str| {
        let found = terms.iter().find(|(name, _)| *name == wanted).unwrap();
        found.1.double_value(&[])
    };
    let rows = |name: &str| {
        let tensor = oracle.get(name);
        let rows = tensor.size()[0];
        let flat =
            Vec::<f64>::try_from(tensor.to_kind(Kind::Double).contiguous().view([-1])).unwrap();
        let length = flat.len() / rows as usize;
        flat.chunks(length).map(<[f64]>::to_vec).collect::<Vec<_>>()
    };
    let (fake, target) = (rows("batch/fake"), rows("batch/target"));
    let distance = |row: usize| {
        let pairs = fake[row].iter().zip(&target[row]);
        pairs.map(|(one, other)| (one - other).abs()).sum::<f64>() / fake[row].len() as f64
    };
    let pixels = [0, 2, 3].map(distance).iter().sum::<f64>() / 3.0;
    assert!((term("pixels") - pixels).abs() < 1e-6);
    let moments = |who: &str| -> Vec<f64> {
        let channels = |stage: usize| {
            let tensor = oracle.get(&format!("views/{who}/stage{stage}"));
            let (n, c) = (tensor.size()[0] as usize, tensor.size()[1] as usize);
            let cells = rows(&format!("views/{who}/stage{stage}"));
            let area = cells[0].len() / c;
            (0..n)
                .flat_map(move |row| {
                    let of_row = cells[row].clone();
                    (0..c)
                        .flat_map(move |at| {
                            let part = &of_row[at * area..(at + 1) * area];
                            let mean = part.iter().sum::<f64>() / area as f64;
                            let squares = part.iter().map(|value| (value - mean).powi(2));
                            [mean, (squares.sum::<f64>() / area as f64 + 1e-5).sqrt()]
                        })
                        .collect::<Vec<_>>()
                })
                .collect::<Vec<_>>()
        };
        (0..3).flat_map(channels).collect()
    };
    let (drawn, wanted) = (moments("drawn"), moments("target"));
    let sum: f64 = drawn
        .iter()
        .zip(&wanted)
        .map(|(one, other)| (one - other).abs())
        .sum();
    assert!((term("style_moments") - sum / drawn.len() as f64).abs() < 1e-6);
}

#[test]
fn a_term_without_weight_moves_nothing() {
    let oracle = oracle();
    let store = VarStore::new(Device::Cpu);
    let discriminator = discriminator(&store);
    let batch = batch(&oracle);
    let fake = oracle.get("batch/fake").set_requires_grad(true);
    let judged =
        discriminator_loss(&discriminator, &objective(), &named(&batch), &fake, None).unwrap();
    let [drawn, target, source] = ["drawn", "target", "source"].map(|who| view(&oracle, who));
    let views = Views {
        drawn: &drawn,
        target: &target,
        source: &source,
        real: &judged.real,
        found: None,
        projected: None,
    };
    // Only identity is left: the one row that asks for its own style moves, no other.
    let mut only = objective();
    only.weights = RestyleWeights {
        adversarial: 0.0,
        projected: 0.0,
        agreement: 0.0,
        style: 0.0,
        moments: 0.0,
        style_moments: 0.0,
        content: 0.0,
        subject: 0.0,
        features: 0.0,
        pooled_colour: 0.0,
        pixels: 0.0,
        identity: 1.0,
        total_variation: 0.0,
    };
    let found = generator_loss(
        &discriminator,
        &only,
        &named(&batch),
        [&fake, &fake],
        &views,
    )
    .unwrap();
    let gradient = &Tensor::run_backward(&[found.loss], &[&fake], false, false)[0];
    let moved = gradient
        .abs()
        .flatten(1, -1)
        .amax([1_i64].as_slice(), false);
    let moved = Vec::<f32>::try_from(moved).unwrap();
    let has_moved: Vec<bool> = moved.iter().map(|largest| *largest > 0.0).collect();
    assert_eq!(has_moved, [false, false, true, false]);
}

/// The relativistic game written out: softplus over the pictures' scores, and over those in another style of which the labels say that it is one.
#[test]
fn a_game_over_maps_is_that_over_pictures_with_one_cell_each() {
    let oracle = oracle();
    let batch = batch(&oracle);
    let config = DiscriminatorConfig {
        resolution: 32,
        sight: Sight::Maps {
            channels: 5,
            stride: 4,
        },
        text_dim: DIM,
        channels: vec![4],
        feature_dim: 6,
        ..DiscriminatorConfig::default()
    };
    let store = VarStore::new(Device::Cpu);
    let judge = Discriminator::new(&store.root(), &config, 3).unwrap();
    let maps = |shift: i64| {
        let cells = Tensor::arange(4 * 5 * 64, (Kind::Float, Device::Cpu)) + shift;
        (cells * 0.37).sin().view([4, 5, 8, 8])
    };
    let (real, fake) = (maps(0), maps(1000).set_requires_grad(true));
    let style = &batch[5];
    let labels = Vec::<i64>::try_from(&batch[6]).unwrap();
    let scores = |maps: &Tensor, style: &Tensor| {
        let scores = judge.score(&judge.features(maps).unwrap(), style).unwrap();
        Vec::<f32>::try_from(scores.detach()).unwrap()
    };
    let (of_real, of_fake) = (scores(&real, style), scores(&fake, style));
    let of_others = scores(&real, &style.roll(1, 0));
    let softplus = |value: f32| f64::from(value).exp().ln_1p();
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let game = mean(
        (0..4)
            .map(|at| softplus(of_fake[at] - of_real[at]))
            .collect(),
    );
    let others = (0..4).filter(|at| labels[(at + 3) % 4] != labels[*at]);
    let others = others.map(|at| softplus(of_others[at] - of_real[at]));
    let wanted = game + 0.5 * mean(others.collect());
    let (loss, [real_scores, _]) =
        projected_discriminator_loss(&judge, &objective(), &named(&batch), [&real, &fake]).unwrap();
    assert!((loss.double_value(&[]) - wanted).abs() < 1e-6, "{wanted}");
    loss.backward();
    assert!(!fake.grad().defined(), "cut off from the generator");
    let loss = projected_generator_loss(&judge, style, &fake, &real_scores).unwrap();
    let wanted = mean(
        (0..4)
            .map(|at| softplus(of_real[at] - of_fake[at]))
            .collect(),
    );
    assert!((loss.double_value(&[]) - wanted).abs() < 1e-6, "{wanted}");
    loss.backward();
    assert!(fake.grad().abs().sum(Kind::Float).double_value(&[]) > 0.0);
}

#[test]
fn sides_that_do_not_fit_the_stride_are_refused() {
    let store = VarStore::new(Device::Cpu);
    let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
    let error = generator(&store)
        .forward(&zeros(&[1, 3, 18, 16]), &zeros(&[1, DIM]))
        .unwrap_err();
    assert!(error.to_string().contains("[1, 3, 18, 16]"), "{error}");
}
