// server_setup: what a server was told before it runs. Its contexts only read it.
#pragma once

#include <portico/net/network.hpp>
#include <portico/server/server.hpp>

namespace portico::inline v0_1::detail {

struct server_setup {
    struct periodic {
        duration interval;
        unique_function<void()> action;
    };

    std::vector<address> where;
    portico::handler handler;
    server_options options;
    unique_function<void(const std::vector<endpoint>&)> on_listening;
    unique_function<bool(const connection&)> verify;
    portico::handler handshake;
    unique_function<void(const closed_session&)> on_handshake_failed;
    unique_function<void(const connection&)> on_accept;
    unique_function<void(const closed_session&)> on_close;
    unique_function<void(const connection&, const std::exception_ptr&)> on_error;
    std::vector<periodic> every;
    std::vector<network> proxies; // trusted; empty: connections have no header
};

} // namespace portico::detail
