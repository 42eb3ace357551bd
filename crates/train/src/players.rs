//! What every task's networks have in common on their way to and from a checkpoint.

use std::collections::BTreeMap;
use std::path::Path;

use idiom_model::tensor_file;
use idiom_spec::experiment::Adam;
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
