// download: one URL, over a connection in the clear or encrypted, to a file or to standard output.
#pragma once

#include <optional>
#include <portico/portico.hpp>
#include <portico/tls/client_context.hpp>
#include <portico/wire/url.hpp>
#include <string>
#include <vector>

/// The program `http_get`.
namespace http_get {

/// Where a host and port are, in place of what a look-up says; the host is still the one to be verified.
struct host_entry {
    std::string host; ///< in lower case, an IPv6 address without brackets
    std::uint16_t port;
    std::vector<portico::endpoint> addresses; ///< at least one; tried in this order

    /// Reads `HOST:PORT:ADDRESS[,ADDRESS...]`, as curl's --resolve. Throws `portico::error` (`errc::malformed`).
    static host_entry parse(const std::string& text);
};

/// What to download, and how.
struct settings {
    settings() { tls.application_protocols = {"http/1.1"}; }

    std::string url;
    std::optional<std::string> output; ///< `-` is standard output; none: what the URL says
    double connect_timeout = 30;       ///< for the look-up, the connection and the handshake, in seconds
    double max_time = 0;               ///< 0: for ever
    std::vector<host_entry> hosts;     ///< of two for the same, the last counts
    portico::tls::client_options tls;
};

/// Shows the head of the response and saves its body. Fails with whatever prevented it.
portico::task<> download(const settings& chosen, const portico::url& from);

} // namespace http_get
