// datagram_socket: sends and receives packets: UDP over IPv4 and IPv6, Unix datagrams, memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <portico/core/context.hpp>
#include <portico/net/datagram_buffer.hpp>
#include <portico/net/datagram_transport.hpp>
#include <portico/net/socket_option.hpp>
#include <span>

namespace portico::inline v0_1 {

class datagram_server;

namespace detail {
class receiving;
class sending;
} // namespace detail

/// A packet that was received. Packets may get lost, come twice and out of order; one that comes is whole.
struct datagram {
    datagram() noexcept {}

    bytes data;                  ///< may be empty
    endpoint from;               ///< none: a Unix socket without a name, which cannot be answered
    endpoint to;                 ///< the address that it was sent to
    std::uint32_t interface = 0; ///< the index of the interface that it came by; 0 where the system does not tell
    bool group = false;          ///< it was sent to a multicast or broadcast address: no answer can come from there
    bool truncated = false;      ///< it was larger than the room for it, and the rest is gone
};

/// A socket for packets. One receive may be under way at a time (a second throws `misuse`), and any number of sends.
/// It is not moved meanwhile (`misuse`). The destructor closes.
///
/// Every operation completes when a packet has been received, or given to the system, which may still lose it; fails
/// with `error` (an errno of the system, `errc::closed` after `close`, `errc::timed_out` after the socket's `timeout`,
/// phase `read` or `write`); and a failure ends that operation alone: of a connected socket, ECONNREFUSED says that
/// nobody received a packet that was sent before, and the next operation may well succeed. Cancelled or late, a receive
/// has taken no packet, and a send has sent none but those of `send_segments` that `sent()` counts.
class datagram_socket final {
public:
    /// Of this context; `max_size` and `coalesce` as in `datagram_options`. `open_datagram` and others make them.
    datagram_socket(context& owner, datagram_transport_ptr transport, const datagram_options& options = {}) noexcept;
    /// Throws `misuse` where an operation is under way; so does the assignment. `other` is then closed.
    datagram_socket(datagram_socket&& other);
    /// Closes what it was before.
    datagram_socket& operator=(datagram_socket&& other);
    ~datagram_socket();

    /// The time that each operation may take; `no_timeout` (the default) for any.
    void timeout(duration each_operation) noexcept { timeout_ = each_operation; }
    duration timeout() const noexcept { return timeout_; } ///< that time

    /// The next packet, and at most `limit` bytes of it. Its data is valid until the next receive of any kind.
    [[nodiscard]] detail::receiving receive_from(std::size_t limit = SIZE_MAX);
    /// The same, straight into memory of the caller, to which the data of the packet then refers. (Of a socket that
    /// coalesces, by way of its own.)
    [[nodiscard]] detail::receiving receive_into(std::span<char> destination);
    /// The next packet, which stays to be received (MSG_PEEK).
    [[nodiscard]] detail::receiving peek_from(std::size_t limit = SIZE_MAX);
    /// Does not wait: none where there is no packet now. Throws `error` as the await would.
    std::optional<datagram> try_receive_from(std::size_t limit = SIZE_MAX);

    /// Sends a packet. The data stays valid until this completes. Fails with EMSGSIZE where it is too large, which for
    /// UDP is 65,507 bytes over IPv4 and 65,527 over IPv6; with EACCES to a broadcast address without the option; with
    /// EDESTADDRREQ to an endpoint without a port or name.
    [[nodiscard]] detail::sending send_to(bytes data, const endpoint& to);
    /// The same from another local address than the usual one (its port does not matter): so an answer comes from the
    /// address that was asked, `datagram::to`. None stands for the usual one.
    [[nodiscard]] detail::sending send_to(bytes data, const endpoint& to, const endpoint& from);
    /// Sends a packet to the peer that it is connected to.
    [[nodiscard]] detail::sending send(bytes data);
    /// Sends packets of `segment_size` bytes, the last one of what is left: up to 64 with one system call
    /// (UDP_SEGMENT), or one by one where the system cannot. To the peer that it is connected to where `to` is none.
    /// No data, no packet.
    [[nodiscard]] detail::sending send_segments(bytes data, std::size_t segment_size, const endpoint& to = {});
    /// Do not wait: false where the system has no room now. Throw `error` as the await would.
    bool try_send_to(bytes data, const endpoint& to, const endpoint& from = {});
    /// The same to the address it is connected to.
    bool try_send(bytes data);

