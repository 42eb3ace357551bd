//! How many pictures a second one training step handles, at the default sizes, batch 32, 64 px.
//!
//! `cargo bench --profile dev -p idiom-gan`; `OMP_NUM_THREADS` sets the threads. `training_step` is the average step of a training:
//! one in eight pays for the penalty. Data loading is not in it.

#![allow(clippy::unwrap_used, reason = "a benchmark may fail by panicking")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use idiom_gan::{
    AugmentConfig, Augmentation, Batch, Discriminator, DiscriminatorConfig, Draws, Ema, EmaConfig,
    Generator, GeneratorConfig, Objective, discriminator_terms, generator_terms,
};
use idiom_torch_ext::{AdamConfig, FusedAdam, channels_last};
use tch::nn::VarStore;
use tch::{Device, Tensor};

const BATCH: i64 = 32;
const N_ITEMS: usize = 32;

fn main() {
    idiom_torch_ext::keep_freed_memory().unwrap();
    divan::main();
}

struct Training {
    generator: Generator,
    discriminator: Discriminator,
    generator_adam: FusedAdam,
    discriminator_adam: FusedAdam,
    ema: Ema,
    real: Tensor,
    text: Tensor,
    step_idx: u64,
}

impl Training {
    fn new() -> Self {
        let stores: [VarStore; 3] = std::array::from_fn(|_| VarStore::new(Device::Cpu));
        let [generator_weights, discriminator_weights, mut average] = stores;
        let generator_config = GeneratorConfig::default();
        let generator = Generator::new(&generator_weights.root(), &generator_config, 1).unwrap();
        let _ = Generator::new(&average.root(), &generator_config, 1).unwrap();
        let discriminator = Discriminator::new(
            &discriminator_weights.root(),
            &DiscriminatorConfig::default(),
            1,
        )
        .unwrap();
        let draws = Draws::new(1, "data");
        Self {
            generator,
            discriminator,
            generator_adam: FusedAdam::over(&generator_weights, AdamConfig::default()).unwrap(),
            discriminator_adam: FusedAdam::over(&discriminator_weights, AdamConfig::default())
                .unwrap(),
            ema: Ema::start(&mut average, &generator_weights).unwrap(),
            real: channels_last(
                &draws
                    .uniforms(0, BATCH, 3 * 64 * 64)
                    .view([BATCH, 3, 64, 64]),
            ),
            text: draws.normals(0, BATCH, 512),
            step_idx: 0,
        }
    }

    fn draw(&self) -> Tensor {
        let seen = self.step_idx * BATCH as u64;
        let latent = Draws::new(1, "latent").normals(seen, BATCH, 64);
        let noise = Draws::new(1, "text_noise").normals(seen, BATCH, 512);
        self.generator
            .forward(&latent, &(&self.text + noise * 0.1))
            .unwrap()
    }

    fn step(&mut self, penalty_weight: Option<f64>) {
        let objective = Objective::default();
        let seen = self.step_idx * BATCH as u64;
        let fake = self.draw();
        let augmentation = Augmentation::draw(
            &AugmentConfig::default(),
            &Draws::new(1, "augment"),
            seen,
            [BATCH, 64],
        );
        let (real, fake) = (augmentation.apply(&self.real), augmentation.apply(&fake));
        let batch = Batch {
            real: &real,
            fake: &fake,
            text: &self.text,
            shift: self.step_idx,
            share: None,
        };
        let terms =
            discriminator_terms(&self.discriminator, &objective, &batch, penalty_weight).unwrap();
        let gradients = self.discriminator_adam.gradients(&terms.loss).unwrap();
        self.discriminator_adam.step(&gradients).unwrap();
        let generator_terms = generator_terms(
            &self.discriminator,
            &objective,
            &fake,
            &self.text,
            &terms.scores.real,
        )
        .unwrap();
        let gradients = self
            .generator_adam
            .gradients(&generator_terms.loss)
            .unwrap();
        self.generator_adam.step(&gradients).unwrap();
        self.ema
            .update(EmaConfig::default().decay(seen + BATCH as u64, BATCH as u64))
            .unwrap();
        self.step_idx += 1;
    }
}

#[divan::bench(sample_count = 6, sample_size = 8)]
fn training_step(bencher: Bencher) {
    let mut training = Training::new();
    bencher.counter(ItemsCount::new(N_ITEMS)).bench_local(|| {
        let weight = training.step_idx.is_multiple_of(8).then_some(40.0);
        training.step(weight);
    });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn training_step_with_penalty(bencher: Bencher) {
    let mut training = Training::new();
    bencher
        .counter(ItemsCount::new(N_ITEMS))
        .bench_local(|| training.step(Some(40.0)));
}

#[divan::bench(sample_count = 10, sample_size = 2)]
fn draw_without_training(bencher: Bencher) {
    let training = Training::new();
    bencher
        .counter(ItemsCount::new(N_ITEMS))
        .bench_local(|| tch::no_grad(|| black_box(training.draw())));
}
