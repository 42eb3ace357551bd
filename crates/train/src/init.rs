//! Weights to begin with, taken from an earlier run, a model or a file; and layers that do not learn.
//!
//! Layers are matched by network and name, and a layer of another shape is an error, since a network that is half another's is
//! nobody's wish. Layers that the source lacks keep their fresh weights and are counted. Optimisers begin anew. What is read: a run's
//! folder (its newest whole checkpoint), a model's folder (`config.json` and safetensors), or one safetensors file.
//! Not here: finding a run by its name, or the hub (the binary's).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use idiom_model::tensor_file;
use tch::Tensor;
use tch::nn::VarStore;

use crate::TrainError;
use crate::checkpoint::{self, TensorSets};

/// How sets of an optimiser's tensors end.
const OPTIMISER: &str = "_adam";
/// Which other network's weights will do where a source lacks a network's own: a model holds the average only.
const STAND_INS: [(&str, &str); 2] = [("average", "generator"), ("generator", "average")];

/// Copies all that fits from `source` into `targets`, the task's own tensors; gives a line that says what was taken.
///
/// # Errors
/// The source cannot be read, a layer has another shape there, or it has no layer in common with the task.
pub(crate) fn take_over(targets: &TensorSets, source: &Path) -> Result<String, TrainError> {
    let read = read(source)?;
    let mut copies = Vec::new();
    let mut fresh = Vec::new();
    for (network, tensors) in targets.iter().filter(|(set, _)| !set.ends_with(OPTIMISER)) {
        let there = network_in(&read, network);
        let mut n_fresh = 0;
        for (name, target) in tensors {
            match there.get(name.as_str()) {
                Some(found) => {
                    copies.push((checked(network, name, target, found, source)?, *found))
                }
                None => n_fresh += 1,
            }
        }
        if n_fresh > 0 {
            fresh.push(format!("{network} {n_fresh} of {}", tensors.len()));
        }
    }
    if copies.is_empty() {
        return Err(refused(
            source,
            "has no layer in common with these networks",
        ));
    }
    let n_taken = copies.len();
    tch::no_grad(|| {
        copies
            .into_iter()
            .try_for_each(|(mut target, found)| target.f_copy_(found))
    })?;
    let rest = if fresh.is_empty() {
        "nothing begins fresh".to_owned()
    } else {
        format!("fresh: {}", fresh.join(", "))
    };
    Ok(format!(
        "begins with {n_taken} tensors of `{}`; {rest}",
        source.display()
    ))
}

/// Keeps every layer that a pattern names from learning: `generator`, `generator.text_head` or `generator.text_head.weight`.
/// To be called before optimisers are made.
///
/// # Errors
/// A pattern that names nothing, or a network with nothing left to learn.
pub(crate) fn freeze(
    networks: &[(&str, &VarStore)],
    patterns: &[String],
) -> Result<(), TrainError> {
    let mut names = BTreeMap::new();
    for (network, store) in networks {
        for (name, variable) in store.variables() {
            names.insert(format!("{network}.{name}"), variable);
        }
    }
    for pattern in patterns {
        let frozen: Vec<&Tensor> = names
            .iter()
            .filter(|(name, _)| is_part(name, pattern))
            .map(|(_, variable)| variable)
            .collect();
        if frozen.is_empty() {
            return Err(TrainError::UnknownLayer {
                pattern: pattern.clone(),
                known: layers(&names),
            });
        }
        for variable in frozen {
            // The flag is the tensor's own, whichever handle sets it.
            let _ = variable.shallow_clone().requires_grad_(false);
        }
    }
    match networks
        .iter()
        .find(|(_, store)| !store.variables().values().any(Tensor::requires_grad))
    {
        Some((network, _)) => Err(TrainError::AllFrozen {
            network: (*network).to_owned(),
        }),
        None => Ok(()),
    }
}

