//! What libtorch has and `tch` does not bind: a fused Adam whose moments are named tensors, the state of the random
//! generators, the deterministic switch, thread counts, number formats, memory figures and process groups.
//!
//! This is the only crate with C++ (`shim/`) and, a memory map aside, the only one with `unsafe`; all of it stands in
//! `ffi.rs`. Every C++ exception is caught in the shim and becomes a [`TorchError`]. Networks, losses and files are not here.

mod adam;
mod arithmetic;
mod error;
mod ffi;
mod process_group;
mod random;
mod resources;
mod runtime;
mod tensors;

pub use adam::{AdamConfig, FusedAdam};
pub use arithmetic::{cpu_multiplies_bf16, in_bf16, in_own_digits, set_tf32};
pub use error::TorchError;
pub use process_group::{ProcessGroup, Rendezvous};
pub use random::{RandomState, manual_seed, random_state, set_random_state};
pub use resources::{
    AcceleratorMemory, ProcessMemory, accelerator_memory, bound_tensors, keep_freed_memory,
    memory_left, process_cpu_time, process_memory,
};
pub use runtime::{
    Determinism, build_settings, cpu_capability, determinism, libtorch_version, n_threads,
    set_determinism, set_n_threads,
};
pub use tensors::{channels_last, gradients, leaky_relu, lerp_into, norms};
