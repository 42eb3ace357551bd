//! How libtorch runs in this process: threads, determinism, version, CPU instructions.

use crate::{TorchError, ffi};

/// Sets the number of threads one operation may use; equal counts give equal bytes.
///
/// # Errors
/// A count below 1.
pub fn set_n_threads(n_threads: usize) -> Result<(), TorchError> {
    match i32::try_from(n_threads) {
        Ok(n) if n >= 1 => ffi::set_n_threads(n),
        _ => Err(TorchError::Setting {
            name: "n_threads",
            value: n_threads as f64,
            allowed: "at least 1",
        }),
    }
}

/// The number of threads one operation may use.
///
/// # Errors
/// What libtorch throws.
pub fn n_threads() -> Result<usize, TorchError> {
    Ok(usize::try_from(ffi::n_threads()?).unwrap_or(1))
}

/// Whether an operation may give other bytes each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Determinism {
    /// Operations without a deterministic form throw instead of running.
    Required,
    /// The fastest kernel runs.
    NotRequired,
}

/// Sets what operations may do. Uninitialised memory is never filled, so that the switch costs nothing on the CPU.
///
/// # Errors
/// What libtorch throws.
pub fn set_determinism(determinism: Determinism) -> Result<(), TorchError> {
    ffi::set_deterministic(determinism == Determinism::Required)
}

/// What operations may do.
///
/// # Errors
/// What libtorch throws.
pub fn determinism() -> Result<Determinism, TorchError> {
    Ok(if ffi::is_deterministic()? {
        Determinism::Required
    } else {
        Determinism::NotRequired
    })
}

/// The version of the libtorch headers that the shim was compiled with, for example `2.11.0`.
///
/// # Errors
/// What libtorch throws.
pub fn libtorch_version() -> Result<String, TorchError> {
    ffi::libtorch_version()
}

/// The widest instruction set that libtorch's kernels use here, for example `AVX512`.
///
/// # Errors
/// What libtorch throws.
pub fn cpu_capability() -> Result<String, TorchError> {
    ffi::cpu_capability()
}

/// libtorch's own description of how it was built: compiler, BLAS, oneDNN, flags; several lines.
///
/// # Errors
/// What libtorch throws.
pub fn build_settings() -> Result<String, TorchError> {
    ffi::build_settings()
}
