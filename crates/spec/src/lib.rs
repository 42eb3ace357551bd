//! What a pipeline and an experiment say: YAML in, validated types out.
//!
//! Two stages, so that every mistake is named where it was typed: [`document`] reads files, follows
//! `extends:`, applies `key=value` overrides and turns the result into a type; the types themselves say
//! which values are possible. Nothing here trains, ingests or touches a picture.

pub mod document;
mod error;
pub mod experiment;
mod locate;
mod overrides;
pub mod pipeline;
pub mod range;
pub mod schema;

pub use document::{Loaded, load};
pub use error::{Problem, SpecError};
