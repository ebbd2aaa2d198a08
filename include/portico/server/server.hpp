// server: accepts connections and runs a handler for each, within limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <portico/core/event.hpp>
#include <portico/net/acceptor.hpp>
#include <portico/net/handler.hpp>
#include <vector>

namespace portico::inline v0_1 {

/// Limits of a server, safe as they are.
struct server_options {
    std::size_t max_connections = 10'000; ///< open at a time; then accepting pauses, and clients wait in the backlog
    int backlog = 4096;                   ///< see `listen_options`
    int mode = -1;                        ///< of the files of Unix sockets: see `listen_options`
    duration timeout = std::chrono::seconds(60); ///< each operation of a connection, until the handler sets another
    finish_limits finish{};                      ///< what is waited for after a handler has returned
};

/// What a server has done so far.
struct server_statistics {
    std::uint64_t accepted = 0;       ///< connections
    std::size_t open = 0;             ///< connections, now
    std::uint64_t lost = 0;           ///< connections that the peer reset, or that were idle for too long
    std::uint64_t handler_errors = 0; ///< handlers that ended with any other exception
    std::uint64_t accept_errors = 0;  ///< accepts that failed for want of descriptors or memory
};

/// Listens at one or several addresses and runs a handler for each connection. When the handler returns, the server
/// ends the connection well (`connection::finish`); when it throws, the connection is closed and the exception goes to
/// the context's reports, except where the connection was merely lost, which is counted. It starts no thread, takes no
/// signal and prints nothing.
///
/// The server outlives its `run`, which runs once at a time.
class server {
public:
    /// At a TCP address (`tcp("localhost", 9999)`: every address of the host) or a Unix one (`local(path)`).
    server(address where, handler serve, server_options options = {});
    /// At several addresses.
    server(std::vector<address> where, handler serve, server_options options = {});
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    /// Listens, accepts and serves until it is cancelled; then every session is cancelled, and it ends when they have.
    /// Fails where it cannot listen. It does not end for want of descriptors or memory: it pauses (5 ms to 1 s, less
    /// when a connection closes), reports that at most once a second, and goes on.
    task<> run();
    /// The same on an acceptor that was made otherwise, such as one on a descriptor that was handed in
    /// (`adopt_acceptor`), in place of the addresses of the constructor.
    task<> run(acceptor source);

    /// Called once it listens, with all its endpoints.
    void on_listening(unique_function<void(const std::vector<endpoint>&)> hook) { on_listening_ = std::move(hook); }
    /// Called for each connection before its handler.
    void on_accept(unique_function<void(const connection&)> hook) { on_accept_ = std::move(hook); }

    const server_statistics& statistics() const noexcept { return statistics_; } ///< what it has done so far

private:
    class open_session;
    task<> accept_from(acceptor& source, task_group& sessions);
    task<> session(context& own, transport_ptr stream);
    task<> wait_for_room();
    task<> recover(const error& failure);
    void report_failure(const connection& peer);

    std::vector<address> where_;
    handler serve_;
    server_options options_;
    unique_function<void(const std::vector<endpoint>&)> on_listening_;
    unique_function<void(const connection&)> on_accept_;
    server_statistics statistics_;
    event closed_; // a session has ended
    duration pause_{};
    time_point reported_{};
    std::uint64_t unreported_ = 0;
};

} // namespace portico
