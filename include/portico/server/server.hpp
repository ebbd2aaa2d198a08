// server: accepts connections and runs a handler for each, within limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <portico/net/acceptor.hpp>
#include <portico/net/handler.hpp>
#include <portico/server/statistics.hpp>
#include <vector>

namespace portico::inline v0_1 {

class network;
struct closed_session;
struct session_info;

namespace detail {
class running_server;
struct server_setup;
} // namespace detail

/// Limits of a server, safe as they are.
struct server_options {
    /// Open at a time; then accepting pauses, and clients wait in the backlog.
    std::size_t max_connections = 10'000;
    /// Open at a time from one IPv4 address or IPv6 network of 64 bits; one more is closed at once. Ten addresses are
    /// needed to take every place of the server. Unix sockets are exempt, and proxies that are trusted.
    std::size_t max_connections_per_address = 1'000;
    /// Bytes that are received and wait for the rest of a line or block, of all connections, beyond the
    /// `context::buffer_size` that each may have. A read that needs more when they are gone fails with
    /// `std::errc::no_buffer_space`.
    std::size_t max_buffered = 64 * 1024 * 1024;
    int backlog = 4096; ///< see `listen_options`
    int mode = -1;      ///< of the files of Unix sockets: see `listen_options`
    /// What comes before the handler: the header of the PROXY protocol, and what `server::handshake` does.
    duration handshake_timeout = std::chrono::seconds(10);
    /// Handshakes under way at a time; then accepting pauses. Divided among threads.
    std::size_t max_handshakes = 5'000;
    duration timeout = std::chrono::seconds(60); ///< each operation of a connection, until the handler sets another
    duration session_timeout = no_timeout;       ///< a handler in all; then it is cancelled
    finish_limits finish{};                      ///< what is waited for after a handler has returned
    /// Contexts that accept from the same sockets, each with a thread but the first, which is the one of `run`. The
    /// handler and the hooks are then called from all of them, at the same time. `max_connections` and `max_buffered`
    /// are divided among them. A connection belongs to its context, which ends with `run`: it must not be moved to
    /// where it outlives that. Only on the backend of the system.
    unsigned threads = 1;
};

/// What `server::drain` came to: how the connections ended that were open when it began, or waited in the backlog.
struct drain_report {
    std::size_t finished = 0;  ///< by themselves
    std::size_t cancelled = 0; ///< after the soft limit, on being cancelled
    std::size_t aborted = 0;   ///< at the hard limit: reset, and their handlers destroyed
};

/// What becomes of the listening sockets when a server drains.
enum class listening_sockets : unsigned char {
    close, ///< those who wait in the backlog are served first, as far as `max_connections` allows
    leave  ///< another process listens with them, too; the files of Unix sockets stay, the backlog is the other's
};

/// Listens at one or several addresses and runs a handler for each connection. When the handler returns, the server
/// ends the connection well (`connection::finish`); when it throws, the connection is closed and the exception goes to
/// `on_error`, or else to the context's reports, except where the connection was merely lost, which is counted. It
/// starts no thread unasked, takes no signal and prints nothing.
///
/// The server outlives its `run`, which runs once at a time. All but the hooks belongs to the context of `run`.
class server {
public:
    /// At a TCP address (`tcp("localhost", 9999)`: every address of the host) or a Unix one (`local(path)`).
    server(address where, handler serve, server_options options = {});
    /// At several addresses.
    server(std::vector<address> where, handler serve, server_options options = {});
    server(const server&) = delete;
    server& operator=(const server&) = delete;
    ~server();

    /// Listens, accepts and serves until it is drained or cancelled. Cancelled, it cancels every session, and ends when
    /// they have. Fails where it cannot listen. It does not end for want of descriptors or memory: it pauses (5 ms to
    /// 1 s, less when a connection closes), reports that at most once a second, and goes on.
    task<> run();
    /// The same on an acceptor that was made otherwise, such as one on a descriptor that was handed in
    /// (`adopt_acceptor`), in place of the addresses of the constructor.
    task<> run(acceptor source);
    /// Listens at the addresses of the constructor, as `run` does first: for `run(acceptor)`, or for another process.
    task<acceptor> listen() const;

    /// Ends `run` gently: stops accepting, tells the handlers (`connection::is_draining`), and waits. The sessions that
    /// are left after `soft` are cancelled, those that are left after `hard` aborted: one that waits for work elsewhere
    /// (`run_in`, `run_on_thread`, `use_operation`) when that has ended. Completes when all have ended, and `run` ends
    /// too. A further call shortens the limits of the one under way. Both count from the call. Cancelling it leaves the
    /// server draining. Nothing to do where it does not run.
    task<drain_report> drain(duration soft, duration hard, listening_sockets sockets = listening_sockets::close);

    /// Called once it listens, with all its endpoints.
    void on_listening(unique_function<void(const std::vector<endpoint>&)> hook);
    /// Asked for each connection before its first byte is read (but for the header of a trusted proxy): false refuses
    /// it, and it is closed.
    void verify(unique_function<bool(const connection&)> hook);
    /// What is done on each connection before its handler, within `handshake_timeout`: TLS (`tls::handshaker`). One
    /// whose handshake fails is refused.
    void handshake(handler hook);
    /// Called for each connection before its handler.
    void on_accept(unique_function<void(const connection&)> hook);
    /// Called for each connection that `on_accept` was called for, when it has ended. It must not throw.
    void on_close(unique_function<void(const closed_session&)> hook);
    /// Called for each handler that has failed, with its exception, unless the connection was merely lost; in place of
    /// the context's reports. It must not throw. The connection may have been moved from.
    void on_error(unique_function<void(const connection&, const std::exception_ptr&)> hook);
    /// Called for each connection that is refused because its handshake has failed, or its header of the PROXY
    /// protocol, when it is closed: as a session that was `refused`, with the exception. It must not throw. Unless it
    /// is set, they are counted and nothing more.
    void on_handshake_failed(unique_function<void(const closed_session&)> hook);
    /// Calls `action` at this interval while it runs, the first time after one; what it throws ends `run`. Several may
    /// be set.
    void every(duration interval, unique_function<void()> action);
    /// From now on, connections are taken from these networks alone, and begin with a header of the PROXY protocol (1
    /// or 2) that says for whom: that is the connection's remote endpoint then, which the limit for each address and
    /// `verify` see. One from elsewhere, or without a right header, is refused.
    void trust_proxies(std::vector<network> trusted);

    /// What it has done so far.
    server_statistics statistics() const;
    /// The sessions that are open, with what they wait for. Fails as `run_in` does.
    task<std::vector<session_info>> connections();
    /// The descriptors of the sockets at which it listens; empty where it does not.
    std::vector<int> native_handles() const;

private:
    std::unique_ptr<detail::server_setup> setup_;
    std::unique_ptr<detail::running_server> running_;
};

} // namespace portico
