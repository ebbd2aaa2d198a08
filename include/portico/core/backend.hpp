// backend: the one seam. Everything that a context gets from outside: time, sockets, names, files, randomness.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <portico/core/file.hpp>
#include <portico/core/function.hpp>
#include <portico/core/timer.hpp>
#include <portico/error.hpp>
#include <span>
#include <string>
#include <vector>

namespace portico::inline v0_1 {

class context;
class datagram_transport;
class endpoint;
class listener;
class socket_base;
class transport;
struct connect_options;
struct datagram_options;
struct listen_options;

namespace detail {
struct release_socket {
    void operator()(socket_base* which) const noexcept;
};
} // namespace detail
using transport_ptr = std::unique_ptr<transport, detail::release_socket>; ///< owns what a connection runs on
using listener_ptr = std::unique_ptr<listener, detail::release_socket>;   ///< owns what an acceptor accepts from
/// Owns what a datagram socket runs on.
using datagram_transport_ptr = std::unique_ptr<datagram_transport, detail::release_socket>;

/// What a resolver is asked.
struct resolve_query {
    /// Which addresses are asked for.
    enum class family : unsigned char { any, ipv4, ipv6 };
    /// Of a host and a service, each of which may be empty.
    resolve_query(std::string name, std::string port_name, family which, bool for_datagrams)
        : host(std::move(name)), service(std::move(port_name)), only(which), datagram(for_datagrams) {}
    std::string host;    ///< empty: every local address
    std::string service; ///< a port, as a name or a number
    family only;         ///< which addresses
    bool datagram;       ///< the service is one of UDP
};

/// The names of an address (getnameinfo).
struct resolved_names {
    std::string host;    ///< the name
    std::string service; ///< the name of the port
};

/// A network interface of the machine.
struct network_interface {
    std::uint32_t index; ///< what `endpoint::scope_id` holds
    std::string name;    ///< such as `lo`
};

/// Where a context gets time, sockets, names, files and randomness. There are two: the operating system through Asio,
/// and `memory_backend`. Nothing above knows which one runs. All of it is called by the context's own sequence of
/// execution.
class backend {
public:
    virtual ~backend() = default;

    /// Tells the backend which context it works for; called once, before all else.
    virtual void attach(context& owner) = 0;

    /// The monotonic clock.
    virtual time_point now() noexcept = 0;
    /// The time of day, which may jump: for dates alone, never for deadlines.
    virtual std::chrono::system_clock::time_point wall_time() noexcept = 0;
    /// Calls the context's `on_alarm` once, at this instant or soon after; replaces the one set before.
    /// `time_point::max()` stands for none.
    virtual void set_alarm(time_point instant) = 0;
    /// While it is on, a loop of the caller's does not run out of work: there are tasks, whatever they wait for.
    virtual void set_working(bool on) noexcept = 0;
    /// Calls the context's `run_ready` soon, from the loop.
    virtual void request_run() = 0;
    /// A function that any thread may call, at any time, even when the context is gone: it has what it is given called
    /// from the loop, soon, or dropped.
    virtual unique_function<void(unique_function<void()>)> poster() = 0;
    /// Calls `handler(number)` from the loop for each of these signals, in place of those watched before.
    virtual void watch_signals(const std::vector<int>& numbers, unique_function<void(int)> handler) = 0;
    /// Runs the loop until `stop`. Only for a backend that has a loop of its own.
    virtual void run() = 0;
    /// Makes `run` return, soon.
    virtual void stop() noexcept = 0;

    /// Starts to connect. The transport becomes writable when that has succeeded or failed; `connect_result` tells.
    virtual result<transport_ptr> connect(const endpoint& to, const connect_options& options) = 0;
    /// Binds a socket for streams to an endpoint and listens.
    virtual result<listener_ptr> listen(const endpoint& at, const listen_options& options) = 0;
    /// Binds a datagram socket: to a port of the system's choice where that of `at` is 0, to such a name where its path
    /// is empty.
    virtual result<datagram_transport_ptr> open_datagram(const endpoint& at, const datagram_options& options) = 0;
    /// Two connected streams (socketpair).
    virtual result<std::pair<transport_ptr, transport_ptr>> open_pair() = 0;

    /// Takes over a connected stream socket, a listening one or a datagram socket of the system, whose descriptor it
    /// then owns, and makes it non-blocking. On failure the descriptor stays the caller's.
    virtual result<transport_ptr> adopt_stream(int handle) = 0;
    /// The same with one that listens.
    virtual result<listener_ptr> adopt_listener(int handle) = 0;
    /// The same with one for datagrams.
    virtual result<datagram_transport_ptr> adopt_datagram(int handle) = 0;

    using resolved = unique_function<void(result<std::vector<endpoint>>)>; ///< takes what was found, or why nothing was
    /// Looks up the addresses of a host and calls `done` from the loop, never from within this call. `done` is called
    /// at most once; a caller that has lost interest lets it do nothing.
    virtual void resolve(const resolve_query& query, resolved done) = 0;
    /// Looks up the names of an address, in the same way.
    virtual void resolve_names(const endpoint& which, unique_function<void(result<resolved_names>)> done) = 0;
    /// The local address from which the system would send to this one; none where it has no route. Does not block.
    virtual endpoint source_for(const endpoint& to) noexcept = 0;
    /// The network interfaces there are.
    virtual result<std::vector<network_interface>> interfaces() = 0;
    /// gethostname(2).
    virtual result<std::string> host_name() = 0;

    /// Opens a file.
    virtual result<std::unique_ptr<file>> open_file(const std::string& path, file_mode mode) = 0;
    /// The whole of a small file; `errc::limit_exceeded` where it has more than `limit` bytes.
    virtual result<std::string> read_file(const std::string& path, std::size_t limit) = 0;
    /// Replaces the content of a file at once, or leaves it as it was. A new file is its owner's alone to read; one that
    /// is replaced keeps its permissions. What is no regular file, such as a device, is written to.
    virtual result<void> write_file(const std::string& path, bytes data) = 0;
    /// What there is under a name. Fails (ENOENT) where there is nothing.
    virtual result<file_status> status_of(const std::string& path) = 0;
    /// Sets when a file was last written to.
    virtual result<void> set_modification_time(const std::string& path,
                                               std::chrono::system_clock::time_point modified) = 0;
    /// Renames a file; an existing one under the new name is replaced at once.
    virtual result<void> rename_file(const std::string& from, const std::string& to) = 0;
    /// Renames a file to a name that is free, or fails (EEXIST): it never replaces anything.
    virtual result<void> rename_new_file(const std::string& from, const std::string& to) = 0;
    /// unlink(2).
    virtual result<void> remove_file(const std::string& path) = 0;
    /// Makes a folder, where it is not there; the one that it is in has to be.
    virtual result<void> make_folder(const std::string& path) = 0;
    /// fsync(2) of a folder: what was made, renamed and removed in it is on the disk.
    virtual result<void> sync_folder(const std::string& path) = 0;

    /// Has a function called that may block, on a thread or (the memory backend) from the loop; never from within this
    /// call. It may still be called when the backend is gone, or be dropped then. Fails where there can be no thread.
    virtual result<void> run_on_thread(unique_function<void()> blocking) = 0;

    /// Fills `destination` with bytes that nobody can predict (the memory backend: that a seed repeats).
    virtual void random(std::span<std::byte> destination) = 0;
};

/// The backend of the operating system, with an event loop of its own.
std::unique_ptr<backend> make_os_backend();

} // namespace portico
