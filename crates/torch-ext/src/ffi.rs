//! The C functions of `shim/shim.cpp` and their safe faces.
//!
//! Every `unsafe` of the crate is here. The reasons are few: the pointers come from live `tch::Tensor` borrows that outlast the
//! call, the shim keeps none of them, its signatures are repeated below word for word, and messages are freed by whom made them.
#![allow(
    unsafe_code,
    reason = "the one border to the C++ shim; each block says why it is sound"
)]

use crate::TorchError;
use crate::adam::AdamConfig;
use crate::process_group::Rendezvous;
use std::borrow::Borrow;
use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;
use std::time::Duration;
use tch::Tensor;
use torch_sys::C_tensor;

#[repr(C)]
struct Adam {
    learning_rate: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    weight_decay: f64,
}

/// Four lists of `n` tensors, and the number of steps so far.
#[repr(C)]
struct AdamLists {
    parameters: Tensors,
    gradients: Tensors,
    first_moments: Tensors,
    second_moments: Tensors,
    n: usize,
    step: *const C_tensor,
}

/// A process group as the shim knows it.
#[repr(C)]
pub(crate) struct Group {
    _opaque: [u8; 0],
}

#[repr(C)]
struct Place {
    host: *const c_char,
    port: u16,
    rank: c_int,
    n_ranks: c_int,
    join_milliseconds: i64,
    answer_milliseconds: i64,
}

type Message = *mut c_char;
type Tensors = *const *const C_tensor;

// The library is linked by cc through build.rs.
unsafe extern "C" {
    fn idiom_free_message(message: Message);
    fn idiom_fused_adam(lists: *const AdamLists, adam: *const Adam) -> Message;
    fn idiom_lerp(targets: Tensors, sources: Tensors, n: usize, weight: f64) -> Message;
    fn idiom_leaky_relu(input: *const C_tensor, slope: f64, output: *mut *mut C_tensor) -> Message;
    fn idiom_norms(tensors: Tensors, n: usize, norms: *mut *mut C_tensor) -> Message;
    fn idiom_random_state(device: c_int, state: *mut *mut C_tensor) -> Message;
    fn idiom_set_random_state(device: c_int, state: *const C_tensor) -> Message;
    fn idiom_manual_seed(seed: u64) -> Message;
    fn idiom_set_deterministic(deterministic: bool) -> Message;
    fn idiom_is_deterministic(deterministic: *mut bool) -> Message;
    fn idiom_set_n_threads(n_threads: c_int) -> Message;
    fn idiom_n_threads(n_threads: *mut c_int) -> Message;
    fn idiom_set_autocast(on_accelerator: bool, enabled: bool) -> Message;
    fn idiom_pause_autocast(on_accelerator: bool, was_enabled: *mut bool) -> Message;
    fn idiom_resume_autocast(on_accelerator: bool) -> Message;
    fn idiom_cpu_multiplies_bf16(multiplies: *mut bool) -> Message;
    fn idiom_set_tf32(allowed: bool) -> Message;
    fn idiom_keep_freed_memory() -> Message;
    fn idiom_bound_tensors(further_bytes: u64) -> Message;
    fn idiom_accelerator_memory(
        device: c_int,
        in_use: *mut i64,
        peak: *mut i64,
        reserved: *mut i64,
    ) -> Message;
    fn idiom_group_join(place: *const Place, group: *mut *mut Group) -> Message;
    fn idiom_group_sum(group: *mut Group, tensor: *const C_tensor) -> Message;
    fn idiom_group_sums_on_gpus() -> bool;
    fn idiom_group_tell(group: *mut Group, key: *const c_char, words: *const c_char) -> Message;
    fn idiom_group_hear(group: *mut Group, key: *const c_char, words: *mut Message) -> Message;
    fn idiom_group_leave(group: *mut Group);
    fn idiom_libtorch_version(version: *mut Message) -> Message;
    fn idiom_cpu_capability(capability: *mut Message) -> Message;
    fn idiom_build_settings(settings: *mut Message) -> Message;
}

/// Takes a string of the shim over and frees it there; `None` for a null pointer.
fn take(text: Message) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: a string that the shim hands out comes from strdup, ends in NUL, and is ours until given back just below.
    let owned = unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned();
    // SAFETY: the pointer came from the shim's strdup and is not used again.
    unsafe { idiom_free_message(text) };
    Some(owned)
}

fn check(message: Message) -> Result<(), TorchError> {
    take(message).map_or(Ok(()), |words| Err(TorchError::Libtorch(words)))
}

fn pointers<T: Borrow<Tensor>>(tensors: &[T]) -> Vec<*const C_tensor> {
    tensors
        .iter()
        .map(|tensor| tensor.borrow().as_ptr())
        .collect()
}

/// Owns a tensor that the shim made with `new`.
fn adopt(tensor: *mut C_tensor) -> Tensor {
    // SAFETY: called only after success, when the shim has written a fresh `new at::Tensor` that nobody else owns.
    unsafe { Tensor::from_ptr(tensor) }
}

