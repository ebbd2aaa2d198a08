// handshake: from a connection in the clear to one that is encrypted; the same object, for the same handlers.
#pragma once

#include <portico/net/connector.hpp>
#include <portico/net/handler.hpp>
#include <portico/tls/client_context.hpp>
#include <portico/tls/server_context.hpp>

namespace portico::inline v0_1::tls {

/// How a handshake is done.
struct handshake_options {
    duration timeout = std::chrono::seconds(30); ///< for all of it
    /// What the peer has sent and nobody has read begins the handshake: after `peek`, or the header of a proxy. By
    /// default it is an error, because in the place of STARTTLS somebody else may have put it there (RFC 3207 section
    /// 6).
    bool take_received_bytes = false;
};

/// Does the handshake, at once or in the place that a protocol has for it (STARTTLS). From then on everything that the
/// connection sends and receives is encrypted: its transport is replaced by one over it. The connection must be idle,
/// and nothing else may be done with it meanwhile but to close it (`misuse`).
///
/// As a client: `host` is whom the certificate must be for, a name or an IP address (RFC 9525: by its subject
/// alternative names alone), and what is asked for (SNI). As a server, the context says everything.
///
/// Completes when the peer is verified and data can flow. Fails with `certificate_error`; with `protocol_error` where
/// the peer's bytes are wrong (`errc::malformed`) or end (`errc::truncated`); with `errc::refused` where the peer has
/// refused, and said why (an alert); with `errc::timed_out` of `phase::handshake`; and with the connection's own
/// errors. It is then closed, as it is when this is cancelled: half of a handshake is of no use.
///
/// What else is different from then on:
/// - `shutdown_write` and `finish` tell the peer (close_notify) that the stream ends there; `finish` waits for the peer
///   to do the same, within its limits. `close` and the destructor do not tell, and the peer can take that for a
///   stream that was cut off.
/// - A stream that ends otherwise is `errc::truncated`, for every read: somebody on the way may have cut it. A protocol
///   that knows by other means that it has everything may take that for the end.
/// - A read that is cancelled or late has taken nothing. A write that is may have sent a part, in whole records: the
///   next one goes on behind it.
/// - What is wrong with the peer's bytes is `errc::malformed`, an alert of the peer `errc::refused`.
/// - What `try_write` has taken and the system has not is sent later, and not at all once the connection is closed.
/// - There are no descriptors to pass, and `release` throws `misuse`.
/// - Renegotiation is refused; there is no compression and no early data.
task<> handshake(connection& peer, client_context with, std::string host, handshake_options options = {});
/// The same as a server.
task<> handshake(connection& peer, server_context with, handshake_options options = {});

/// The handshake for `server::handshake`, which limits its time.
handler handshaker(server_context with);

/// Connects, as `portico::connect` does, and does the handshake as a client, for the host of the address, all within
/// `options.timeout`. A Unix socket has no name to verify: use `handshake` there.
task<connection> connect(address to, client_context with, connect_options options = {});

/// A handler for `client` that does the handshake as a client and then what another handler does.
///
///     client download(tcp("example.org", 443), tls::secured(trust, "example.org", http::get(what, into)));
handler secured(client_context with, std::string host, handler use, handshake_options options = {});

} // namespace portico::tls
