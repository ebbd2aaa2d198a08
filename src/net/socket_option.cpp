// socket_option: their numbers, and the forms that the system wants their values in.
#include <portico/net/socket_option.hpp>

#include <array>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace portico::inline v0_1 {

namespace {

template <class T>
constexpr socket_option<T> on_any(const char* text, int level, int name) noexcept
{
    return {text, level, name, level, name};
}

template <class T>
constexpr socket_option<T> on_ip(const char* text, int name, int ipv6_name) noexcept
{
    return {text, IPPROTO_IP, name, IPPROTO_IPV6, ipv6_name};
}

} // namespace

namespace option {

using std::chrono::milliseconds;
using std::chrono::seconds;

#define PORTICO_OPTION(type, variable, level, name) \
    const socket_option<type> variable = on_any<type>(#name, level, name)

PORTICO_OPTION(bool, reuse_address, SOL_SOCKET, SO_REUSEADDR);
PORTICO_OPTION(bool, reuse_port, SOL_SOCKET, SO_REUSEPORT);
PORTICO_OPTION(bool, keep_alive, SOL_SOCKET, SO_KEEPALIVE);
PORTICO_OPTION(bool, broadcast, SOL_SOCKET, SO_BROADCAST);
PORTICO_OPTION(bool, out_of_band_inline, SOL_SOCKET, SO_OOBINLINE);
PORTICO_OPTION(int, send_buffer, SOL_SOCKET, SO_SNDBUF);
PORTICO_OPTION(int, receive_buffer, SOL_SOCKET, SO_RCVBUF);
PORTICO_OPTION(int, type, SOL_SOCKET, SO_TYPE);
PORTICO_OPTION(int, receive_low_water, SOL_SOCKET, SO_RCVLOWAT);
PORTICO_OPTION(int, priority, SOL_SOCKET, SO_PRIORITY);
PORTICO_OPTION(std::optional<seconds>, linger, SOL_SOCKET, SO_LINGER);
PORTICO_OPTION(std::string, bind_to_device, SOL_SOCKET, SO_BINDTODEVICE);
PORTICO_OPTION(peer_credentials, credentials, SOL_SOCKET, SO_PEERCRED);
PORTICO_OPTION(bool, no_delay, IPPROTO_TCP, TCP_NODELAY);
PORTICO_OPTION(bool, cork, IPPROTO_TCP, TCP_CORK);
PORTICO_OPTION(bool, quick_ack, IPPROTO_TCP, TCP_QUICKACK);
PORTICO_OPTION(seconds, keep_alive_idle, IPPROTO_TCP, TCP_KEEPIDLE);
PORTICO_OPTION(seconds, keep_alive_interval, IPPROTO_TCP, TCP_KEEPINTVL);
PORTICO_OPTION(seconds, defer_accept, IPPROTO_TCP, TCP_DEFER_ACCEPT);
PORTICO_OPTION(int, keep_alive_count, IPPROTO_TCP, TCP_KEEPCNT);
PORTICO_OPTION(int, max_segment, IPPROTO_TCP, TCP_MAXSEG);
PORTICO_OPTION(int, fast_open, IPPROTO_TCP, TCP_FASTOPEN);
PORTICO_OPTION(int, not_sent_low_water, IPPROTO_TCP, TCP_NOTSENT_LOWAT);
PORTICO_OPTION(milliseconds, user_timeout, IPPROTO_TCP, TCP_USER_TIMEOUT);
PORTICO_OPTION(std::string, congestion_control, IPPROTO_TCP, TCP_CONGESTION);
PORTICO_OPTION(bool, ipv6_only, IPPROTO_IPV6, IPV6_V6ONLY);

#undef PORTICO_OPTION

const socket_option<int> hop_limit = on_ip<int>("hop limit", IP_TTL, IPV6_UNICAST_HOPS);
const socket_option<int> traffic_class = on_ip<int>("traffic class", IP_TOS, IPV6_TCLASS);
const socket_option<int> multicast_hop_limit = on_ip<int>("multicast hop limit", IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS);
const socket_option<bool> multicast_loop = on_ip<bool>("multicast loop", IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP);
const socket_option<std::uint32_t> multicast_interface =
    on_ip<std::uint32_t>("multicast interface", IP_MULTICAST_IF, IPV6_MULTICAST_IF);

} // namespace option

namespace {

template <class T>
bytes as_bytes(const T& value) noexcept
{
    return {reinterpret_cast<const char*>(&value), sizeof value};
}

template <class T>
std::span<char> as_room(T& value) noexcept
{
    return {reinterpret_cast<char*>(&value), sizeof value};
}

} // namespace

void socket_options::fail(const char* verb, const identity& which, std::error_code code) const
{
    const std::string name = which.text != nullptr
                               ? which.text
                               : std::to_string(which.name) + " of level " + std::to_string(which.level);
    throw error(code, std::string(verb) + " the option " + name + " of the socket",
                socket_ != nullptr ? to_string(socket_->local_endpoint()) : "");
}

bool socket_options::is_ipv6() const noexcept
{
    return socket_ != nullptr && socket_->local_endpoint().family() == endpoint::family::ipv6;
}

void socket_options::write(const identity& which, bytes value) const
{
    const std::error_code code =
        socket_ != nullptr ? socket_->set_option(which.level, which.name, value) : make_error_code(errc::closed);
    if (code)
        fail("set", which, code);
}

std::size_t socket_options::read(const identity& which, std::span<char> value) const
{
    std::size_t size = 0;
    const std::error_code code =
        socket_ != nullptr ? socket_->get_option(which.level, which.name, value, size) : make_error_code(errc::closed);
    if (code)
        fail("get", which, code);
    return size;
}

void socket_options::set(int level, int name, bytes value) const
{
    write({nullptr, level, name}, value);
}

std::string socket_options::get(int level, int name, std::size_t size) const
{
    std::string value(size, '\0');
    value.resize(read({nullptr, level, name}, value));
    return value;
}

void socket_options::set_number(const identity& which, int value) const
{
    write(which, as_bytes(value));
}

int socket_options::get_number(const identity& which) const
{
    int value = 0; // a few options fill only its first byte
    read(which, as_room(value));
    return value;
}

void socket_options::set_value(const identity& which, const std::string& text) const
{
    write(which, text);
}

void socket_options::get_value(const identity& which, std::string& text) const
{
    std::array<char, 256> room{};
    text.assign(room.data(), read(which, room));
    text.resize(std::strlen(text.c_str())); // the system counts the NUL behind it
}

void socket_options::set_value(const identity& which, std::uint32_t interface) const
{
    if (which.level == IPPROTO_IPV6)
        return set_number(which, static_cast<int>(interface));
    ip_mreqn request{};
    request.imr_ifindex = static_cast<int>(interface);
    write(which, as_bytes(request));
}

void socket_options::set_value(const identity& which, std::optional<std::chrono::seconds> time) const
{
    const ::linger value{time ? 1 : 0, time ? static_cast<int>(time->count()) : 0};
    write(which, as_bytes(value));
}

void socket_options::get_value(const identity& which, std::optional<std::chrono::seconds>& time) const
{
    ::linger value{};
    read(which, as_room(value));
    if (value.l_onoff != 0)
        time = std::chrono::seconds(value.l_linger);
}

void socket_options::get_value(const identity& which, peer_credentials& value) const
{
    ucred found{};
    read(which, as_room(found));
    value = {found.pid, found.uid, found.gid};
}

} // namespace portico
