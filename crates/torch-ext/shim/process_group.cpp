// Several processes that train one network: a c10d process group over Gloo, as plain C functions.
//
// libtorch_cpu.so holds the code; its wheel lacks Gloo's headers, so the few declarations that c10d's own header needs
// stand in `gloo/` beside this file. Errors are messages, see guarded.hpp.

#include "guarded.hpp"

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
    *group = new Group{store, backend};
  });
}

char* idiom_group_sum(Group* group, at::Tensor* tensor) {
  return guarded([&] {
    std::vector<at::Tensor> tensors{*tensor};
    group->backend->allreduce(tensors)->wait();
  });
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
