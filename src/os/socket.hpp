// socket: system calls on descriptors, and the translation between endpoint and sockaddr.
#pragma once

#include <cerrno>
#include <portico/bytes.hpp>
#include <portico/error.hpp>
#include <portico/net/descriptor.hpp>
#include <portico/net/endpoint.hpp>
#include <span>
#include <sys/socket.h>
#include <system_error>

namespace portico::inline v0_1::os {

/// A sockaddr of any family: to be filled by a system call, or made from an endpoint.
struct socket_address {
    socket_address() noexcept { storage.ss_family = AF_UNSPEC; } // the rest is the system call's to set
    explicit socket_address(const endpoint& from) noexcept;
    /// What is in it; none where the family is unknown.
    endpoint to_endpoint() const;
    sockaddr* data() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
    const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }

    sockaddr_storage storage;
    socklen_t size = sizeof(sockaddr_storage);
};

/// AF_INET, AF_INET6 or AF_UNIX.
int family_of(const endpoint& which) noexcept;
/// A new socket, non-blocking and closed on exec.
descriptor open_socket(const endpoint& family_of, int type) noexcept;
/// getsockname(2) and getpeername(2); none where they fail.
endpoint local_endpoint_of(int handle) noexcept;
endpoint remote_endpoint_of(int handle) noexcept;

/// The current errno.
std::error_code last_error() noexcept;
inline bool is_would_block(int code) noexcept
{
    return code == EAGAIN || code == EWOULDBLOCK;
}
/// Sets an option whose value is an int; failures are the caller's to judge.
bool set_integer_option(int handle, int level, int name, int value) noexcept;
/// The value of an option that is an int; `otherwise` where it cannot be read.
int option_of(int handle, int level, int name, int otherwise) noexcept;
std::error_code set_option(int handle, int level, int name, bytes value) noexcept;
std::error_code get_option(int handle, int level, int name, std::span<char> value, std::size_t& size) noexcept;
/// For a descriptor handed in: whether it is a socket of this type (SOCK_STREAM).
std::error_code check_type(int handle, int type) noexcept;
/// Makes it non-blocking, for every process that shares it.
std::error_code make_non_blocking(int handle) noexcept;

} // namespace portico::os
