//! Every default of an experiment, in one place.
//!
//! They are the recipe of `text_to_image` at 64 px that was found to learn within minutes on two cores; a file states
//! only what differs. All of them are written into the run's resolved configuration.

use super::{
    Adam, Adaptive, Augment, Captions, Checkpoint, Contrastive, DeviceChoice, Discriminator, Ema,
    Fading, Generator, Guide, Hearing, Loader, Logging, Normalization, Objective, ObjectiveKind,
    Optimizers, Pairs, Penalty, PenaltyKind, PhraseKinds, Precision, Restyle, RestyleDiscriminator,
    RestyleGenerator, RestyleWeights, Samples, Stages, StyleEncoder, Tracking, Train, Trunk,
    Upsampling, WarmStart,
};

/// The multilingual sentence encoder.
#[must_use]
pub fn encoder() -> String {
    "use-multilingual".to_owned()
}

/// Side of the pictures in pixels.
#[must_use]
pub fn resolution() -> i64 {
    64
}

/// Adam's memory of the gradient: none, as the target moves.
#[must_use]
pub fn beta1() -> f64 {
    0.0
}

/// Adam's memory of the squared gradient.
#[must_use]
pub fn beta2() -> f64 {
    0.99
}

/// The generator's optimiser: fast, so that it keeps up.
#[must_use]
pub fn generator_adam() -> Adam {
    adam(1e-3)
}

/// The discriminator's optimiser: slower than the generator's, or it wins within a minute.
#[must_use]
pub fn discriminator_adam() -> Adam {
    adam(3e-4)
}

fn adam(learning_rate: f64) -> Adam {
    Adam {
        learning_rate,
        beta1: beta1(),
        beta2: beta2(),
        warmup_images: 0,
    }
}

impl Default for Guide {
    fn default() -> Self {
        Self {
            images: 16_384,
            sentences: 0,
            hearing: Hearing::SentenceAndHeads,
            text_noise: 1.0,
            style: 1.0,
            subject: 1.0,
            rivals: 8192,
            features: 2.0,
            moments: 2.0,
            projected: 0.0,
            fade: 1.0,
            fade_images: 0,
            fading: Fading::All,
        }
    }
}

impl Default for Train {
    fn default() -> Self {
        Self {
            seed: 1,
            images: 65_536,
            minutes: None,
            batch_size: 32,
            accumulate: 1,
            threads: None,
            device: DeviceChoice::Auto,
            precision: Precision::F32,
        }
    }
}

impl Default for Generator {
    fn default() -> Self {
        Self {
            latent_dim: 64,
            text_head_dim: 128,
            style_dim: 128,
            channels: vec![192, 128, 96, 48, 24],
            upsampling: Upsampling::Nearest,
        }
    }
}

impl Default for Discriminator {
    fn default() -> Self {
        Self {
            trunk: Trunk::None,
            stages: Stages::Plain,
            normalization: Normalization::None,
            channels: vec![24, 48, 96, 192],
            feature_dim: 256,
        }
    }
}

impl Default for Objective {
    fn default() -> Self {
        Self {
            kind: ObjectiveKind::Relativistic,
            mismatch: 0.5,
            pooled_colour_weight: 0.0,
            perceptual_weight: 0.0,
            penalty: Penalty::default(),
        }
    }
}

impl Default for Penalty {
    fn default() -> Self {
        Self {
            kind: PenaltyKind::R1AndR2,
            gamma: 5.0,
            gamma_final: 5.0,
            anneal_images: 65_536,
            every: 8,
            exponent: 6.0,
        }
    }
}

impl Default for Contrastive {
    fn default() -> Self {
        Self {
            looks: 0.0,
            style_words: 1.0,
            subject_pairs: 1.0,
            subject_words: 1.0,
            style_temperature: 0.07,
            subject_temperature: 0.1,
            fine_channels: 16,
            channels: vec![24, 48, 96, 144],
            hidden_dim: 128,
            style_dim: 128,
            subject_dim: 128,
            text_parts: 0,
            // The target stands still here, so the gradient's memory helps.
            optimizer: Adam {
                beta1: 0.9,
                ..adam(2e-3)
            },
            cooldown_images: 0,
        }
    }
}

impl Default for Optimizers {
    fn default() -> Self {
        Self {
            generator: generator_adam(),
            discriminator: discriminator_adam(),
            cooldown_images: 0,
        }
    }
}

impl Default for Ema {
    fn default() -> Self {
        Self {
            half_life_images: 500_000,
            ramp: 0.1,
        }
    }
}

impl Default for Augment {
    fn default() -> Self {
        Self {
            translation: 0.0625,
            cutout: 0.0,
            colour: 0.0,
            adaptive: None,
        }
    }
}

impl Default for Adaptive {
    fn default() -> Self {
        Self {
            target: 0.6,
            rise_images: 500_000,
        }
    }
}

impl Default for WarmStart {
    fn default() -> Self {
        Self {
            images: 13_312,
            divergence_weight: 1.0,
        }
    }
}

impl Default for Captions {
    fn default() -> Self {
        Self {
            composed_share: 0.75,
            languages: Vec::new(),
            phrases: PhraseKinds::All,
            noise: 0.1,
        }
    }
}

impl Default for Loader {
    fn default() -> Self {
        Self {
            workers: 1,
            prefetch: 4,
            cache_mb: 512,
        }
    }
}

impl Default for Checkpoint {
    fn default() -> Self {
        Self {
            every_images: 16_384,
            keep: 2,
        }
    }
}

impl Default for Samples {
    fn default() -> Self {
        Self {
            every_images: 8_192,
            subjects: 8,
            columns: None,
            held_out_subjects: 2,
            named: Vec::new(),
        }
    }
}

impl Default for Logging {
    fn default() -> Self {
        Self {
            every_images: 1_024,
        }
    }
}

impl Default for Tracking {
    fn default() -> Self {
        Self {
            experiment: "text_to_image".to_owned(),
        }
    }
}

impl Default for Restyle {
    fn default() -> Self {
        Self {
            style_dim: 128,
            encoder: StyleEncoder::default(),
            generator: RestyleGenerator::default(),
            discriminator: RestyleDiscriminator::default(),
            weights: RestyleWeights::default(),
            rivals: 8192,
            mismatch: 0.5,
            temperature: 0.1,
            gamma: 5.0,
            penalty_every: 8,
            own_share: 0.25,
            reference_share: 0.4,
            pairs: Pairs::Used,
            hold_out: 0.0,
        }
    }
}

impl Default for StyleEncoder {
    fn default() -> Self {
        Self {
            images: 24_576,
            fine_channels: 16,
            channels: vec![24, 48, 96, 144],
            hidden_dim: 128,
            learning_rate: 1e-3,
            temperature: 0.1,
            text_noise: 0.5,
            phrases: 8,
        }
    }
}

impl Default for RestyleGenerator {
    fn default() -> Self {
        Self {
            channels: vec![24, 48, 96],
            n_blocks: 4,
            mapped_dim: 128,
        }
    }
}

impl Default for RestyleDiscriminator {
    fn default() -> Self {
        Self {
            channels: vec![32, 64, 128, 160],
            hidden_dim: 128,
        }
    }
}

impl Default for RestyleWeights {
    fn default() -> Self {
        Self {
            adversarial: 1.0,
            projected: 0.0,
            agreement: 0.5,
            style: 0.5,
            moments: 10.0,
            style_moments: 0.0,
            content: 1.0,
            subject: 0.0,
            features: 1.0,
            pooled_colour: 2.0,
            pixels: 0.0,
            identity: 5.0,
            total_variation: 0.0,
        }
    }
}
