// socket_datagram: recvmsg, sendmsg and what goes beside the bytes: ip(7), ipv6(7), udp(7).
#include "socket_datagram.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/uio.h>

namespace portico::inline v0_1::os {

namespace {

// Linux has had it since 4.20, but the C library's header has not.
#ifndef IPV6_MULTICAST_ALL
constexpr int ipv6_multicast_all = 29;
#else
constexpr int ipv6_multicast_all = IPV6_MULTICAST_ALL;
#endif

// What an IP socket is told beside its address. Where an older system lacks an option, it does without.
void set_up(int handle, const endpoint& at, bool coalesce) noexcept
{
    if (!at.is_ip())
        return;
    const bool is_v6 = at.family() == endpoint::family::ipv6;
    if (coalesce)
        set_integer_option(handle, SOL_UDP, UDP_GRO, 1);
    if (at.is_unspecified()) { // else it is known which address a packet was sent to
        set_integer_option(handle, SOL_IP, IP_PKTINFO, 1);
        if (is_v6)
            set_integer_option(handle, SOL_IPV6, IPV6_RECVPKTINFO, 1);
    }
    if (at.is_unspecified() || at.is_multicast()) {
        // Left alone, it would receive from every group that any program of this machine has joined.
        set_integer_option(handle, SOL_IP, IP_MULTICAST_ALL, 0);
        if (is_v6)
            set_integer_option(handle, SOL_IPV6, ipv6_multicast_all, 0);
    }
}

} // namespace

result<datagram_transport_ptr> socket_datagram::open(backend& outside, const endpoint& at,
                                                     const datagram_options& options)
{
    const auto failed = [&](std::error_code code) { return error(code, "bind", to_string(at)); };
    descriptor handle = open_socket(at, SOCK_DGRAM);
    if (!handle)
        return failed(last_error());
    if (at.is_ip()) {
        if (options.reuse_address && !set_integer_option(handle.get(), SOL_SOCKET, SO_REUSEADDR, 1))
            return failed(last_error());
        if (options.reuse_port && !set_integer_option(handle.get(), SOL_SOCKET, SO_REUSEPORT, 1))
            return failed(last_error());
        if (options.broadcast && !set_integer_option(handle.get(), SOL_SOCKET, SO_BROADCAST, 1))
            return failed(last_error());
        if (at.family() == endpoint::family::ipv6
            && !set_integer_option(handle.get(), IPPROTO_IPV6, IPV6_V6ONLY, options.dual_stack ? 0 : 1))
            return failed(last_error());
        set_up(handle.get(), at, options.coalesce);
    }
    bound_path path;
    if (const std::error_code code = path.bind(handle.get(), at, options.mode))
        return failed(code);
    return datagram_transport_ptr(new socket_datagram(outside, std::move(handle), std::move(path)));
}

result<datagram_transport_ptr> socket_datagram::adopt(backend& outside, int handle)
{
    std::error_code code = check_type(handle, SOCK_DGRAM);
    if (!code)
        code = make_non_blocking(handle);
    if (code)
        return error(code, "adopt a datagram socket", "descriptor " + std::to_string(handle));
    set_up(handle, local_endpoint_of(handle), false);
    return datagram_transport_ptr(new socket_datagram(outside, descriptor(handle), {}));
}

namespace {

// More than what `set_up` asks for: options of the caller's may bring more, and what has no room is cut.
struct control_data {
    alignas(cmsghdr) char space[512];
};

// Whether it is this one, and whole.
template <class T>
bool get_control(const cmsghdr& from, int level, int type, T& value) noexcept
{
    if (from.cmsg_level != level || from.cmsg_type != type || from.cmsg_len < CMSG_LEN(sizeof value))
        return false;
    std::memcpy(&value, CMSG_DATA(&from), sizeof value);
    return true;
}

// Appends to what `message` has beside its bytes.
template <class T>
void add_control(msghdr& message, control_data& into, int level, int type, const T& value) noexcept
{
    message.msg_control = &into;
    auto* const header = reinterpret_cast<cmsghdr*>(into.space + message.msg_controllen);
    std::memset(header, 0, CMSG_SPACE(sizeof value));
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(CMSG_DATA(header), &value, sizeof value);
    message.msg_controllen += CMSG_SPACE(sizeof value);
}

void add_source(msghdr& message, control_data& into, const endpoint& from) noexcept
{
    const auto octets = from.address();
    if (from.family() == endpoint::family::ipv4) {
        in_pktinfo source{};
        std::memcpy(&source.ipi_spec_dst, octets.data(), octets.size());
        add_control(message, into, SOL_IP, IP_PKTINFO, source);
    } else if (from.family() == endpoint::family::ipv6) {
        in6_pktinfo source{};
        std::memcpy(&source.ipi6_addr, octets.data(), octets.size());
        source.ipi6_ifindex = from.scope_id();
        add_control(message, into, SOL_IPV6, IPV6_PKTINFO, source);
    }
}

endpoint destination_of(const in_pktinfo& from, std::uint16_t port) noexcept
{
    std::array<std::uint8_t, 4> octets;
    std::memcpy(octets.data(), &from.ipi_addr, octets.size());
    return endpoint::ipv4(octets, port);
}

endpoint destination_of(const in6_pktinfo& from, std::uint16_t port) noexcept
{
    std::array<std::uint8_t, 16> octets;
    std::memcpy(octets.data(), &from.ipi6_addr, octets.size());
    const bool needs_zone = IN6_IS_ADDR_LINKLOCAL(&from.ipi6_addr) || IN6_IS_ADDR_MC_LINKLOCAL(&from.ipi6_addr);
    return endpoint::ipv6(octets, port, needs_zone ? from.ipi6_ifindex : 0);
}

} // namespace

void socket_datagram::read_control(msghdr& message, arrival& what) noexcept
{
    for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
        int segment;
        in_pktinfo v4;
        in6_pktinfo v6;
        if (get_control(*each, SOL_UDP, UDP_GRO, segment))
            what.segment = static_cast<std::size_t>(segment);
        else if (get_control(*each, SOL_IP, IP_PKTINFO, v4)) {
            if (local_.family() == endpoint::family::ipv4)
                what.to = destination_of(v4, local_.port());
            what.interface = static_cast<std::uint32_t>(v4.ipi_ifindex);
            what.group = v4.ipi_addr.s_addr != v4.ipi_spec_dst.s_addr;
        } else if (get_control(*each, SOL_IPV6, IPV6_PKTINFO, v6)) {
            what.to = destination_of(v6, local_.port());
            what.interface = v6.ipi6_ifindex;
            what.group |= what.to.is_multicast();
        }
    }
}

