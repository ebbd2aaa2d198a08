// service_manager: systemd, or what speaks as it does: sockets that it has opened, notifications, the watchdog.
#pragma once

#include <portico/core/task.hpp>
#include <portico/core/timer.hpp>
#include <portico/net/descriptor.hpp>
#include <string>
#include <vector>

namespace portico::inline v0_1 {

/// A descriptor that a service manager has opened for this process, and its name (`FileDescriptorName=`; `unknown`
/// where it gave none).
struct inherited_socket {
    /// Both of them.
    inherited_socket(descriptor opened, std::string label) : socket(std::move(opened)), name(std::move(label)) {}
    descriptor socket; ///< for `adopt_acceptor` or `adopt_datagram_socket`; programs that are started do not inherit it
    std::string name;  ///< to tell it from others
};

/// The descriptors that the environment says were passed to this process (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES:
/// sd_listen_fds(3)), in their order; none where they were not, or to another process. The variables are then gone, so
/// that neither a second call nor a child takes them again. Throws `error` (`errc::malformed`) where they contradict
/// themselves. Call it before there are other threads.
std::vector<inherited_socket> take_inherited_sockets();

/// Tells a service manager how a service is (sd_notify(3)), by datagrams to its socket. Whether there is one, and
/// whether it listens, makes no difference to the service: a notification that cannot be sent within a second is lost,
/// which goes to the context's reports the first time. It outlives what it returns.
class service_manager {
public:
    service_manager() = default; ///< there is none, and nothing is sent
    /// At a Unix socket (`/run/notify`, `@name`), which wants a ping at least every `watchdog`.
    explicit service_manager(std::string socket, duration watchdog = no_timeout)
        : socket_(std::move(socket)), watchdog_(watchdog) {}
    /// The one that the environment names: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID (sd_watchdog_enabled(3)). Throws
    /// `error` (`errc::malformed`) where a number is none.
    static service_manager from_environment();

    bool is_there() const noexcept { return !socket_.empty(); } ///< whether anything is sent
    /// How often `ping` is due: half of the time that the watchdog grants; `no_timeout` where there is none.
    duration ping_interval() const noexcept { return watchdog_ == no_timeout ? no_timeout : watchdog_ / 2; }

    /// Sends assignments, a line each: `STATUS=halfway`.
    task<> notify(std::string assignments);
    /// It has started, or has reloaded: READY=1. The status is a line for a person.
    task<> ready(std::string status);
    /// It reloads its configuration: RELOADING=1 with MONOTONIC_USEC. `ready` ends that.
    task<> reloading();
    /// It is about to end: STOPPING=1.
    task<> stopping(std::string status);
    /// The watchdog's WATCHDOG=1.
    task<> ping();
    /// Sends `ping` when it is due, for as long as the loop turns: ends by being cancelled, or at once where there is
    /// no watchdog.
    task<> keep_pinging();

private:
    task<> send(std::string assignments);

    std::string socket_; // empty: there is none
    duration watchdog_ = no_timeout;
    bool failed_ = false;
};

} // namespace portico
