// connect: from an address to a connection.
#pragma once

#include <portico/net/connection.hpp>
#include <portico/net/resolver.hpp>

namespace portico::inline v0_1 {

/// Connects to one endpoint. Fails with the system's reason, or with `errc::timed_out` (phase `connect`) after
/// `options.timeout`. Where the backlog of a Unix socket is full, it tries again until then. Cancelled, it leaves
/// nothing behind.
task<connection> connect(endpoint to, connect_options options = {});

/// Connects to a host, as RFC 8305 has it: asks for its IPv6 and IPv4 addresses at the same time, orders them (by
/// RFC 6724, the families in turn), tries the next when one has failed or after `options.attempt_delay`, and keeps the
/// first connection that is made. Fails with an error whose `attempts()` say why each of them did not; a name that is not
/// resolved, with the resolver's reason, or `errc::timed_out` of `phase::resolve`. To a Unix socket or an address in
/// text form it connects at once. A `udp` address throws `misuse`.
///
/// Through a SOCKS5 proxy (`options.socks5`), the remote endpoint of the connection is the proxy. A timeout while the
/// proxy is asked has `phase::handshake`.
task<connection> connect(address to, connect_options options = {});

} // namespace portico
