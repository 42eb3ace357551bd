//! Each formula against numbers that PyTorch made (`oracle/make*.py` beside this crate, run by hand).

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod augmentation;
mod contrastive;
mod losses;
mod networks;
mod penalties;
mod restyle;
mod spectral;
mod warm_start;

use safetensors::SafeTensors;
use std::collections::BTreeMap;
use std::path::Path;
use tch::{Kind, Tensor};

/// The checked-in numbers, by name.
struct Oracle(BTreeMap<String, Tensor>);

impl Oracle {
    fn open() -> Self {
        Self::file("oracle.safetensors")
    }

    fn file(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("oracle")
            .join(name);
        let bytes = std::fs::read(path).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tensor = |(name, view): (String, safetensors::tensor::TensorView<'_>)| {
            let shape: Vec<i64> = view.shape().iter().map(|side| *side as i64).collect();
            (
                name,
                Tensor::from_data_size(view.data(), &shape, Kind::Float),
            )
        };
        Self(file.tensors().into_iter().map(tensor).collect())
    }

    fn get(&self, name: &str) -> Tensor {
        self.0
            .get(name)
            .unwrap_or_else(|| panic!("the oracle holds no `{name}`"))
            .copy()
    }

    fn whole(&self, name: &str) -> Tensor {
        self.get(name).to_kind(Kind::Int64)
    }

    /// Tensors under `prefix/`, by the rest of their names.
    fn under(&self, prefix: &str) -> BTreeMap<String, Tensor> {
        let rest = |(name, tensor): (&String, &Tensor)| {
            Some((
                name.strip_prefix(prefix)?.strip_prefix('/')?.to_owned(),
                tensor.copy(),
            ))
        };
        self.0.iter().filter_map(rest).collect()
    }

    /// The largest difference may be `1e-4` of the largest expected entry, or `1e-6`: the oracle has 24 bits of 64.
    fn check(&self, name: &str, found: &Tensor) {
        check(name, found, &self.get(name));
    }
}

fn check(name: &str, found: &Tensor, expected: &Tensor) {
    assert_eq!(found.size(), expected.size(), "shape of `{name}`");
    let largest = |tensor: &Tensor| tensor.detach().abs().max().double_value(&[]);
    let (distance, scale) = (largest(&(found - expected)), largest(expected));
    assert!(
        distance <= 1e-4 * scale + 1e-6,
        "`{name}` differs by {distance}, largest entry {scale}"
    );
}
