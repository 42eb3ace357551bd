//! A trained network on disk and in memory: a folder with `config.json` and safetensors files, written whole or not at all.
//!
//! ```text
//! model/
//!   config.json                          what the networks are built from, the text encoder, provenance, and each file's sha256
//!   generator-1a2b3c4d5e6f.safetensors   the averaged generator; the name holds the start of its sha256
//!   discriminator-....safetensors        only where it was kept, as a judge
//!   naming-....safetensors               only of a restyling model that describes pictures
//! ```
//! [`save`] puts the weights down first and `config.json` last, each under a temporary name that is renamed, so that a reader sees the
//! old model or the new one. [`load`] trusts nothing: sizes, hashes, names, types and shapes are checked before a value is used.
//! Pickle files (`.pt`, `.pkl`, `.ckpt`) are never opened. Checkpoints, which also hold optimisers, are in `train`; it uses
//! [`tensor_file`] too.

mod card;
mod config;
mod contrastive;
mod digest;
mod document;
mod error;
mod load;
pub mod naming;
pub mod restyle;
mod save;
pub mod tensor_file;

pub use config::{ModelConfig, TextEncoderInfo};
pub use contrastive::{
    ContrastiveConfig, ContrastiveModel, ContrastiveNetworks, load_contrastive, save_contrastive,
};
pub use document::{CONFIG_FILE, Described, FileEntry, Flaw};
pub use error::ModelError;
pub use load::{Model, Networks, load, task_of, weights};
pub use save::{Saved, save, save_described, tensors_of};
