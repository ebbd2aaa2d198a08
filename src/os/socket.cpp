// socket: see socket.hpp.
#include "socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <unistd.h>

namespace portico::os {

void descriptor::close() noexcept
{
    if (handle_ >= 0)
        ::close(std::exchange(handle_, -1));
}

endpoint from_sockaddr(const sockaddr& from) noexcept
{
    if (from.sa_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
        std::array<std::uint8_t, 4> octets;
        std::memcpy(octets.data(), &v4.sin_addr, octets.size());
        return endpoint::ipv4(octets, ntohs(v4.sin_port));
    }
    if (from.sa_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
        std::array<std::uint8_t, 16> octets;
        std::memcpy(octets.data(), &v6.sin6_addr, octets.size());
        return endpoint::ipv6(octets, ntohs(v6.sin6_port), v6.sin6_scope_id);
    }
    return {};
}

socket_address to_sockaddr(const endpoint& from) noexcept
{
    socket_address made;
    const auto octets = from.address();
    if (from.family() == endpoint::family::ipv4) {
        auto& v4 = reinterpret_cast<sockaddr_in&>(made.storage);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(from.port());
        std::memcpy(&v4.sin_addr, octets.data(), octets.size());
        made.size = sizeof(sockaddr_in);
    } else {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(made.storage);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(from.port());
        v6.sin6_scope_id = from.scope_id();
        std::memcpy(&v6.sin6_addr, octets.data(), octets.size());
        made.size = sizeof(sockaddr_in6);
    }
    return made;
}

std::error_code last_error() noexcept
{
    return {errno, std::system_category()};
}

bool set_option(int handle, int level, int name, int value) noexcept
{
    return ::setsockopt(handle, level, name, &value, sizeof value) == 0;
}

} // namespace portico::os
