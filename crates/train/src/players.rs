//! What every task's networks have in common: settings in the terms of the crates that use them, and the way to and from a checkpoint.

use std::collections::BTreeMap;
use std::path::Path;

use idiom_gan::{AugmentConfig, EmaConfig};
use idiom_model::tensor_file;
use idiom_spec::experiment::{Adam, Augment, Ema};
use idiom_torch_ext::AdamConfig;
use tch::Tensor;
use tch::nn::VarStore;

use crate::TrainError;
use crate::checkpoint::TensorSets;

/// An optimiser's settings in the terms of the crate that has it.
pub(crate) fn adam_config(said: &Adam) -> AdamConfig {
    AdamConfig {
        learning_rate: said.learning_rate,
        beta1: said.beta1,
        beta2: said.beta2,
        ..AdamConfig::default()
    }
}

/// An augmentation's settings, likewise.
pub(crate) fn augment_config(said: &Augment) -> AugmentConfig {
    AugmentConfig {
        translation: said.translation,
        cutout: said.cutout,
        colour: said.colour,
    }
}

/// A running average's settings, likewise.
pub(crate) fn average_config(said: &Ema) -> EmaConfig {
    EmaConfig {
        half_life_images: said.half_life_images as f64,
        ramp: said.ramp,
    }
}

/// A network's weights by name, in the order of names.
pub(crate) fn weights(store: &VarStore) -> Vec<(String, Tensor)> {
    sorted(store).into_iter().collect()
}

/// Takes over the weights of some networks from what was saved; `folder` is named in messages.
///
/// # Errors
/// A tensor is missing or has another shape.
pub(crate) fn restore_weights(
    stores: &[(&str, &VarStore)],
    saved: &TensorSets,
    folder: &Path,
) -> Result<(), TrainError> {
    let empty = Vec::new();
    for (name, store) in stores {
        let tensors = saved.get(*name).unwrap_or(&empty);
        let path = folder.join(format!("{name}.safetensors"));
        tensor_file::copy_into(&sorted(store), tensors, &path)?;
    }
    Ok(())
}

fn sorted(store: &VarStore) -> BTreeMap<String, Tensor> {
    store.variables().into_iter().collect()
}