    /// From now on sends to this peer (`send`) and receives from it alone. What others sent before may still come. Does
    /// not block, and sends nothing; it fails where there is no route, nobody at the name of a Unix socket, or no port
    /// or name (EDESTADDRREQ). After that `remote_endpoint` tells whether it is still connected to the one before.
    result<void> connect(const endpoint& peer);
    /// Sends to and receives from everybody again, at the port that it had. But of an IPv6 socket Linux keeps the
    /// peer's address: it goes on to hear that address alone, at any port, and only another socket hears everybody.
    /// A port that the system chose is free for a moment: where another socket has taken it this fails (EADDRINUSE),
    /// and the socket, connected to nobody, gets a new port with the next packet that it sends.
    result<void> disconnect();

    /// Receives what is sent to a multicast group and the socket's port, at this interface (0: the system chooses);
    /// from one source alone where that is given (RFC 4607). A socket may join several. It receives from no group that
    /// it has not joined itself.
    result<void> join_group(const endpoint& group, std::uint32_t interface = 0, const endpoint& source = {});
    /// As it was joined.
    result<void> leave_group(const endpoint& group, std::uint32_t interface = 0, const endpoint& source = {});

    /// Closes; pending operations fail with `errc::closed`.
    void close() noexcept;
    bool is_open() const noexcept { return transport_ != nullptr; } ///< whether `close` was not called
    /// Gives the descriptor up to the caller and is closed from then on; -1 where there is none. The file of a Unix
    /// socket stays. Packets that the system had coalesced and that were not received yet are gone.
    int release() noexcept;

    /// With the port that the system chose; none once it is closed.
    endpoint local_endpoint() const noexcept;
    /// The peer that it is connected to, or none. Outlives `close`.
    const endpoint& remote_endpoint() const noexcept { return remote_; }
    /// Typed and raw options of the socket.
    socket_options options() const noexcept { return socket_options(transport_.get()); }
    /// The socket's descriptor; -1 where there is none.
    int native_handle() const noexcept;
    context& owner() const noexcept { return *owner_; } ///< the context it belongs to

private:
    friend detail::receiving;
    friend detail::sending;
    friend datagram_server;
    struct request {
        std::size_t limit = SIZE_MAX;
        char* destination = nullptr; // of `limit` bytes, or the buffer
        bool peek = false;
    };
    io_result receive(datagram& found, const request& how) noexcept;
    io_result fill_rest(const request& how, bool direct) noexcept;
    bool send_now(bytes data, const endpoint& to, const endpoint& from, bool to_peer);
    error receive_error(std::error_code code) const;
    error send_error(std::error_code code, const endpoint& to, std::size_t size) const;
    result<void> set_membership(bool member, const endpoint& group, std::uint32_t interface, const endpoint& source);
    void check_idle() const;
    void wake() noexcept;

    context* owner_;
    datagram_transport_ptr transport_; // none once it is closed
    detail::datagram_buffer buffer_;
    datagram_transport::arrival arrival_; // what `rest_` came with
    bytes rest_;                          // what was coalesced and has not been handed out
    endpoint remote_;
    std::size_t max_size_;
    duration timeout_ = no_timeout;
    detail::receiving* receiving_ = nullptr;
    detail::intrusive_list<detail::sending, struct blocked_tag> blocked_; // sends that wait
    detail::sending* awaiting_room_ = nullptr;                           // the one that waits for readiness
    unsigned sends_ = 0;                                                 // under way
    bool coalesces_;
};

/// Opens a socket at an address of this machine: UDP at `udp("127.0.0.1", 0)` (0: a port of the system's choice), the
/// first address of the host that can be bound; Unix datagrams at `local(path)` (empty: an abstract name of the
/// system's choice). `udp("", port)` is for every address: one socket at [::] for IPv6 and IPv4, whose peers are then
/// ::ffff:a.b.c.d, or at 0.0.0.0 where there is no IPv6. Fails with an error that names every address that failed and
/// why. A TCP address is `misuse`.
task<datagram_socket> open_datagram(address where, datagram_options options = {});
/// The same at one endpoint.
task<datagram_socket> open_datagram(endpoint where, datagram_options options = {});
/// A socket at every address of a host, with one port for all of them where port 0 asks the system to choose. An
/// address that this machine does not have is passed over where another works.
task<std::vector<datagram_socket>> open_datagrams(address where, datagram_options options = {});

/// Opens a socket of the family of the first address of `to` that there is a route to, at a port (an abstract name) of
/// the system's choice, and connects it.
task<datagram_socket> connect_datagram(address to, datagram_options options = {});
/// The same to one endpoint.
task<datagram_socket> connect_datagram(endpoint to, datagram_options options = {});

/// Takes over a datagram socket of the system, whose descriptor it then owns. Throws `error` where it is none; the
/// descriptor stays the caller's then.
datagram_socket adopt_datagram_socket(context& owner, int handle);

} // namespace portico

#include <portico/net/datagram_operations.hpp>
