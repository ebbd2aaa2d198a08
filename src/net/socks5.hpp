// socks5: what connect asks of a proxy.
#pragma once

#include <portico/core/task.hpp>
#include <portico/core/timer.hpp>
#include <portico/net/connection.hpp>
#include <portico/net/socks5.hpp>

namespace portico::inline v0_1::detail {

/// Throws where a proxy cannot be asked for this: a name or a user that does not fit into the protocol.
void check_request(const socks5_proxy& which, const address& to);

/// Has the proxy at the other end of a connection connect it to `to`, until `deadline`; what comes behind the proxy's
/// last reply stays to be read. Fails with an error whose code says why, as if this machine had connected, where the
/// proxy tells; with a `protocol_error` where its replies break RFC 1928.
task<> ask_proxy(connection& proxy, const socks5_proxy& which, const address& to, time_point deadline);

} // namespace portico::detail