fn is_part(name: &str, pattern: &str) -> bool {
    name.strip_prefix(pattern)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Networks with their first level of layers, for a message.
fn layers(names: &BTreeMap<String, Tensor>) -> Vec<String> {
    let mut layers: Vec<String> = names
        .keys()
        .map(|name| name.split('.').take(2).collect::<Vec<_>>().join("."))
        .collect();
    layers.dedup();
    layers
}

fn network_in<'a>(read: &'a TensorSets, network: &str) -> BTreeMap<&'a str, &'a Tensor> {
    let stand_in = STAND_INS
        .iter()
        .find(|(wanted, _)| *wanted == network)
        .and_then(|(_, other)| read.get(*other));
    read.get(network)
        .or(stand_in)
        .into_iter()
        .flatten()
        .map(|(name, tensor)| (name.as_str(), tensor))
        .collect()
}

fn checked(
    network: &str,
    name: &str,
    target: &Tensor,
    found: &Tensor,
    source: &Path,
) -> Result<Tensor, TrainError> {
    if target.size() == found.size() {
        return Ok(target.shallow_clone());
    }
    let (there, here) = (found.size(), target.size());
    Err(refused(
        source,
        &format!(
            "holds `{network}.{name}` with the shape {there:?}, but the network's has {here:?}"
        ),
    ))
}

fn read(source: &Path) -> Result<TensorSets, TrainError> {
    if source.is_file() {
        return file(source);
    }
    if source.join("checkpoints").is_dir() {
        return Ok(
            checkpoint::load_newest(&source.join("checkpoints"), &|warning| {
                tracing::warn!("{warning}");
            })?
            .tensors,
        );
    }
    Ok(idiom_model::weights(source)?)
}

/// One file: its tensors are `NETWORK.LAYER` where they say so, else the generator's.
fn file(path: &Path) -> Result<TensorSets, TrainError> {
    if path.extension().is_none_or(|end| end != "safetensors") {
        return Err(refused(
            path,
            "is no safetensors file; others are not opened",
        ));
    }
    let bytes = fs::read(path).map_err(TrainError::io(path))?;
    let mut sets = TensorSets::new();
    for (name, tensor) in tensor_file::from_bytes(&bytes, path)? {
        let (network, layer) = match name.split_once('.') {
            Some((network @ ("generator" | "discriminator" | "average"), layer)) => {
                (network, layer)
            }
            _ => ("generator", name.as_str()),
        };
        let set = sets.entry(network.to_owned()).or_default();
        set.push((layer.to_owned(), tensor));
    }
    Ok(sets)
}

fn refused(source: &Path, reason: &str) -> TrainError {
    TrainError::Init {
        path: source.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    fn store() -> VarStore {
        let store = VarStore::new(Device::Cpu);
        let root = store.root();
        for name in ["head", "heading", "body"] {
            let _ = root.sub(name).zeros("weight", &[2]);
        }
        store
    }

    fn learns(store: &VarStore, name: &str) -> bool {
        store.variables()[name].requires_grad()
    }

    #[test]
    fn a_pattern_means_whole_parts_of_a_name() {
        let (one, other) = (store(), store());
        let networks = [("generator", &one), ("discriminator", &other)];
        freeze(&networks, &["generator.head".to_owned()]).unwrap();
        assert!(!learns(&one, "head.weight") && learns(&one, "heading.weight"));
        assert!(learns(&other, "head.weight"));
    }

    #[test]
    fn a_pattern_that_names_nothing_is_told_what_there_is() {
        let store = store();
        let error = freeze(&[("generator", &store)], &["generator.tail".to_owned()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`freeze` names `generator.tail`, but there is no such layer"
        );
        assert_eq!(
            error.hint().unwrap(),
            "one of: generator.body, generator.head, generator.heading"
        );
    }

    #[test]
    fn a_network_with_nothing_to_learn_is_refused() {
        let store = store();
        let error = freeze(&[("generator", &store)], &["generator".to_owned()]).unwrap_err();
        assert!(matches!(error, TrainError::AllFrozen { .. }), "{error}");
    }
}
