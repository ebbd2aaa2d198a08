// socket: system calls on descriptors, and the translation between endpoint and sockaddr.
#pragma once

#include <portico/net/endpoint.hpp>
#include <sys/socket.h>
#include <system_error>
#include <utility>

namespace portico::os {

/// A descriptor that is closed with its owner.
class descriptor {
public:
    descriptor() noexcept = default;
    explicit descriptor(int handle) noexcept : handle_(handle) {}
    descriptor(descriptor&& other) noexcept : handle_(std::exchange(other.handle_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept
    {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~descriptor() { close(); }

    int get() const noexcept { return handle_; }
    explicit operator bool() const noexcept { return handle_ >= 0; }
    int release() noexcept { return std::exchange(handle_, -1); }
    void close() noexcept;

private:
    int handle_ = -1;
};

struct socket_address {
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_storage);
    sockaddr* data() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
};

endpoint from_sockaddr(const sockaddr& from) noexcept;
socket_address to_sockaddr(const endpoint& from) noexcept;
/// The current errno.
std::error_code last_error() noexcept;
/// Sets an option whose value is an int; failures are the caller's to judge.
bool set_option(int handle, int level, int name, int value) noexcept;

} // namespace portico::os
