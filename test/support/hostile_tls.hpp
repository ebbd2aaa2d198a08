// hostile_tls: what tests of TLS use to go behind its interface.
#pragma once

#include "support/servers.hpp"

#include "tls/transport.hpp"

namespace test {

/// Trusts the server of the tests, and has no sessions: each conversation is a whole one.
inline portico::tls::client_context new_client(
    portico::tls::protocol_version version = portico::tls::protocol_version::tls1_3)
{
    portico::tls::client_options options;
    options.ca_file = trusted_server::instance().folder.path("server.pem");
    options.least = options.most = version;
    return portico::tls::client_context(options);
}

inline const portico::tls::server_context& the_server()
{
    return *trusted_server::instance().server;
}

inline portico::tls::detail::tls_transport& transport_of(const portico::connection& which)
{
    const auto* const found = dynamic_cast<const portico::tls::detail::tls_transport*>(which.current_transport());
    REQUIRE(found != nullptr);
    return const_cast<portico::tls::detail::tls_transport&>(*found);
}

inline SSL* ssl_of(const portico::connection& which)
{
    return transport_of(which).established();
}

/// Puts bytes on the link below, behind what is encrypted.
inline void inject(const portico::connection& from, std::string_view data)
{
    const portico::bytes all(data);
    REQUIRE(transport_of(from).below->try_write({&all, 1}).count == data.size());
}

} // namespace test
