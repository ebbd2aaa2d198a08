// backend: the one seam. Everything that a context gets from outside: time, sockets, names, files, randomness.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <portico/bytes.hpp>
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
class file;
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

/// How an existing file is treated by `backend::open_file`.
enum class file_mode { create_new, truncate, append };

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

    /// Opens a file for writing. Files block: they are for what a program can wait for, such as a download.
    virtual result<std::unique_ptr<file>> open_file(const std::string& path, file_mode mode) = 0;
    /// Whether there is something under this name that is no regular file: a device, a pipe, a folder.
    virtual bool is_special_file(const std::string& path) = 0;
    /// Renames a file; an existing one under the new name is replaced at once.
    virtual result<void> rename_file(const std::string& from, const std::string& to) = 0;
    /// unlink(2).
    virtual result<void> remove_file(const std::string& path) = 0;

    /// Has a function called that may block, on a thread or (the memory backend) from the loop; never from within this
    /// call. It may still be called when the backend is gone, or be dropped then. Fails where there can be no thread.
    virtual result<void> run_on_thread(unique_function<void()> blocking) = 0;

    /// Fills `destination` with bytes that nobody can predict (the memory backend: that a seed repeats).
    virtual void random(std::span<std::byte> destination) = 0;
};

/// A file that is being written.
class file {
public:
    virtual ~file() = default;
    /// Appends all of `data`, or fails; how much of it was written before a failure is not said.
    virtual result<void> write(bytes data) = 0;
    /// Closes it, and says what could not be written until then. The destructor closes in silence.
    virtual result<void> close() = 0;
};

/// The backend of the operating system, with an event loop of its own.
std::unique_ptr<backend> make_os_backend();

} // namespace portico
