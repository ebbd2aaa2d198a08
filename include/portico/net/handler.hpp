// handler: what serves a connection; the same for servers and clients, and for every kind of transport.
#pragma once

#include <portico/core/function.hpp>
#include <portico/core/task.hpp>

namespace portico::inline v0_1 {

class connection;

/// Any callable `task<>(connection&)`. It is called as const, once for each connection and for several at a time, and
/// lives as long as any of them runs. The connection may be moved from. An exception ends that connection alone.
using handler = unique_function<task<>(connection&)>;

} // namespace portico
