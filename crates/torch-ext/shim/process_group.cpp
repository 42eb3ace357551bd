// Several processes that train one network: a c10d process group over Gloo, as plain C functions; sums of tensors on a GPU go over
// NCCL where libtorch has it.
//
// libtorch_cpu.so holds the code; its wheel lacks Gloo's headers, so the few declarations that c10d's own header needs
// stand in `gloo/` beside this file. Errors are messages, see guarded.hpp.

#include "guarded.hpp"
#ifdef IDIOM_NCCL
#include "nccl.hpp"
#endif

#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace {

struct Group {
  c10::intrusive_ptr<c10d::TCPStore> store;
  c10::intrusive_ptr<c10d::Backend> backend;
  c10::intrusive_ptr<c10d::Backend> among_gpus;  // none until tensors on a GPU are summed
  std::chrono::milliseconds answer;
};

struct Place {
  const char* host;
  uint16_t port;
  int rank;
  int n_ranks;
  int64_t join_milliseconds;
  int64_t answer_milliseconds;
};

bool is_here(const std::string& host) {
  return host == "localhost" || host.rfind("127.", 0) == 0;
}

// What sums such tensors.
c10d::Backend& backend_for(Group& group, const at::Tensor& tensor) {
  if (!tensor.is_cuda()) return *group.backend;
#ifdef IDIOM_NCCL
  if (!group.among_gpus) {
    group.among_gpus = join_gpus(group.store, group.backend->getRank(), group.backend->getSize(), group.answer);
  }
  return *group.among_gpus;
#else
  TORCH_CHECK(false, "this build has no NCCL, so tensors on a GPU must come to the CPU to be summed");
#endif
}

}  // namespace

extern "C" {

char* idiom_group_join(const Place* place, Group** group) {
  return guarded([&] {
    const std::chrono::milliseconds join(place->join_milliseconds), answer(place->answer_milliseconds);
    c10d::TCPStoreOptions at;
    at.port = place->port;
    at.isServer = place->rank == 0;
    at.numWorkers = place->n_ranks;
    at.timeout = join;
    auto store = c10::make_intrusive<c10d::TCPStore>(place->host, at);
    auto options = c10d::ProcessGroupGloo::Options::create(join);
    options->devices.push_back(is_here(place->host)
                                   ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")
                                   : c10d::ProcessGroupGloo::createDefaultDevice());
    auto backend = c10::make_intrusive<c10d::ProcessGroupGloo>(store, place->rank, place->n_ranks, options);
    backend->setTimeout(answer);
    *group = new Group{store, backend, {}, answer};
  });
}

char* idiom_group_sum(Group* group, at::Tensor* tensor) {
  return guarded([&] {
    std::vector<at::Tensor> tensors{*tensor};
    backend_for(*group, *tensor).allreduce(tensors)->wait();
  });
}

// Whether tensors on a GPU can be summed where they are.
bool idiom_group_sums_on_gpus() {
#ifdef IDIOM_NCCL
  return true;
#else
  return false;
#endif
}

char* idiom_group_tell(Group* group, const char* key, const char* words) {
  return guarded([&] {
    group->store->set(key, std::vector<uint8_t>(words, words + strlen(words)));
  });
}

char* idiom_group_hear(Group* group, const char* key, char** words) {
  return guarded([&] {
    const std::vector<uint8_t> heard = group->store->get(key);
    *words = strndup(reinterpret_cast<const char*>(heard.data()), heard.size());
  });
}

void idiom_group_leave(Group* group) {
  // Leaving never fails: what it throws has nobody left to tell.
  char* message = guarded([&] { delete group; });
  free(message);
}

}  // extern "C"
