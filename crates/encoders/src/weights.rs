//! Reads `.safetensors` with care: the file's promises are checked before a tensor is made.
//!
//! The crate refuses headers that are huge, cut or overlapping; types and shapes are checked here. The file is read rather than
//! mapped, so that a file which changes under us cannot change the weights.

use crate::EncoderError;
use safetensors::{Dtype, SafeTensors};
use std::path::{Path, PathBuf};
use tch::{Device, Kind, Tensor};

/// A whole file.
pub(crate) fn bytes_of(path: &Path) -> Result<Vec<u8>, EncoderError> {
    std::fs::read(path).map_err(|source| EncoderError::Io {
        path: path.into(),
        source,
    })
}

/// A tensor of a network. A clone shares the numbers, so that each thread can have its own: a `Tensor` may be sent to
/// another thread, but not be used by two at once.
pub(crate) struct Weight(Tensor);

impl Weight {
    pub(crate) fn new(tensor: Tensor) -> Self {
        Self(tensor)
    }
}

impl Clone for Weight {
    fn clone(&self) -> Self {
        Self(self.0.shallow_clone())
    }
}

impl std::ops::Deref for Weight {
    type Target = Tensor;

    fn deref(&self) -> &Tensor {
        &self.0
    }
}

/// An open weight file, and the device on which its tensors are wanted.
pub(crate) struct Weights<'a> {
    path: PathBuf,
    tensors: SafeTensors<'a>,
    device: Device,
}

impl<'a> Weights<'a> {
    pub(crate) fn open(path: &Path, bytes: &'a [u8], device: Device) -> Result<Self, EncoderError> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|reason| {
            EncoderError::damaged(path, format!("is not a sound safetensors file: {reason}"))
        })?;
        Ok(Self {
            path: path.into(),
            tensors,
            device,
        })
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.tensors.tensor(name).is_ok()
    }

    /// The tensor as float32.
    pub(crate) fn float(&self, name: &str, shape: &[i64]) -> Result<Weight, EncoderError> {
        let path = || self.path.clone();
        let view = self
            .tensors
            .tensor(name)
            .map_err(|_| EncoderError::damaged(path(), format!("has no tensor `{name}`")))?;
        let kind = match view.dtype() {
            Dtype::F32 => Kind::Float,
            Dtype::F16 => Kind::Half,
            Dtype::BF16 => Kind::BFloat16,
            other => {
                return Err(EncoderError::Dtype {
                    path: path(),
                    tensor: name.into(),
                    found: format!("{other:?}"),
                    wanted: "one of F32, F16, BF16",
                });
            }
        };
        let found: Vec<i64> = view.shape().iter().map(|&size| size as i64).collect();
        if found != shape {
            let (tensor, wanted) = (name.into(), shape.to_vec());
            return Err(EncoderError::Shape {
                path: path(),
                tensor,
                found,
                wanted,
            });
        }
        let tensor = Tensor::f_from_data_size(view.data(), shape, kind)?.f_to_kind(Kind::Float)?;
        if tensor.f_isfinite()?.f_all()?.f_int64_value(&[])? == 0 {
            return Err(EncoderError::damaged(
                path(),
                format!("`{name}` holds numbers that are not finite"),
            ));
        }
        Ok(Weight(tensor.f_to(self.device)?))
    }
}
