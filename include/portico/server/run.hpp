// run and serve: for `main`. They alone take signals and write to standard error.
#pragma once

#include <portico/server/server.hpp>
#include <string>

namespace portico::inline v0_1 {

class datagram_server;

/// Runs `main` in a context of its own and returns its value as an exit status. SIGINT and SIGTERM cancel it: the
/// status is then 128 and the signal's number, as a shell has it; a second signal ends the program at once. An
/// exception, and every report of the context, is written to standard error; the status of an exception is 1.
int run(task<int> main);

/// How `serve` runs a server, and how it ends.
struct serve_options {
    serve_options() noexcept {}

    /// How long connections have to end by themselves after SIGTERM or SIGINT; then they are cancelled.
    duration soft = std::chrono::seconds(30);
    duration hard = std::chrono::seconds(35); ///< the same; then they are aborted
    /// Processes that serve, forked before there is any thread; one that dies is replaced. 0: this one alone. The
    /// limits of the server hold for each. Not together with `hand_over`.
    unsigned prefork = 0;
    /// The path of a Unix socket by which a process that is started with the same options gets the listening sockets of
    /// the one that serves: a restart that refuses nobody. The one before then drains and ends; it tells a service
    /// manager the new one's MAINPID, which needs NotifyAccess=all. Empty: none.
    std::string hand_over;
    /// What SIGHUP does; without it SIGHUP has its usual effect. With `prefork`, in each process and in their parent.
    unique_function<void()> on_reload;
};

/// Listens and serves until a signal ends it, and returns 0; or 1 where it cannot listen, with the reason on standard
/// error.
///
/// - SIGTERM or SIGINT: the server drains (`server::drain`), and what became of connections that were open is written
///   to standard error. A second one cancels what is left at once, a third one aborts it.
/// - SIGUSR1: what the server has done and what its sessions wait for is written to standard error.
/// - SIGHUP: `serve_options::on_reload`.
///
/// A service manager that is there (systemd) is told when it listens, reloads and drains, and gets its watchdog's pings
/// from the loop. Sockets that were inherited from it take the place of the server's addresses; see
/// <portico/server/service_manager.hpp>.
int serve(server& which, serve_options options = {});
/// The same with a server of its own.
int serve(address where, handler serve, server_options options = {}, serve_options how = {});
/// The same for datagrams. A signal that ends it cancels the handlers.
int serve(datagram_server& which, serve_options options = {});

} // namespace portico
