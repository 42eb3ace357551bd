// What libtorch has and tch does not bind, as plain C functions.
//
// Each function runs its body inside `guarded` (guarded.hpp); the caller frees messages with idiom_free_message. Tensors cross the
// border as pointers to at::Tensor, the same that torch-sys hands out; nothing here keeps one.

#include "guarded.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/cpu/Utils.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/stack.h>
#include <c10/core/CPUAllocator.h>
#include <malloc.h>
#include <torch/headeronly/version.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace {

std::vector<at::Tensor> list(at::Tensor* const* tensors, size_t n) {
  std::vector<at::Tensor> all;
  all.reserve(n);
  for (size_t i = 0; i < n; ++i) all.push_back(*tensors[i]);
  return all;
}

// The fused kernel walks raw memory, so a gradient has to lie in memory as its parameter does.
std::vector<at::Tensor> laid_out_as(const std::vector<at::Tensor>& gradients, const std::vector<at::Tensor>& parameters) {
  std::vector<at::Tensor> all;
  all.reserve(gradients.size());
  for (size_t i = 0; i < gradients.size(); ++i) {
    const at::Tensor& gradient = gradients[i];
    const at::Tensor& parameter = parameters[i];
    if (gradient.strides() == parameter.strides()) {
      all.push_back(gradient);
    } else {
      all.push_back(at::empty_like(parameter).copy_(gradient));
    }
  }
  return all;
}

const at::Generator& generator_of(int device) {
  if (device < 0) return at::detail::getDefaultCPUGenerator();
  return at::globalContext().defaultGenerator(
      c10::Device(c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(device)));
}

// libtorch's own allocator with an end. Linux promises memory that it does not have and then kills who uses it; this says no first.
struct Bounded final : c10::Allocator {
  static inline std::atomic<int64_t> in_use{0};
  static inline std::atomic<int64_t> most{INT64_MAX};

  static void give_back(void* data) {
    if (data == nullptr) return;
    in_use -= static_cast<int64_t>(malloc_usable_size(data));
    c10::GetDefaultCPUAllocator()->raw_deleter()(data);
  }

  c10::DataPtr allocate(size_t n) override {
    const int64_t before = in_use;
    TORCH_CHECK_WITH(OutOfMemoryError, before + static_cast<int64_t>(n) <= most, "out of memory: tensors hold ", before,
                     " bytes, ", n, " more were asked for, and at most ", most.load(), " are there");
    void* data = c10::GetDefaultCPUAllocator()->raw_allocate(n);
    in_use += static_cast<int64_t>(malloc_usable_size(data));
    return {data, data, &give_back, c10::Device(c10::DeviceType::CPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &give_back; }

  void copy_data(void* to, const void* from, size_t n) const override { default_copy_data(to, from, n); }
};

Bounded bounded;

}  // namespace

extern "C" {

struct IdiomAdam {
  double learning_rate;
  double beta1;
  double beta2;
  double epsilon;
  double weight_decay;
};

// What a step reads and writes: four lists of n tensors, and the number of steps so far.
struct IdiomAdamTensors {
  at::Tensor* const* parameters;
  at::Tensor* const* gradients;
  at::Tensor* const* first_moments;
  at::Tensor* const* second_moments;
  size_t n;
  at::Tensor* step;
};

void idiom_free_message(char* message) { std::free(message); }

char* idiom_fused_adam(const IdiomAdamTensors* tensors, const IdiomAdam* adam) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    const size_t n = tensors->n;
    auto theta = list(tensors->parameters, n);
    auto g = laid_out_as(list(tensors->gradients, n), theta);
    auto m = list(tensors->first_moments, n);
    auto v = list(tensors->second_moments, n);
    std::vector<at::Tensor> steps(n, *tensors->step);
    std::vector<at::Tensor> no_maximum;
    at::_fused_adam_(theta, g, m, v, no_maximum, steps, adam->learning_rate, adam->beta1, adam->beta2,
                     adam->weight_decay, adam->epsilon, /*amsgrad=*/false, /*maximize=*/false);
  });
}

char* idiom_lerp(at::Tensor* const* targets, at::Tensor* const* sources, size_t n, double weight) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    at::_foreach_lerp_(list(targets, n), list(sources, n), weight);
  });
}

char* idiom_leaky_relu(const at::Tensor* input, double slope, at::Tensor** output) {
  return guarded([&] { *output = new at::Tensor(at::leaky_relu(*input, slope)); });
}

char* idiom_norms(at::Tensor* const* tensors, size_t n, at::Tensor** norms) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    *norms = new at::Tensor(at::stack(at::_foreach_norm(list(tensors, n), 2)));
  });
}

char* idiom_random_state(int device, at::Tensor** state) {
  return guarded([&] {
    at::Generator generator = generator_of(device);
    std::lock_guard<std::mutex> lock(generator.mutex());
    *state = new at::Tensor(generator.get_state());
  });
}

