//! Random state, thread counts, determinism, and errors that come out of C++.

use idiom_torch_ext::{
    Determinism, TorchError, accelerator_memory, cpu_capability, determinism, leaky_relu,
    lerp_into, libtorch_version, manual_seed, n_threads, norms, random_state, set_determinism,
    set_n_threads, set_random_state,
};
use idiom_torch_ext::{cpu_multiplies_bf16, in_bf16, in_own_digits, set_tf32};
use std::sync::Mutex;
use tch::{Device, Kind, Tensor};

/// The settings under test belong to the whole process.
static PROCESS: Mutex<()> = Mutex::new(());

fn three() -> Tensor {
    Tensor::randn([3], (Kind::Float, Device::Cpu))
}

#[test]
fn equal_seeds_give_equal_draws() {
    let _one = PROCESS.lock().unwrap();
    manual_seed(5).unwrap();
    let first = three();
    manual_seed(5).unwrap();
    assert_eq!(three(), first);
    manual_seed(u64::MAX).unwrap();
    assert_ne!(three(), first);
}

#[test]
fn a_state_put_back_repeats_the_draws() {
    let _one = PROCESS.lock().unwrap();
    let state = random_state(Device::Cpu).unwrap();
    let first = three();
    assert_ne!(three(), first);
    set_random_state(Device::Cpu, &state).unwrap();
    assert_eq!(three(), first);
}

#[test]
fn a_cut_state_is_an_error_and_no_crash() {
    let _one = PROCESS.lock().unwrap();
    let mut state = random_state(Device::Cpu).unwrap();
    state.0.truncate(10);
    let error = set_random_state(Device::Cpu, &state).unwrap_err();
    assert!(matches!(error, TorchError::Libtorch(_)), "{error}");
}

#[test]
fn the_thread_count_is_what_was_set() {
    let _one = PROCESS.lock().unwrap();
    let before = n_threads().unwrap();
    set_n_threads(1).unwrap();
    assert_eq!(n_threads().unwrap(), 1);
    set_n_threads(before).unwrap();
    assert!(set_n_threads(0).is_err());
}

#[test]
fn determinism_is_what_was_set() {
    let _one = PROCESS.lock().unwrap();
    set_determinism(Determinism::Required).unwrap();
    assert_eq!(determinism().unwrap(), Determinism::Required);
    set_determinism(Determinism::NotRequired).unwrap();
    assert_eq!(determinism().unwrap(), Determinism::NotRequired);
}

#[test]
fn the_version_is_the_one_tch_was_made_for() {
    assert_eq!(libtorch_version().unwrap(), "2.11.0");
    assert!(!cpu_capability().unwrap().is_empty());
}

#[test]
fn an_exception_comes_back_as_words() {
    let (one, other) = (
        Tensor::zeros([2], (Kind::Float, Device::Cpu)),
        Tensor::zeros([3], (Kind::Float, Device::Cpu)),
    );
    let error = lerp_into(&[&one], &[&other], 0.5).unwrap_err();
    assert!(error.to_string().starts_with("libtorch: "), "{error}");
    assert!(!error.to_string().contains('\n'), "no backtrace: {error}");
    if !tch::Cuda::is_available() {
        assert!(accelerator_memory(0).is_err());
    }
}

#[test]
fn norms_are_euclidean_and_show_what_is_not_finite() {
    let tensors = [
        Tensor::from_slice(&[3.0_f32, 4.0]),
        Tensor::from_slice(&[f32::NAN, 1.0]),
    ];
    let norms = norms(&tensors).unwrap();
    assert_eq!(norms.double_value(&[0]), 5.0);
    assert!(norms.double_value(&[1]).is_nan());
}

#[test]
fn the_rectifier_leaks_by_its_slope() {
    let output = leaky_relu(&Tensor::from_slice(&[-10.0_f32, 0.0, 3.0]), 0.5).unwrap();
    assert_eq!(output, Tensor::from_slice(&[-5.0_f32, 0.0, 3.0]));
}

#[test]
fn a_pass_in_bf16_has_its_digits_and_leaves_weights_and_gradients_alone() {
    let third = Tensor::full([1, 1], 1.0 / 3.0, (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let one = Tensor::ones([1, 1], (Kind::Float, Device::Cpu));
    let product = in_bf16(Device::Cpu, || one.matmul(&third)).unwrap();
    // bf16 keeps 8 bits of 1/3: 171/512.
    assert_eq!(product.kind(), Kind::BFloat16);
    assert_eq!(product.double_value(&[0, 0]), 171.0 / 512.0);
    let gradient = Tensor::run_backward(&[product.sum(Kind::Float)], &[&third], false, false);
    assert_eq!(
        (third.kind(), gradient[0].kind()),
        (Kind::Float, Kind::Float)
    );
    assert_eq!(one.matmul(&third).kind(), Kind::Float);
}

#[test]
fn a_pass_in_bf16_sees_the_weights_as_they_are_now() {
    let mut weight = Tensor::ones([1, 1], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let one = Tensor::ones([1, 1], (Kind::Float, Device::Cpu));
    for expected in [1.0, 2.0] {
        let product = in_bf16(Device::Cpu, || one.matmul(&weight)).unwrap();
        assert_eq!(product.double_value(&[0, 0]), expected);
        let _ = tch::no_grad(|| weight.fill_(2.0));
    }
}

#[test]
fn a_product_in_the_middle_of_a_pass_may_keep_all_digits() {
    let third = Tensor::full([1, 1], 1.0 / 3.0, (Kind::Float, Device::Cpu));
    let one = Tensor::ones([1, 1], (Kind::Float, Device::Cpu));
    let product = || one.matmul(&third).kind();
    let kinds = in_bf16(Device::Cpu, || {
        [
            product(),
            in_own_digits(Device::Cpu, product).unwrap(),
            product(),
        ]
    });
    assert_eq!(
        kinds.unwrap(),
        [Kind::BFloat16, Kind::Float, Kind::BFloat16]
    );
    // Outside a pass it changes nothing.
    assert_eq!(in_own_digits(Device::Cpu, product).unwrap(), Kind::Float);
    assert_eq!(product(), Kind::Float);
}

#[test]
fn a_cpu_with_amx_is_known_by_what_linux_says_of_it() {
    let said = std::fs::read_to_string("/proc/cpuinfo").unwrap();
    assert_eq!(cpu_multiplies_bf16().unwrap(), said.contains("amx_tile"));
}

#[test]
fn tf32_changes_nothing_on_a_cpu() {
    let _held = PROCESS.lock().unwrap();
    let third = Tensor::full([1, 1], 1.0 / 3.0, (Kind::Float, Device::Cpu));
    set_tf32(true).unwrap();
    let product = third.matmul(&third);
    set_tf32(false).unwrap();
    assert_eq!(product, third.matmul(&third));
}
