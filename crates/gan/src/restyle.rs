//! Restyling: a picture and a style vector in, the picture in that style out.
//!
//! [`generator`] and [`discriminator`] are the two networks, [`objective`] what they play for. Style vectors come from
//! [`crate::picture_encoder`] (pictures) and [`crate::text_head`] (words), unit vectors in one space; both networks take them times
//! the root of their length, so that entries have about unit variance.

pub mod discriminator;
pub mod generator;
pub mod objective;

pub use discriminator::{Judged, RestyleDiscriminator, RestyleDiscriminatorConfig, Restyled};
pub use generator::{RestyleGenerator, RestyleGeneratorConfig};
pub use objective::{
    DiscriminatorFigures, GeneratorFigures, RestyleBatch, RestyleObjective, RestyleWeights, Views,
    discriminator_loss, generator_loss, projected_discriminator_loss, projected_generator_loss,
};
