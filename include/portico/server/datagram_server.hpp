// datagram_server: receives packets and runs a handler for each, within limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <portico/core/event.hpp>
#include <portico/core/function.hpp>
#include <portico/net/datagram_socket.hpp>
#include <span>
#include <vector>

namespace portico::inline v0_1 {

/// A packet that a handler serves. It lives as long as the handler runs, and so does its data.
class packet {
public:
    class replying;

    packet(const packet&) = delete;
    packet& operator=(const packet&) = delete;

    bytes data() const noexcept { return what_.data; } ///< what was sent; may be empty
    /// Who sent it; none: a Unix socket without a name, which cannot be answered.
    const endpoint& remote_endpoint() const noexcept { return what_.from; }
    /// The address that it was sent to.
    const endpoint& local_endpoint() const noexcept { return what_.to; }
    /// The index of the interface that it came by; 0 where the system does not tell.
    std::uint32_t interface() const noexcept { return what_.interface; }
    /// Whether it was larger than `datagram_options::max_size`, and the rest is gone.
    bool truncated() const noexcept { return what_.truncated; }

    /// Sends a packet to who sent this one, from the address that was asked. A handler may reply often, or never.
    /// Fails as `datagram_socket::send_to` does, with EDESTADDRREQ where the sender has no port or name.
    [[nodiscard]] replying reply(bytes data);
    /// The socket that it came through, for whatever else is to be sent. The server alone receives from it.
    datagram_socket& socket() noexcept { return at_; }

private:
    friend datagram_server;
    packet(datagram_server& server, datagram_socket& at, datagram&& what, detail::datagram_buffer& buffer) noexcept
        : server_(server), at_(at), what_(std::move(what)), kept_(buffer) {}

    datagram_server& server_;
    datagram_socket& at_;
    datagram what_;
    detail::datagram_buffer::kept kept_;
};

/// Any callable `task<>(packet&)`. It is called as const, once for each packet and for several at a time, and lives as
/// long as any of them runs. An exception ends the handling of that packet alone.
using datagram_handler = unique_function<task<>(packet&)>;

/// Limits of a datagram server, safe as they are. One handler runs at the least.
struct datagram_server_options {
    /// Handlers that wait for something at a time; then receiving pauses, and the system drops what its buffer cannot
    /// hold.
    std::size_t max_handlers = 1'000;
    /// Of memory that holds their packets; then receiving pauses, too. It counts the blocks that have any of them in
    /// them, of twice `max_size`: 128 KiB by default.
    std::size_t max_bytes = 16 * 1024 * 1024;
    duration handler_timeout = std::chrono::seconds(60); ///< how long one may take; then it is cancelled
    datagram_options socket; ///< how its sockets are opened
};

/// What a datagram server has done so far.
struct datagram_server_statistics {
    std::uint64_t received = 0;       ///< packets
    std::uint64_t truncated = 0;      ///< of these, packets larger than `max_size`
    std::uint64_t replies = 0;        ///< packets that `packet::reply` has sent
    std::size_t open = 0;             ///< handlers that run, now
    std::uint64_t pauses = 0;         ///< times that receiving has paused at a limit
    std::uint64_t timed_out = 0;      ///< handlers that took too long
    std::uint64_t lost = 0;           ///< handlers that failed because their packet could not be answered
    std::uint64_t handler_errors = 0; ///< handlers that ended with any other exception
    std::uint64_t receive_errors = 0; ///< receives that failed
};

/// Receives packets at one or several addresses and runs a handler for each. When a handler throws, the exception goes
/// to the context's reports, except where the packet merely could not be answered, which is counted. It answers nobody
/// by itself, starts no thread, takes no signal and prints nothing.
///
/// A handler that does not wait costs no allocation. One that waits keeps the memory of its packet; the next packet is
/// received behind it.
///
/// The server outlives its `run`, which runs once at a time.
class datagram_server {
public:
    /// At UDP addresses (`udp("localhost", 9999)`: every address of the host) or Unix ones (`local(path)`).
    datagram_server(address where, datagram_handler serve, datagram_server_options options = {});
    /// At several addresses.
    datagram_server(std::vector<address> where, datagram_handler serve, datagram_server_options options = {});
    datagram_server(const datagram_server&) = delete;
    datagram_server& operator=(const datagram_server&) = delete;

    /// Binds, receives and serves until it is cancelled; then every handler is cancelled, and it ends when they have.
    /// Fails where it cannot bind. A failing receive does not end it: it pauses (5 ms doubling to 1 s), reports that at
    /// most once a second, and goes on.
    task<> run();
    /// The same on sockets that were made otherwise, such as on descriptors that were handed in
    /// (`adopt_datagram_socket`). They stay the caller's, who leaves them alone until this completes.
    task<> run(std::span<datagram_socket> sockets);
    /// Binds sockets at the addresses of the constructor, as `run` does first.
    task<std::vector<datagram_socket>> open() const;

    /// Called for each socket once it is bound, before any packet is received: to join groups, to set options. What it
    /// throws ends `run`.
    void on_open(unique_function<void(datagram_socket&)> hook) { on_open_ = std::move(hook); }
    /// Called once it is bound, with all its endpoints.
    void on_listening(unique_function<void(const std::vector<endpoint>&)> hook) { on_listening_ = std::move(hook); }

    /// What it has done so far.
    const datagram_server_statistics& statistics() const noexcept { return statistics_; }

private:
    friend packet;
    class session;
    task<> receive_from(datagram_socket& source, task_group& sessions);
    task<> serve(datagram_socket& source, datagram& what);
    task<> wait_for_room();
    task<> recover(const error& failure, duration& pause);
    bool is_full() const noexcept;
    void report_failure(const packet& request, context& own);

    std::vector<address> where_;
    datagram_handler serve_;
    datagram_server_options options_;
    unique_function<void(datagram_socket&)> on_open_;
    unique_function<void(const std::vector<endpoint>&)> on_listening_;
    datagram_server_statistics statistics_;
    std::span<const datagram_socket> running_; // while it runs
    session* starting_ = nullptr;              // the one whose handler has not waited yet
    event ended_;                              // a session has
    time_point reported_{};
    std::uint64_t unreported_ = 0;
};

class packet::replying final : public detail::sending {
public:
    replying(packet& request, bytes data)
        : sending(request.at_, data, target::other, request.what_.from,
                  request.what_.group ? endpoint() : request.what_.to),
          server_(request.server_) {}
    void value() noexcept { ++server_.statistics_.replies; }

private:
    datagram_server& server_;
};

inline packet::replying packet::reply(bytes data)
{
    return {*this, data};
}

} // namespace portico
