//! Number formats with fewer digits than `f32`: bf16 for a pass through networks, TF32 for all products of an accelerator.

use crate::{TorchError, ffi};
use tch::Device;

/// Switches autocast off again, whatever way the pass ends.
struct Switched {
    on_accelerator: bool,
}

impl Drop for Switched {
    fn drop(&mut self) {
        // It only writes two flags of this thread; what it could throw has nobody left to tell.
        let _ = ffi::set_autocast(self.on_accelerator, false);
    }
}

/// Does `work` with the products and convolutions on `device` in bf16 and all else as libtorch's autocast has it: weights stay `f32`, and
/// so do the gradients that a later backward pass gives them. This thread only; not to be nested.
///
/// # Errors
/// What libtorch throws.
pub fn in_bf16<T>(device: Device, work: impl FnOnce() -> T) -> Result<T, TorchError> {
    let on_accelerator = device.is_cuda();
    ffi::set_autocast(on_accelerator, true)?;
    let _off = Switched { on_accelerator };
    Ok(work())
}

/// Does `work` on `device` in the digits of its inputs, also in the middle of a pass in bf16: for the few products that need all digits of
/// `f32`, whose inputs the caller makes so.
///
/// # Errors
/// What libtorch throws.
pub fn in_own_digits<T>(device: Device, work: impl FnOnce() -> T) -> Result<T, TorchError> {
    let on_accelerator = device.is_cuda();
    let was_enabled = ffi::pause_autocast(on_accelerator)?;
    let done = work();
    if was_enabled {
        ffi::resume_autocast(on_accelerator)?;
    }
    Ok(done)
}

/// Whether this machine's CPU multiplies bf16 by itself (Intel's AMX), for which bf16 is worth while.
///
/// # Errors
/// What libtorch throws.
pub fn cpu_multiplies_bf16() -> Result<bool, TorchError> {
    ffi::cpu_multiplies_bf16()
}

/// Whether CUDA may compute products and convolutions of `f32` with TF32's 10 bits of mantissa instead of 23. For the whole process;
/// nothing changes on a CPU.
///
/// # Errors
/// What libtorch throws.
pub fn set_tf32(allowed: bool) -> Result<(), TorchError> {
    ffi::set_tf32(allowed)
}
