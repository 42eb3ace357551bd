//! Networks, losses, penalties and augmentation of the text-to-picture GAN, each a function of tensors.
//!
//! Nothing here knows a file, a clock, an experiment's YAML or the data: plain config structs and tensors come in, tensors and
//! typed errors go out. Random numbers come from [`draws::Draws`], never from libtorch's global generator. Tensors must be on the
//! networks' device. Pictures are `f32 [batch, 3, side, side]` in `[-1, 1]`, best laid out channels-last
//! (`idiom_torch_ext::channels_last`); texts are the frozen encoder's unit vectors times the root of their length.
//!
//! # One step
//! With a batch that is a multiple of 4, `seen` images before it, and `n` images in it:
//! 1. `latent = Draws::new(seed, "latent").normals(seen, n, latent_dim)`; add noise to the text if wanted:
//!    `text + 0.1 * Draws::new(seed, "text_noise").normals(seen, n, text_dim)`.
//! 2. `fake = generator.forward(latent, noisy_text)`: once, with its graph, for both networks' steps.
//! 3. `augmentation = Augmentation::draw(config, &Draws::new(seed, "augment"), seen, [n, side])`;
//!    `real_seen = augmentation.apply(real)`, `fake_seen = augmentation.apply(&fake)`: the same parameters for both.
//! 4. `terms = discriminator_terms(&discriminator, &objective, &Batch { real: &real_seen, fake: &fake_seen, text, shift: step, .. },
//!    weight)` where `weight` is `Some(gamma * 8)` on every 8th step and `None` otherwise. The fakes are detached inside.
//! 5. `gradients = adam_d.gradients(&terms.loss)`, check their norm is finite, `adam_d.step(&gradients)`.
//! 6. `generator_terms(&discriminator, &objective, &fake_seen, text, &terms.scores.real)`: the discriminator has moved, the real
//!    scores are those it had just before, which saves a pass over the real pictures.
//! 7. `gradients = adam_g.gradients(&loss)`, `adam_g.step(&gradients)`. Gradients come as lists: nothing has to be zeroed, and the
//!    generator's step never computes the discriminator's weight gradients.
//! 8. `ema.update(config.decay(seen + n, n))`.
//!
//! Reading a scalar (`double_value`) waits for the device: read losses every so often, not every step.

pub mod augment;
pub mod config;
pub mod discriminator;
pub mod draws;
pub mod ema;
mod error;
pub mod generator;
mod layers;
pub mod losses;
pub mod minibatch;
mod modulation;
pub mod objective;
pub mod penalties;
pub mod picture_encoder;
pub mod restyle;
pub mod scores;
mod spectral;
pub mod text_head;
pub mod warm_start;

pub use augment::{AugmentConfig, Augmentation, adaptive::AdaptiveConfig};
pub use config::{DiscriminatorConfig, GeneratorConfig, Normalization, Sight, Stages};
pub use discriminator::Discriminator;
pub use draws::Draws;
pub use ema::{Ema, EmaConfig};
pub use error::GanError;
pub use generator::Generator;
pub use losses::Adversarial;
pub use minibatch::mismatched;
pub use modulation::Upsampling;
pub use objective::{
    Batch, DiscriminatorTerms, GeneratorTerms, Objective, discriminator_terms, generator_terms,
};
pub use penalties::Penalty;
pub use picture_encoder::{Encoded, PictureEncoder, PictureEncoderConfig};
pub use scores::Scores;
pub use text_head::{Anchors, TextHead, TextHeadConfig, is_there};
