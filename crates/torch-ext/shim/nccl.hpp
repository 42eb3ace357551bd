// The backend that sums among GPUs, apart from its users because its headers need CUDA's.

#pragma once

#include <chrono>

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

// Of this process's current GPU; meets the others at `store` on the first sum.
c10::intrusive_ptr<c10d::Backend> join_gpus(
    const c10::intrusive_ptr<c10d::Store>& store, int rank, int n_ranks, std::chrono::milliseconds answer);
