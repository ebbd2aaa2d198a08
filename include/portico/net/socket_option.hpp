// socket_option and socket_options: what is set and asked of a socket, typed or raw (setsockopt(2), getsockopt(2)).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <portico/net/socket_base.hpp>
#include <string>
#include <type_traits>

namespace portico::inline v0_1 {

/// Who is at the other end of a Unix socket, as it was when the connection was made.
struct peer_credentials {
    std::int64_t process; ///< its id (pid); 0 where it is outside of this pid namespace
    std::uint32_t user;   ///< uid
    std::uint32_t group;  ///< gid
};

/// An option whose value is a `T`: bool, int, a duration of whole `std::chrono` units, a text. Its level and name are
/// those of setsockopt(2); IPv6 sockets may have others for the same thing.
template <class T>
struct socket_option {
    const char* text; ///< its name in the system's headers, for errors
    int level;        ///< SOL_SOCKET
    int name;         ///< SO_RCVBUF
    int ipv6_level;   ///< the same for an IPv6 socket
    int ipv6_name;    ///< the same
};

/// The options that people set, and with them the defaults that differ from the system's. See socket(7), tcp(7), ip(7),
/// ipv6(7) and unix(7) for what they do.
namespace option {
extern const socket_option<bool> reuse_address; ///< SO_REUSEADDR; on for every TCP socket that listens
extern const socket_option<bool> reuse_port;    ///< SO_REUSEPORT
extern const socket_option<bool> broadcast;     ///< SO_BROADCAST
extern const socket_option<bool> out_of_band_inline; ///< SO_OOBINLINE
extern const socket_option<int> send_buffer; ///< SO_SNDBUF, in bytes; the system doubles it, and answers with the double
extern const socket_option<int> receive_buffer;    ///< SO_RCVBUF, likewise
extern const socket_option<int> receive_low_water; ///< SO_RCVLOWAT
extern const socket_option<int> priority;          ///< SO_PRIORITY
extern const socket_option<int> type;              ///< SO_TYPE: SOCK_STREAM, SOCK_DGRAM; to be asked only
/// SO_LINGER: how long close(2) waits for what is unsent, and with it the whole program; none (the default): it does not
/// wait. 0 resets the connection.
extern const socket_option<std::optional<std::chrono::seconds>> linger;
/// SO_BINDTODEVICE: the name of the interface that everything goes through.
extern const socket_option<std::string> bind_to_device;
/// SO_PEERCRED, of a Unix socket; to be asked only.
extern const socket_option<peer_credentials> credentials;

extern const socket_option<bool> no_delay;   ///< TCP_NODELAY; on for every TCP socket of portico's
extern const socket_option<bool> keep_alive; ///< SO_KEEPALIVE; likewise
extern const socket_option<std::chrono::seconds> keep_alive_idle;     ///< TCP_KEEPIDLE
extern const socket_option<std::chrono::seconds> keep_alive_interval; ///< TCP_KEEPINTVL
extern const socket_option<int> keep_alive_count;                     ///< TCP_KEEPCNT
extern const socket_option<bool> cork;                                ///< TCP_CORK
extern const socket_option<bool> quick_ack;                           ///< TCP_QUICKACK
extern const socket_option<std::chrono::seconds> defer_accept;        ///< TCP_DEFER_ACCEPT
extern const socket_option<int> max_segment;                          ///< TCP_MAXSEG
extern const socket_option<int> fast_open;                            ///< TCP_FASTOPEN
extern const socket_option<int> not_sent_low_water;                   ///< TCP_NOTSENT_LOWAT
/// TCP_USER_TIMEOUT: how long sent bytes may stay without an acknowledgement before the connection is given up.
extern const socket_option<std::chrono::milliseconds> user_timeout;
extern const socket_option<std::string> congestion_control; ///< TCP_CONGESTION

extern const socket_option<int> hop_limit;           ///< IP_TTL or IPV6_UNICAST_HOPS, by the family of the socket
extern const socket_option<int> traffic_class;       ///< IP_TOS or IPV6_TCLASS
extern const socket_option<int> multicast_hop_limit; ///< IP_MULTICAST_TTL or IPV6_MULTICAST_HOPS
extern const socket_option<bool> multicast_loop;     ///< IP_MULTICAST_LOOP or IPV6_MULTICAST_LOOP
/// IP_MULTICAST_IF or IPV6_MULTICAST_IF: the index of the interface by which multicast leaves; to be set only.
extern const socket_option<std::uint32_t> multicast_interface;
extern const socket_option<bool> ipv6_only; ///< IPV6_V6ONLY
} // namespace option

/// The options of one socket: what `options()` of a connection or a datagram socket returns, valid as long as that is
/// open. Everything throws `error` where the system refuses, and says which option of which socket.
///
///     peer.options().set(option::receive_buffer, 1 << 20);
class socket_options {
public:
    /// Of `null` (a closed socket), everything fails with `errc::closed`.
    explicit socket_options(socket_base* of) noexcept : socket_(of) {}

    /// Sets an option.
    template <class T>
    void set(const socket_option<T>& which, std::type_identity_t<T> value) const
    {
        if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, int>)
            set_number(identify(which), static_cast<int>(value));
        else if constexpr (requires { value.count(); })
            set_number(identify(which), static_cast<int>(value.count()));
        else
            set_value(identify(which), value);
    }

    /// Asks for an option.
    template <class T>
    T get(const socket_option<T>& which) const
    {
        if constexpr (std::is_same_v<T, bool>)
            return get_number(identify(which)) != 0;
        else if constexpr (std::is_same_v<T, int>)
            return get_number(identify(which));
        else if constexpr (requires(T value) { value.count(); })
            return T(get_number(identify(which)));
        else {
            T value{};
            get_value(identify(which), value);
            return value;
        }
    }

    /// Any other option, as setsockopt(2) takes it.
    void set(int level, int name, bytes value) const;
    /// Any other option that is an int.
    void set(int level, int name, int value) const { set_number({nullptr, level, name}, value); }
    /// Any other option: its value, of at most `size` bytes.
    std::string get(int level, int name, std::size_t size) const;
    /// Any other option that is an int.
    int get(int level, int name) const { return get_number({nullptr, level, name}); }

private:
    struct identity {
        const char* text; // null for a raw one
        int level, name;
    };
    template <class T>
    identity identify(const socket_option<T>& which) const
    {
        const bool six = which.ipv6_level != which.level && is_ipv6();
        return {which.text, six ? which.ipv6_level : which.level, six ? which.ipv6_name : which.name};
    }
    bool is_ipv6() const noexcept;
    void set_number(const identity& which, int value) const;
    int get_number(const identity& which) const;
    void set_value(const identity& which, const std::string& text) const;
    void set_value(const identity& which, std::uint32_t interface) const;
    void set_value(const identity& which, std::optional<std::chrono::seconds> linger) const;
    void get_value(const identity& which, std::string& text) const;
    void get_value(const identity& which, peer_credentials& value) const;
    void get_value(const identity& which, std::optional<std::chrono::seconds>& linger) const;
    void write(const identity& which, bytes value) const;
    std::size_t read(const identity& which, std::span<char> value) const;
    [[noreturn]] void fail(const char* verb, const identity& which, std::error_code code) const;

    socket_base* socket_;
};

} // namespace portico
