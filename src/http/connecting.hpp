// connecting: from a URL to a connection that is ready for a request: past proxies, and encrypted.
#pragma once

#include "http/authenticator.hpp"
#include <optional>
#include <portico/http/client.hpp>
#include <string>

namespace portico::inline v0_1::http {

/// The way to an origin.
struct route {
    route(const url& to, std::optional<proxy> through, bool in_tunnel);

    std::string scheme, host;
    std::uint16_t port;
    std::optional<proxy> via;
    bool tunnel; ///< by CONNECT

    /// Whether there is a proxy that speaks HTTP.
    bool is_http() const { return via && (via->scheme() == proxy::scheme::http || via->scheme() == proxy::scheme::https); }
    /// Whether the request itself goes to a proxy.
    bool is_asked_of_proxy() const { return is_http() && !tunnel; }
    /// Different ways have different names.
    std::string name() const;
};

/// What the client has for making connections.
struct connector {
    const client_options& options;
    std::optional<tls::client_context> trust, proxy_trust; // made when first needed: they read files

    /// Makes a connection until `options.connect_timeout` has passed; notes when it was connected and secured.
    task<connection> connect(route way, authenticator& proxy_login, response_facts& facts, time_point begin);

private:
    task<connection> reach(address to, connect_options how);
    task<connection> reach_origin(const route& way, time_point deadline);
    task<> open_tunnel(connection& through, const route& way, authenticator& login, bool& again);
};

} // namespace portico::http
