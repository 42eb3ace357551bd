//! Named tensors to the bytes of a safetensors file and back.
//!
//! Equal tensors give equal bytes: names are sorted, there is no metadata, and values are laid out row by row whatever their
//! layout in memory. The reader relies on the `safetensors` crate for the header (cut, overlapping, uncovered or huge ones are
//! errors) and refuses number types that nothing here writes. Files and folders are the callers' business.

use crate::ModelError;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, View, serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// The number types that are stored.
const KINDS: [(Dtype, Kind); 3] = [
    (Dtype::F32, Kind::Float),
    (Dtype::I64, Kind::Int64),
    (Dtype::U8, Kind::Uint8),
];

/// The bytes of a file with these tensors; `path` is named in messages only.
///
/// # Errors
/// A tensor of a type other than `f32`, `i64` or `u8`.
pub fn to_bytes(tensors: &[(String, Tensor)], path: &Path) -> Result<Vec<u8>, ModelError> {
    let mut stored = BTreeMap::new();
    for (name, tensor) in tensors {
        stored.insert(name.as_str(), Stored::new(name, tensor, path)?);
    }
    serialize(stored, None).map_err(|error| damaged(path, error.to_string()))
}

/// The tensors of a file's bytes, on the CPU, sorted by name; `path` is named in messages only.
///
/// # Errors
/// Bytes that are no sound safetensors file, or a tensor of a type that is not stored.
pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Vec<(String, Tensor)>, ModelError> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(path, error.to_string()))?;
    let by_name: BTreeMap<String, TensorView<'_>> = file.tensors().into_iter().collect();
    let tensor = |(name, view): (String, TensorView<'_>)| {
        let kind = kind_of(&name, view.dtype(), path)?;
        let tensor = Tensor::f_from_data_size(view.data(), &sides(view.shape()), kind)
            .map_err(ModelError::torch(path))?;
        Ok((name, tensor))
    };
    by_name.into_iter().map(tensor).collect()
}

/// Copies tensors into the variables of the same names, keeping the variables' layout and device; nothing changes unless all fit.
///
/// # Errors
/// A layer that is missing on either side, or differs in shape or type; the message names it and both shapes.
pub fn copy_into(
    variables: &BTreeMap<String, Tensor>,
    tensors: &[(String, Tensor)],
    path: &Path,
) -> Result<(), ModelError> {
    let by_name: BTreeMap<&str, &Tensor> = tensors
        .iter()
        .map(|(name, tensor)| (name.as_str(), tensor))
        .collect();
    for (name, variable) in variables {
        check_fits(name, variable, by_name.get(name.as_str()).copied(), path)?;
    }
    if let Some((layer, tensor)) = tensors
        .iter()
        .find(|(name, _)| !variables.contains_key(name))
    {
        return Err(ModelError::UnknownLayer {
            path: path.to_owned(),
            layer: layer.clone(),
            shape: tensor.size(),
        });
    }
    tch::no_grad(|| {
        variables.iter().try_for_each(|(name, variable)| {
            variable.shallow_clone().f_copy_(by_name[name.as_str()])
        })
    })
    .map_err(ModelError::torch(path))
}

fn check_fits(
    name: &str,
    variable: &Tensor,
    tensor: Option<&Tensor>,
    path: &Path,
) -> Result<(), ModelError> {
    let (path, layer, expected) = (path.to_owned(), name.to_owned(), variable.size());
    let Some(tensor) = tensor else {
        return Err(ModelError::MissingLayer {
            path,
            layer,
            shape: expected,
        });
    };
    if tensor.size() != expected {
        return Err(ModelError::Shape {
            path,
            layer,
            found: tensor.size(),
            expected,
        });
    }
    if tensor.kind() != variable.kind() {
        let (found, expected) = (
            format!("{:?}", tensor.kind()),
            format!("{:?}", variable.kind()),
        );
        return Err(ModelError::Kind {
            path,
            layer,
            found,
            expected,
        });
    }
    Ok(())
}

struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Stored {
    fn new(name: &str, tensor: &Tensor, path: &Path) -> Result<Self, ModelError> {
        let Some((dtype, _)) = KINDS.into_iter().find(|(_, kind)| *kind == tensor.kind()) else {
            let (layer, found) = (name.to_owned(), format!("{:?}", tensor.kind()));
            return Err(ModelError::Kind {
                path: path.to_owned(),
                layer,
                found,
                expected: stored_kinds(),
            });
        };
        let torch = |source| ModelError::Torch {
            path: path.to_owned(),
            source,
        };
        let rows = tensor
            .detach()
            .f_to_device(Device::Cpu)
            .and_then(|tensor| tensor.f_contiguous())
            .map_err(torch)?;
        let mut bytes = vec![0_u8; rows.numel() * rows.kind().elt_size_in_bytes()];
        rows.f_copy_data_u8(&mut bytes, rows.numel())
            .map_err(torch)?;
        let shape = tensor
            .size()
            .iter()
            .map(|side| usize::try_from(*side).unwrap_or(0))
            .collect();
        Ok(Self {
            dtype,
            shape,
            bytes,
        })
    }
}

impl View for Stored {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

fn kind_of(name: &str, dtype: Dtype, path: &Path) -> Result<Kind, ModelError> {
    match KINDS.into_iter().find(|(stored, _)| *stored == dtype) {
        Some((_, kind)) => Ok(kind),
        None => {
            let (layer, found) = (name.to_owned(), format!("{dtype:?}"));
            Err(ModelError::Kind {
                path: path.to_owned(),
                layer,
                found,
                expected: stored_kinds(),
            })
        }
    }
}

fn stored_kinds() -> String {
    "F32, I64 or U8".to_owned()
}

fn sides(shape: &[usize]) -> Vec<i64> {
    shape
        .iter()
        .map(|side| i64::try_from(*side).unwrap_or(i64::MAX))
        .collect()
}

fn damaged(path: &Path, reason: String) -> ModelError {
    ModelError::Damaged {
        path: path.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::{copy_into, from_bytes, to_bytes};
    use std::collections::BTreeMap;
    use std::path::Path;
    use tch::Tensor;

    fn bytes_of(tensors: &[(String, Tensor)]) -> Vec<u8> {
        to_bytes(tensors, Path::new("x")).unwrap()
    }

    #[test]
    fn values_shapes_types_and_names_survive() {
        let tensors = vec![
            ("a".to_owned(), Tensor::from_slice(&[7_i64])),
            (
                "b".to_owned(),
                Tensor::from_slice(&[1.5_f32, -2.0, 3.0, 4.0, 5.0, 6.0]).view([2, 3]),
            ),
            ("c".to_owned(), Tensor::from_slice(&[0_u8, 255])),
        ];
        assert_eq!(
            from_bytes(&bytes_of(&tensors), Path::new("x")).unwrap(),
            tensors
        );
    }

    #[test]
    fn neither_order_nor_layout_in_memory_reaches_the_file() {
        let rows = Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0]).view([2, 2]);
        let columns = rows.transpose(0, 1).contiguous().transpose(0, 1);
        let pair = |first: &str, second: &str, tensor: &Tensor| {
            vec![
                (first.to_owned(), tensor.shallow_clone()),
                (second.to_owned(), tensor.shallow_clone()),
            ]
        };
        assert_eq!(
            bytes_of(&pair("a", "b", &rows)),
            bytes_of(&pair("b", "a", &columns))
        );
    }

    #[test]
    fn one_tensor_that_does_not_fit_leaves_all_as_they_were() {
        let variables = BTreeMap::from([
            ("a".to_owned(), Tensor::from_slice(&[0.0_f32])),
            ("b".to_owned(), Tensor::from_slice(&[0.0_f32, 0.0])),
        ]);
        let one = Tensor::from_slice(&[1.0_f32]);
        let stored = [("a".to_owned(), one.shallow_clone()), ("b".to_owned(), one)];
        let error = copy_into(&variables, &stored, Path::new("x")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`x` holds `b` with the shape [1], but the network's has [2]"
        );
        assert_eq!(variables["a"], Tensor::from_slice(&[0.0_f32]));
    }
}
