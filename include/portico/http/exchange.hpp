// exchange: a request and its response over any connection, and handlers made of that.
#pragma once

#include <portico/http/receiver.hpp>
#include <portico/http/request.hpp>
#include <portico/net/connection.hpp>
#include <portico/net/handler.hpp>

namespace portico::inline v0_1::http {

/// Whether the connection may carry another exchange.
enum class reuse : bool { no, yes };

/// How fast a body may come, and how fast it must.
struct pace {
    std::uint64_t most = 0; ///< bytes a second that are taken from the connection; 0: as many as come
    /// Fails with `errc::timed_out` where fewer bytes a second than this come during `window`; 0: as few as there are.
    std::uint64_t least = 0;
    duration window = std::chrono::seconds(30); ///< see `least`
};

/// How a response is taken.
struct exchange_options {
    limits most;              ///< of its header
    pace speed;               ///< of its body
    response_options parsing; ///< what of its framing is taken otherwise
};

/// Sends a request and gives the response to `into`, as it arrives: the memory it takes does not depend on the size of
/// the body. Completes when the response is complete, and says whether the connection can be used again. Fails with
/// the connection's errors, with `protocol_error` where the peer's bytes are wrong, and with what `into` throws; the
/// connection is then of no further use, as when it is cancelled. What it refers to outlives it.
task<reuse> exchange(connection& peer, const request& what, receiver& into, exchange_options how = {});

/// A handler for `portico::client`, or for any other connection: gets a resource and closes the connection.
///
///     client download(tcp("localhost", 80), http::get(url("http://localhost/"), http::save_to("index.html")));
handler get(const url& what, receiver_maker into);

} // namespace portico::http
