// client: connects and runs a handler: the counterpart of server.
#pragma once

#include <portico/net/connector.hpp>
#include <portico/net/handler.hpp>

namespace portico::inline v0_1 {

/// How a client connects, and its limits.
struct client_options {
    connect_options connecting{}; ///< see `connect`
    duration timeout = std::chrono::seconds(60); ///< each operation, until the handler sets another
    finish_limits finish{};                      ///< what is waited for after the handler has returned
};

/// Connects to an address and runs a handler on the connection, one that might as well serve.
class client {
public:
    /// `use` is the handler that `run` runs, each time.
    client(address to, handler use, client_options options = {})
        : to_(std::move(to)), use_(std::move(use)), options_(std::move(options)) {}

    /// Completes when the handler has ended and the connection is closed (`connection::finish`). Fails where it cannot
    /// connect, and with what the handler throws.
    task<> run();

private:
    address to_;
    handler use_;
    client_options options_;
};

} // namespace portico