/// The tensors one Adam step reads and writes; all lists have one length.
pub(crate) struct AdamTensors<'a> {
    pub(crate) parameters: &'a [Tensor],
    pub(crate) gradients: &'a [Tensor],
    pub(crate) first_moments: &'a [Tensor],
    pub(crate) second_moments: &'a [Tensor],
    pub(crate) step: &'a Tensor,
}

pub(crate) fn fused_adam(tensors: &AdamTensors<'_>, config: &AdamConfig) -> Result<(), TorchError> {
    let adam = Adam {
        learning_rate: config.learning_rate,
        beta1: config.beta1,
        beta2: config.beta2,
        epsilon: config.epsilon,
        weight_decay: config.weight_decay,
    };
    let (parameters, gradients) = (pointers(tensors.parameters), pointers(tensors.gradients));
    let (first, second) = (
        pointers(tensors.first_moments),
        pointers(tensors.second_moments),
    );
    let n = parameters.len();
    assert!(
        [gradients.len(), first.len(), second.len()] == [n; 3],
        "the caller checks the lengths"
    );
    let lists = AdamLists {
        parameters: parameters.as_ptr(),
        gradients: gradients.as_ptr(),
        first_moments: first.as_ptr(),
        second_moments: second.as_ptr(),
        n,
        step: tensors.step.as_ptr(),
    };
    // SAFETY: structs of the shim's layout; four arrays of n pointers to live tensors and a live step tensor, all of which outlive the call.
    check(unsafe { idiom_fused_adam(&raw const lists, &raw const adam) })
}

pub(crate) fn lerp<T: Borrow<Tensor>, S: Borrow<Tensor>>(
    targets: &[T],
    sources: &[S],
    weight: f64,
) -> Result<(), TorchError> {
    let (targets, sources) = (pointers(targets), pointers(sources));
    assert_eq!(
        targets.len(),
        sources.len(),
        "the caller checks the lengths"
    );
    // SAFETY: two arrays of equal length of pointers to live tensors.
    check(unsafe { idiom_lerp(targets.as_ptr(), sources.as_ptr(), targets.len(), weight) })
}

pub(crate) fn leaky_relu(input: &Tensor, slope: f64) -> Result<Tensor, TorchError> {
    let mut output = ptr::null_mut();
    // SAFETY: a live tensor and a place for one pointer.
    check(unsafe { idiom_leaky_relu(input.as_ptr(), slope, &raw mut output) })?;
    Ok(adopt(output))
}

pub(crate) fn norms<T: Borrow<Tensor>>(tensors: &[T]) -> Result<Tensor, TorchError> {
    let tensors = pointers(tensors);
    let mut norms = ptr::null_mut();
    // SAFETY: an array of pointers to live tensors and a place for one pointer.
    check(unsafe { idiom_norms(tensors.as_ptr(), tensors.len(), &raw mut norms) })?;
    Ok(adopt(norms))
}

pub(crate) fn random_state(device: i32) -> Result<Tensor, TorchError> {
    let mut state = ptr::null_mut();
    // SAFETY: a place for one pointer.
    check(unsafe { idiom_random_state(device, &raw mut state) })?;
    Ok(adopt(state))
}

pub(crate) fn set_random_state(device: i32, state: &Tensor) -> Result<(), TorchError> {
    // SAFETY: a live tensor, whose type and size libtorch checks.
    check(unsafe { idiom_set_random_state(device, state.as_ptr()) })
}

pub(crate) fn manual_seed(seed: u64) -> Result<(), TorchError> {
    // SAFETY: no pointers.
    check(unsafe { idiom_manual_seed(seed) })
}

pub(crate) fn set_deterministic(deterministic: bool) -> Result<(), TorchError> {
    // SAFETY: no pointers.
    check(unsafe { idiom_set_deterministic(deterministic) })
}

pub(crate) fn is_deterministic() -> Result<bool, TorchError> {
    let mut deterministic = false;
    // SAFETY: a place for one bool.
    check(unsafe { idiom_is_deterministic(&raw mut deterministic) })?;
    Ok(deterministic)
}

pub(crate) fn set_n_threads(n_threads: i32) -> Result<(), TorchError> {
    // SAFETY: no pointers.
    check(unsafe { idiom_set_n_threads(n_threads) })
}

pub(crate) fn n_threads() -> Result<i32, TorchError> {
    let mut n_threads = 0;
    // SAFETY: a place for one int.
    check(unsafe { idiom_n_threads(&raw mut n_threads) })?;
    Ok(n_threads)
}

pub(crate) fn set_autocast(on_accelerator: bool, enabled: bool) -> Result<(), TorchError> {
    // SAFETY: no pointers.
    check(unsafe { idiom_set_autocast(on_accelerator, enabled) })
}

pub(crate) fn pause_autocast(on_accelerator: bool) -> Result<bool, TorchError> {
    let mut was_enabled = false;
    // SAFETY: a place for one bool.
    check(unsafe { idiom_pause_autocast(on_accelerator, &raw mut was_enabled) })?;
    Ok(was_enabled)
}

