// The HTTP client: a request and its response over any connection.
#pragma once

#include <portico/http/receiver.hpp>
#include <portico/http/request.hpp>
#include <portico/net/connection.hpp>
#include <portico/net/handler.hpp>

namespace portico::inline v0_1::http {

/// Whether the connection may carry another exchange.
enum class reuse : bool { no, yes };

/// Sends a request and gives the response to `into`, as it arrives: the memory it takes does not depend on the size of
/// the body. Completes when the response is complete, and says whether the connection can be used again. Fails with
/// the connection's errors, with `protocol_error` where the peer's bytes are wrong, and with what `into` throws; the
/// connection is then of no further use. What it refers to outlives it.
task<reuse> exchange(connection& peer, const request& what, receiver& into, limits most = {});

/// A handler for `client`, or for any other connection: gets a resource and closes the connection.
///
///     client download(tcp("localhost", 80), http::get(url("http://localhost/"), http::save_to("index.html")));
handler get(const url& what, receiver_maker into);

/// The name under which a download of this URL is saved: the last segment of its path, decoded and made safe (no `/`,
/// `\`, control character, nor a name of dots), or `index.html`.
std::string file_name(const url& of);

} // namespace portico::http
