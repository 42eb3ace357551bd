// Sums among GPUs: c10d's NCCL backend. Compiled only against a libtorch with CUDA; see process_group.cpp for its use.

#include "nccl.hpp"

#include <cstdlib>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

c10::intrusive_ptr<c10d::Backend> join_gpus(
    const c10::intrusive_ptr<c10d::Store>& store, int rank, int n_ranks, std::chrono::milliseconds answer) {
  // By default a watchdog ends the whole process when another one is lost. Waiting throws instead, so that the loop can say so.
  setenv("TORCH_NCCL_BLOCKING_WAIT", "1", 0);
  setenv("TORCH_NCCL_ASYNC_ERROR_HANDLING", "0", 0);
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = answer;
  auto apart = c10::make_intrusive<c10d::PrefixStore>("nccl", store);
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(apart, rank, n_ranks, options);
}
