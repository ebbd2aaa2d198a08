// datagram_transport: what datagram sockets run on: UDP, Unix datagrams, memory. Implemented by backends.
#pragma once

#include <portico/net/socket_base.hpp>

namespace portico::inline v0_1 {

/// How `open_datagram` opens a socket.
struct datagram_options {
    /// Another socket may be bound to the same address (SO_REUSEADDR): for receivers of a multicast group.
    bool reuse_address = false;
    /// The system spreads datagrams over the sockets at this address (SO_REUSEPORT).
    bool reuse_port = false;
    bool broadcast = false; ///< may send to a broadcast address (SO_BROADCAST)
    /// A socket at [::] is for IPv6 and IPv4, whose peers are then ::ffff:a.b.c.d; else for IPv6 alone (IPV6_V6ONLY).
    bool dual_stack = true;
    /// The system may join datagrams of one sender and size on the way in (UDP_GRO), which costs less for each.
    bool coalesce = true;
    /// The largest datagram, in bytes, that is received whole. More than 1 MiB counts as 1 MiB: no datagram of IP is
    /// larger than the default, and a socket makes room for two.
    std::size_t max_size = 65'535;
    int mode = -1; ///< of the file of a Unix socket: see `listen_options`
};

/// Sends and receives packets.
class datagram_transport : public socket_base {
public:
    /// What is known of what was received.
    struct arrival {
        endpoint from;               ///< none where a Unix socket has no name
        endpoint to;                 ///< the local address that it was sent to, where the system tells
        std::uint32_t interface = 0; ///< the index of the interface that it came by, where the system tells
        std::size_t segment = 0;     ///< where several were joined: the size of each but the last; else 0
        bool group = false;          ///< `to` is a multicast or broadcast address, where the system tells
        bool truncated = false;      ///< it was larger than the room for it, and the rest is gone
    };
    /// Receives one, or several joined ones. `end` does not happen; an empty datagram is `done` with 0 bytes.
    virtual io_result try_receive(std::span<char> destination, arrival& what, bool peek) noexcept = 0;
    /// Sends one, or several of `segment` bytes each (the last may be shorter) where that is not 0; to the peer it is
    /// connected to where `to` is none; from a local address other than the usual one where `from` is not none.
    virtual io_result try_send(bytes data, const endpoint& to, const endpoint& from, std::size_t segment) noexcept = 0;

    /// Sends to and receives from this one alone; none takes that back. Does not block.
    virtual std::error_code connect(const endpoint& to) noexcept = 0;
    /// Joins or leaves a multicast group at an interface (0: the system chooses), of all sources or of one.
    virtual std::error_code set_membership(bool member, const endpoint& group, std::uint32_t interface,
                                           const endpoint& source) noexcept = 0;
    /// What it is connected to; none where it is not.
    virtual endpoint remote_endpoint() const noexcept = 0;
};

} // namespace portico
