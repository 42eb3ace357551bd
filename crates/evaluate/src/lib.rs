//! How good is it? Metrics as functions of features and scores, and what applies them to a trained run.
//!
//! [`metrics`] takes arrays and knows no network and no file. [`gallery`] reads the real pictures, [`judge`] says of any picture how it
//! is drawn and what it shows, [`panel`] lets several judges say it together. Every figure comes with its number of pictures, the
//! encoder whose features it is taken in, and the split; beside a distance stands what real pictures score against real ones.

pub mod contrastive;
mod error;
pub mod gallery;
pub mod independence;
pub mod judge;
mod memorised;
pub mod metrics;
pub mod naming;
mod page;
pub mod panel;
mod pools;
pub mod report;
pub mod restyle;
pub mod sentences;
pub mod text_to_image;

pub use error::EvaluateError;
