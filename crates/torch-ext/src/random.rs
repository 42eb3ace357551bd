//! The state of libtorch's default random generators: seed, read, put back.
//!
//! Draws that decide what a run learns should come from a seed of their own (see `idiom_gan::draws`); this is for what libtorch
//! draws by itself, and for checkpoints.

use crate::{TorchError, ffi};
use tch::{Device, Kind, Tensor};

/// A generator's state, opaque bytes that only the same libtorch version reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RandomState(pub Vec<u8>);

/// Seeds the default generators of the CPU and of every CUDA device.
///
/// # Errors
/// What libtorch throws.
pub fn manual_seed(seed: u64) -> Result<(), TorchError> {
    ffi::manual_seed(seed)
}

/// The state of the default generator of `device`.
///
/// # Errors
/// What libtorch throws, for example for a device that is not there.
pub fn random_state(device: Device) -> Result<RandomState, TorchError> {
    let state = ffi::random_state(index_of(device))?;
    let mut bytes = vec![0_u8; state.numel()];
    state.f_copy_data(&mut bytes, state.numel())?;
    Ok(RandomState(bytes))
}

/// Puts a state back.
///
/// # Errors
/// A state of the wrong size or of another generator.
pub fn set_random_state(device: Device, state: &RandomState) -> Result<(), TorchError> {
    let size = i64::try_from(state.0.len()).unwrap_or(i64::MAX);
    let tensor = Tensor::f_from_data_size(&state.0, &[size], Kind::Uint8)?;
    ffi::set_random_state(index_of(device), &tensor)
}

/// The shim's number of a device: -1 for the CPU.
fn index_of(device: Device) -> i32 {
    match device {
        Device::Cuda(idx) => i32::try_from(idx).unwrap_or(i32::MAX),
        _ => -1,
    }
}
