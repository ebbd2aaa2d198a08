// socket: see socket.hpp.
#include "socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

namespace portico::inline v0_1 {

void descriptor::close() noexcept
{
    if (handle_ >= 0)
        ::close(std::exchange(handle_, -1));
}

bool descriptor::is_open(int handle) noexcept
{
    return ::fcntl(handle, F_GETFD) >= 0;
}

descriptor descriptor::duplicate(int handle) noexcept
{
    return descriptor(::fcntl(handle, F_DUPFD_CLOEXEC, 0));
}

} // namespace portico

namespace portico::inline v0_1::os {

namespace {

// A peer may have whatever name the system takes, such as a path of 108 bytes, which ends without a NUL: one that no
// program can use from here counts as none.
endpoint from_unix(const sockaddr_un& from, socklen_t size)
{
    constexpr std::size_t before = offsetof(sockaddr_un, sun_path);
    const std::string_view raw(from.sun_path, std::min(size - std::min<std::size_t>(size, before), sizeof from.sun_path));
    std::string name;
    if (raw.starts_with('\0'))
        name = "@" + std::string(raw.substr(1));
    else
        name = raw.substr(0, raw.find('\0'));
    if (!raw.starts_with('\0') && name.starts_with('@'))
        name.insert(0, "./");
    const bool is_usable = name.size() < sizeof from.sun_path || raw.starts_with('\0');
    return endpoint::local(is_usable ? name : std::string());
}

} // namespace

endpoint socket_address::to_endpoint() const
{
    if (storage.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
        std::array<std::uint8_t, 4> octets;
        std::memcpy(octets.data(), &v4.sin_addr, octets.size());
        return endpoint::ipv4(octets, ntohs(v4.sin_port));
    }
    if (storage.ss_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
        std::array<std::uint8_t, 16> octets;
        std::memcpy(octets.data(), &v6.sin6_addr, octets.size());
        return endpoint::ipv6(octets, ntohs(v6.sin6_port), v6.sin6_scope_id);
    }
    if (storage.ss_family == AF_UNIX)
        return from_unix(reinterpret_cast<const sockaddr_un&>(storage), size);
    return {};
}

socket_address::socket_address(const endpoint& from) noexcept : storage{}
{
    const auto octets = from.address();
    switch (from.family()) {
    case endpoint::family::ipv4: {
        auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(from.port());
        std::memcpy(&v4.sin_addr, octets.data(), octets.size());
        size = sizeof(sockaddr_in);
        break;
    }
    case endpoint::family::ipv6: {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(from.port());
        v6.sin6_scope_id = from.scope_id();
        std::memcpy(&v6.sin6_addr, octets.data(), octets.size());
        size = sizeof(sockaddr_in6);
        break;
    }
    case endpoint::family::local: {
        auto& name = reinterpret_cast<sockaddr_un&>(storage);
        const std::string_view path = from.path();
        const bool is_abstract = path.starts_with('@');
        name.sun_family = AF_UNIX;
        std::copy(path.begin(), path.end(), name.sun_path);
        if (is_abstract)
            name.sun_path[0] = '\0';
        const std::size_t terminated = path.size() + (path.empty() || is_abstract ? 0 : 1);
        size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + terminated);
        break;
    }
    case endpoint::family::none:
        storage.ss_family = AF_UNSPEC;
        size = sizeof(sockaddr);
        break;
    }
}

int family_of(const endpoint& which) noexcept
{
    switch (which.family()) {
    case endpoint::family::ipv4: return AF_INET;
    case endpoint::family::ipv6: return AF_INET6;
    case endpoint::family::local: return AF_UNIX;
    case endpoint::family::none: break;
    }
    return AF_UNSPEC; // for which socket(2) has the right error
}

descriptor open_socket(const endpoint& of, int type) noexcept
{
    return descriptor(::socket(family_of(of), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

endpoint local_endpoint_of(int handle) noexcept
{
    socket_address found;
    if (::getsockname(handle, found.data(), &found.size) != 0)
        return {};
    return found.to_endpoint();
}

endpoint remote_endpoint_of(int handle) noexcept
{
    socket_address found;
    if (::getpeername(handle, found.data(), &found.size) != 0)
        return {};
    return found.to_endpoint();
}

std::error_code last_error() noexcept
{
    return {errno, std::system_category()};
}

bool set_integer_option(int handle, int level, int name, int value) noexcept
{
    return ::setsockopt(handle, level, name, &value, sizeof value) == 0;
}

int option_of(int handle, int level, int name, int otherwise) noexcept
{
    int value = 0;
    socklen_t size = sizeof value;
    return ::getsockopt(handle, level, name, &value, &size) == 0 ? value : otherwise;
}

std::error_code set_option(int handle, int level, int name, bytes value) noexcept
{
    const auto size = static_cast<socklen_t>(value.size());
    return ::setsockopt(handle, level, name, value.data(), size) == 0 ? std::error_code() : last_error();
}

std::error_code get_option(int handle, int level, int name, std::span<char> value, std::size_t& size) noexcept
{
    auto length = static_cast<socklen_t>(value.size());
    if (::getsockopt(handle, level, name, value.data(), &length) != 0)
        return last_error();
    size = length;
    return {};
}

std::error_code check_type(int handle, int type) noexcept
{
    const int found = option_of(handle, SOL_SOCKET, SO_TYPE, -1);
    if (found < 0)
        return last_error();
    return found == type ? std::error_code() : std::make_error_code(std::errc::wrong_protocol_type);
}

std::error_code make_non_blocking(int handle) noexcept
{
    const int flags = ::fcntl(handle, F_GETFL);
    if (flags < 0 || ((flags & O_NONBLOCK) == 0 && ::fcntl(handle, F_SETFL, flags | O_NONBLOCK) < 0))
        return last_error();
    return {};
}

} // namespace portico::os
