// What c10d's header names of Gloo's transport; the wheel has the code but not the headers.
#pragma once

namespace gloo::transport {
class Device;
class UnboundBuffer;
}  // namespace gloo::transport
