// The PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt): for whom a proxy has connected.
#pragma once

#include <cstddef>
#include <optional>
#include <portico/bytes.hpp>
#include <portico/core/task.hpp>
#include <portico/net/endpoint.hpp>
#include <string>

namespace portico::inline v0_1 {

class connection;

/// What a proxy says before anything else: between which endpoints the connection is that it relays.
struct proxy_header {
    /// A line of text, or binary.
    enum class version : unsigned char { v1 = 1, v2 = 2 };
    static constexpr std::size_t max_size = 4096; ///< in bytes, of one that is read; the protocol has 65,551

    /// That the proxy speaks for itself.
    explicit proxy_header(version of = version::v2) noexcept : format(of) {}
    /// That it speaks for `from`, who has connected to `to`.
    proxy_header(endpoint from, endpoint to, version of = version::v2) noexcept
        : source(std::move(from)), destination(std::move(to)), format(of) {}

    /// Whether the proxy speaks for itself (LOCAL, as when it looks whether the server is alive), or does not say for
    /// whom (UNKNOWN, AF_UNSPEC): the endpoints of the connection are the right ones then.
    bool is_local() const noexcept { return source.family() == endpoint::family::none; }

    endpoint source;      ///< who has connected; none where `is_local`
    endpoint destination; ///< to what; none where `is_local`
    version format;       ///< how it is written

    /// Whether all of it is the same.
    friend bool operator==(const proxy_header&, const proxy_header&) noexcept = default;
};

/// A header, and how many bytes of the stream it takes.
struct parsed_proxy_header {
    proxy_header header; ///< what it says
    std::size_t size;    ///< in bytes; what follows is not the proxy's
};

/// Reads a header from the first bytes of a stream: none where more of them are needed. Throws `protocol_error` as soon
/// as they cannot become a header, with `peer` as its target. Type-length-values are passed over, but for a CRC32C,
/// which must be right. Datagrams are refused: they do not come in streams.
std::optional<parsed_proxy_header> parse_proxy_header(bytes received, const endpoint& peer = {});

/// The header as it is sent. Version 1 has no word but UNKNOWN for Unix sockets. Throws `misuse` where the endpoints
/// are not of one family.
std::string to_bytes(const proxy_header& header);

/// Reads the header that must come first on a connection, and not a byte more. Fails with `protocol_error` that names
/// the peer, `errc::truncated` where the stream ends before; when it is cancelled or late, nothing has been taken from
/// the stream. The connection's timeout holds for each read; `with_deadline` for all of it.
task<proxy_header> read_proxy_header(connection& from);

/// From then on `remote_endpoint` and `local_endpoint` of the connection, and what its errors name, are the header's
/// source and destination; nothing changes where `is_local`. Throws as `connection::exchange_transport`.
void apply_proxy_header(connection& to, const proxy_header& header);

/// Writes a header, which is what must come first:
/// `connection server = co_await connect(tcp("server.example", 9999));`
/// `co_await write_proxy_header(server, proxy_header(client.remote_endpoint(), client.local_endpoint()));`
/// Fails as `connection::write` and `to_bytes` do.
task<> write_proxy_header(connection& to, proxy_header header);

} // namespace portico