pub(crate) fn resume_autocast(on_accelerator: bool) -> Result<(), TorchError> {
    // SAFETY: no pointers.
    check(unsafe { idiom_resume_autocast(on_accelerator) })
}

pub(crate) fn cpu_multiplies_bf16() -> Result<bool, TorchError> {
    let mut multiplies = false;
    // SAFETY: a place for one bool.
    check(unsafe { idiom_cpu_multiplies_bf16(&raw mut multiplies) })?;
    Ok(multiplies)
}

pub(crate) fn set_tf32(allowed: bool) -> Result<(), TorchError> {
    // SAFETY: no pointers.
    check(unsafe { idiom_set_tf32(allowed) })
}

pub(crate) fn keep_freed_memory() -> Result<(), TorchError> {
    // SAFETY: no pointers.
    check(unsafe { idiom_keep_freed_memory() })
}

pub(crate) fn bound_tensors(further_bytes: u64) -> Result<(), TorchError> {
    // SAFETY: no pointers; what the shim hands to libtorch lives as long as the program.
    check(unsafe { idiom_bound_tensors(further_bytes) })
}

/// Bytes in use, at the peak, and reserved on an accelerator.
pub(crate) fn accelerator_memory(device: i32) -> Result<[i64; 3], TorchError> {
    let [mut in_use, mut peak, mut reserved] = [0; 3];
    // SAFETY: places for three integers.
    check(unsafe {
        idiom_accelerator_memory(device, &raw mut in_use, &raw mut peak, &raw mut reserved)
    })?;
    Ok([in_use, peak, reserved])
}

fn text(ask: unsafe extern "C" fn(*mut Message) -> Message) -> Result<String, TorchError> {
    let mut text = ptr::null_mut();
    // SAFETY: each of the shim's functions of this type writes one strdup'ed string to the given place.
    check(unsafe { ask(&raw mut text) })?;
    Ok(take(text).unwrap_or_default())
}

pub(crate) fn libtorch_version() -> Result<String, TorchError> {
    text(idiom_libtorch_version)
}

pub(crate) fn cpu_capability() -> Result<String, TorchError> {
    text(idiom_cpu_capability)
}

pub(crate) fn build_settings() -> Result<String, TorchError> {
    text(idiom_build_settings)
}

/// A group's handle; left when it is dropped.
#[derive(Debug)]
pub(crate) struct GroupHandle(*mut Group);

impl Drop for GroupHandle {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `idiom_group_join` and is not used again.
        unsafe { idiom_group_leave(self.0) };
    }
}

fn check_group(message: Message) -> Result<(), TorchError> {
    take(message).map_or(Ok(()), |words| {
        let first = words.lines().next().unwrap_or_default();
        Err(TorchError::Group(first.to_owned()))
    })
}

pub(crate) fn join_group(rendezvous: &Rendezvous) -> Result<GroupHandle, TorchError> {
    let milliseconds = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    let host = c_text(&rendezvous.host)?;
    let place = Place {
        host: host.as_ptr(),
        port: rendezvous.port,
        rank: c_int::try_from(rendezvous.rank).unwrap_or(c_int::MAX),
        n_ranks: c_int::try_from(rendezvous.n_ranks).unwrap_or(c_int::MAX),
        join_milliseconds: milliseconds(rendezvous.join_timeout),
        answer_milliseconds: milliseconds(rendezvous.answer_timeout),
    };
    let mut group = ptr::null_mut();
    // SAFETY: a struct of the shim's layout whose text outlives the call, and a place for one pointer.
    check_group(unsafe { idiom_group_join(&raw const place, &raw mut group) })?;
    Ok(GroupHandle(group))
}

impl GroupHandle {
    /// Whether [`GroupHandle::sum`] takes tensors on a GPU: libtorch has NCCL.
    pub(crate) fn sums_on_gpus() -> bool {
        // SAFETY: reads a constant.
        unsafe { idiom_group_sums_on_gpus() }
    }

    /// Sums the tensor over all processes, in place.
    pub(crate) fn sum(&self, tensor: &Tensor) -> Result<(), TorchError> {
        // SAFETY: a live group and a live tensor; the shim waits until the sum is there.
        check_group(unsafe { idiom_group_sum(self.0, tensor.as_ptr()) })
    }

    pub(crate) fn tell(&self, key: &str, words: &str) -> Result<(), TorchError> {
        let (key, words) = (c_text(key)?, c_text(words)?);
        // SAFETY: a live group and two texts that outlive the call.
        check_group(unsafe { idiom_group_tell(self.0, key.as_ptr(), words.as_ptr()) })
    }

    pub(crate) fn hear(&self, key: &str) -> Result<String, TorchError> {
        let key = c_text(key)?;
        let mut words = ptr::null_mut();
        // SAFETY: a live group, a text that outlives the call, and a place for one string.
        check_group(unsafe { idiom_group_hear(self.0, key.as_ptr(), &raw mut words) })?;
        Ok(take(words).unwrap_or_default())
    }
}

fn c_text(text: &str) -> Result<CString, TorchError> {
    CString::new(text).map_err(|_| TorchError::Group("a text holds a NUL".to_owned()))
}