io_result socket_datagram::try_receive(std::span<char> destination, arrival& what, bool peek) noexcept
{
    if (failure != 0)
        return {io_status::failed, 0, failure};
    socket_address from;
    control_data control;
    iovec part{destination.data(), destination.size()};
    msghdr message{};
    message.msg_name = from.data();
    message.msg_namelen = from.size;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (local_.is_ip()) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
    }
    ssize_t got;
    do
        got = ::recvmsg(handle(), &message, peek ? MSG_PEEK : 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return is_would_block(errno) ? io_result{io_status::would_block} : io_result{io_status::failed, 0, errno};
    from.size = message.msg_namelen;
    if (from.size != 0)
        what.from = from.to_endpoint();
    learn_port();
    what.to = local_;
    what.group = local_.is_multicast();
    read_control(message, what);
    what.truncated = (message.msg_flags & MSG_TRUNC) != 0;
    return {io_status::done, static_cast<std::size_t>(got)};
}

io_result socket_datagram::try_send(bytes data, const endpoint& to, const endpoint& from, std::size_t segment) noexcept
{
    if (failure != 0)
        return {io_status::failed, 0, failure};
    if (segment != 0 && !local_.is_ip())
        return {io_status::failed, 0, ENOPROTOOPT};
    iovec part{const_cast<char*>(data.data()), data.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    socket_address where;
    if (to.family() != endpoint::family::none) {
        where = socket_address(to);
        message.msg_name = where.data();
        message.msg_namelen = where.size;
    }
    control_data control;
    if (from.is_ip() && !from.is_unspecified() && !std::ranges::equal(from.address(), local_.address()))
        add_source(message, control, from);
    if (segment != 0)
        add_control(message, control, SOL_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(segment));
    ssize_t sent;
    do // sendto costs the system less, where it will do
        sent = message.msg_controllen != 0
                 ? ::sendmsg(handle(), &message, MSG_NOSIGNAL)
                 : ::sendto(handle(), data.data(), data.size(), MSG_NOSIGNAL,
                            static_cast<const sockaddr*>(message.msg_name), message.msg_namelen);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return is_would_block(errno) ? io_result{io_status::would_block} : io_result{io_status::failed, 0, errno};
    learn_port();
    return {io_status::done, static_cast<std::size_t>(sent)};
}

void socket_datagram::learn_port() noexcept
{
    if (local_.is_ip() && local_.port() == 0)
        local_ = bound_ = local_endpoint_of(handle());
}

std::error_code socket_datagram::connect(const endpoint& to) noexcept
{
    if (to.family() == endpoint::family::none)
        return disconnect();
    // Else it would keep the source address that it has to the peer before.
    if (bound_.is_unspecified() && local_ != bound_)
        if (const std::error_code code = disconnect())
            return code;
    return set_peer(to);
}

std::error_code socket_datagram::set_peer(const endpoint& to) noexcept
{
    const socket_address where(to);
    int code;
    do
        code = ::connect(handle(), where.data(), where.size);
    while (code != 0 && errno == EINTR);
    if (code != 0)
        return last_error();
    local_ = local_endpoint_of(handle());
    if (bound_.is_ip() && bound_.port() == 0) // adopted unbound
        bound_.port(local_.port());
    return {};
}

std::error_code socket_datagram::disconnect() noexcept
{
    if (const std::error_code code = set_peer({}))
        return code;
    // Disconnecting takes away a port that the system chose.
    if (local_.is_ip() && local_.port() == 0 && bound_.port() != 0) {
        const socket_address before(bound_);
        if (::bind(handle(), before.data(), before.size) != 0)
            return last_error();
        local_ = bound_;
    }
    return {};
}

std::error_code socket_datagram::set_membership(bool member, const endpoint& group, std::uint32_t interface,
                                                const endpoint& source) noexcept
{
    const int level = group.family() == endpoint::family::ipv6 ? SOL_IPV6 : SOL_IP;
    const socket_address of(group), only(source);
    group_source_req request{};
    request.gsr_interface = interface != 0 ? interface : group.scope_id();
    std::memcpy(&request.gsr_group, &of.storage, sizeof of.storage);
    std::memcpy(&request.gsr_source, &only.storage, sizeof only.storage);
    if (source.family() != endpoint::family::none)
        return set_option(level, member ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP,
                          {reinterpret_cast<const char*>(&request), sizeof request});
    group_req any{};
    any.gr_interface = request.gsr_interface;
    any.gr_group = request.gsr_group;
    return set_option(level, member ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP,
                      {reinterpret_cast<const char*>(&any), sizeof any});
}

} // namespace portico::os
