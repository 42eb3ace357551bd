// How every function of the shim ends: an exception never leaves C++. It comes back as a message allocated with strdup; a null pointer
// means success.
#pragma once

#include <c10/util/Exception.h>

#include <cstring>
#include <exception>

namespace {

template <typename Body>
char* guarded(Body body) {
  try {
    body();
    return nullptr;
  } catch (const c10::Error& error) {
    return strdup(error.what_without_backtrace());
  } catch (const std::exception& error) {
    return strdup(error.what());
  } catch (...) {
    return strdup("an exception of unknown type");
  }
}

}  // namespace
