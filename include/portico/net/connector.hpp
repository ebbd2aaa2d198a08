// connect: from an address to a connection.
#pragma once

#include <portico/net/connection.hpp>
#include <portico/net/resolver.hpp>

namespace portico {

/// Connects to one endpoint. Fails with the system's reason, or with `errc::timed_out` (phase `connect`) after
/// `options.timeout`. Cancelled, it leaves nothing behind.
task<connection> connect(endpoint to, connect_options options = {});

/// Resolves a host and tries its addresses one after the other until one accepts. Fails with an error whose
/// `attempts()` say why each of them did not.
task<connection> connect(address to, connect_options options = {});

} // namespace portico
