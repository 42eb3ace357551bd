//! Operations on lists of tensors that take one call here and a loop of calls in `tch`.

use crate::{TorchError, ffi};
use std::borrow::Borrow;
use tch::Tensor;

/// The gradients of a scalar `loss` by `inputs` and nothing else, in their order; frees the graph. An input that the loss does
/// not depend on gives an undefined tensor. Nothing is added to any `.grad()`.
///
/// # Errors
/// What libtorch throws, for example for an input that does not require a gradient.
pub fn gradients<T: Borrow<Tensor>>(
    loss: &Tensor,
    inputs: &[T],
) -> Result<Vec<Tensor>, TorchError> {
    Ok(Tensor::f_run_backward(&[loss], inputs, false, false)?)
}

/// Moves each target in place towards its source: `target += weight (source - target)`, without gradients.
///
/// # Errors
/// Lists of different lengths, or what libtorch throws for shapes that do not meet.
pub fn lerp_into<T: Borrow<Tensor>, S: Borrow<Tensor>>(
    targets: &[T],
    sources: &[S],
    weight: f64,
) -> Result<(), TorchError> {
    if targets.len() != sources.len() {
        return Err(TorchError::Count {
            what: "sources",
            found: sources.len(),
            expected: targets.len(),
        });
    }
    ffi::lerp(targets, sources, weight)
}

/// The Euclidean norm of each tensor, as one tensor `[n]`; not finite where an entry is not finite.
///
/// # Errors
/// An empty list, or what libtorch throws.
pub fn norms<T: Borrow<Tensor>>(tensors: &[T]) -> Result<Tensor, TorchError> {
    ffi::norms(tensors)
}

/// `max(x, slope x)` for a slope from 0 to 1; `tch` binds it with a slope of 0.01 only. Gradients flow, twice differentiable.
///
/// # Errors
/// What libtorch throws.
pub fn leaky_relu(input: &Tensor, slope: f64) -> Result<Tensor, TorchError> {
    ffi::leaky_relu(input, slope)
}

/// The same pictures `[batch, channels, height, width]`, laid out in memory with the channels together, which libtorch's CPU
/// convolutions run faster on. Gradients flow; no copy where the layout is already so.
pub fn channels_last(pictures: &Tensor) -> Tensor {
    pictures
        .permute([0, 2, 3, 1])
        .contiguous()
        .permute([0, 3, 1, 2])
}