char* idiom_set_random_state(int device, at::Tensor* state) {
  return guarded([&] {
    at::Generator generator = generator_of(device);
    std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_state(*state);
  });
}

char* idiom_manual_seed(uint64_t seed) {
  return guarded([&] {
    {
      at::Generator generator = at::detail::getDefaultCPUGenerator();
      std::lock_guard<std::mutex> lock(generator.mutex());
      generator.set_current_seed(seed);
    }
    if (!at::globalContext().hasCUDA()) return;
    for (int device = 0; device < static_cast<int>(at::accelerator::deviceCount()); ++device) {
      at::Generator generator = generator_of(device);
      std::lock_guard<std::mutex> lock(generator.mutex());
      generator.set_current_seed(seed);
    }
  });
}

char* idiom_set_deterministic(bool deterministic) {
  return guarded([&] {
    at::globalContext().setDeterministicAlgorithms(deterministic, /*warn_only=*/false);
    // Filling fresh memory guards against reads of uninitialised values, which no operation of ours does; it costs a pass.
    at::globalContext().setDeterministicFillUninitializedMemory(false);
  });
}

char* idiom_is_deterministic(bool* deterministic) {
  return guarded([&] { *deterministic = at::globalContext().deterministicAlgorithms(); });
}

char* idiom_set_n_threads(int n_threads) {
  return guarded([&] { at::set_num_threads(n_threads); });
}

char* idiom_n_threads(int* n_threads) {
  return guarded([&] { *n_threads = at::get_num_threads(); });
}

char* idiom_set_autocast(bool on_accelerator, bool enabled) {
  return guarded([&] {
    const at::DeviceType kind = on_accelerator ? at::kCUDA : at::kCPU;
    at::autocast::set_autocast_dtype(kind, at::kBFloat16);
    at::autocast::set_autocast_enabled(kind, enabled);
    // The copies of the weights belong to one pass: the next one has other weights.
    if (!enabled) at::autocast::clear_cache();
  });
}

char* idiom_pause_autocast(bool on_accelerator, bool* was_enabled) {
  return guarded([&] {
    const at::DeviceType kind = on_accelerator ? at::kCUDA : at::kCPU;
    *was_enabled = at::autocast::is_autocast_enabled(kind);
    // The copies of the weights stay: the pass goes on afterwards.
    at::autocast::set_autocast_enabled(kind, false);
  });
}

char* idiom_resume_autocast(bool on_accelerator) {
  return guarded([&] { at::autocast::set_autocast_enabled(on_accelerator ? at::kCUDA : at::kCPU, true); });
}

char* idiom_cpu_multiplies_bf16(bool* multiplies) {
  return guarded([&] { *multiplies = at::cpu::init_amx(); });
}

char* idiom_set_tf32(bool allowed) {
  return guarded([&] {
    at::globalContext().setAllowTF32CuDNN(allowed);
    at::globalContext().setAllowTF32CuBLAS(allowed);
  });
}

char* idiom_keep_freed_memory() {
  return guarded([] {
    // Older C libraries cap the threshold at 32 MiB and refuse more.
    const bool raised = mallopt(M_MMAP_THRESHOLD, 1 << 30) == 1 || mallopt(M_MMAP_THRESHOLD, 32 << 20) == 1;
    if (!raised || mallopt(M_TRIM_THRESHOLD, INT_MAX) != 1) throw std::runtime_error("mallopt refused its thresholds");
  });
}

char* idiom_bound_tensors(uint64_t further_bytes) {
  return guarded([&] {
    const int64_t further = static_cast<int64_t>(std::min<uint64_t>(further_bytes, INT64_MAX / 2));
    Bounded::most = Bounded::in_use + further;
    // Above the default's priority, 0, so that it takes its place.
    c10::SetCPUAllocator(&bounded, /*priority=*/1);
  });
}

char* idiom_accelerator_memory(int device, int64_t* in_use, int64_t* peak, int64_t* reserved) {
  return guarded([&] {
    const auto stats = at::accelerator::getDeviceStats(static_cast<c10::DeviceIndex>(device));
    *in_use = stats.allocated_bytes[0].current;
    *peak = stats.allocated_bytes[0].peak;
    *reserved = stats.reserved_bytes[0].current;
  });
}

char* idiom_libtorch_version(char** version) {
  return guarded([&] { *version = strdup(TORCH_VERSION); });
}

char* idiom_cpu_capability(char** capability) {
  return guarded([&] { *capability = strdup(at::get_cpu_capability().c_str()); });
}

char* idiom_build_settings(char** settings) {
  return guarded([&] { *settings = strdup(at::show_config().c_str()); });
}

}  // extern "C"
