// socket_transport: a connected stream socket.
#pragma once

#include "readiness.hpp"

#include <portico/core/memory_pool.hpp>

namespace portico::os {

class socket_transport final : public transport, public readiness, public detail::pooled {
public:
    socket_transport(backend& outside, descriptor handle, const endpoint& remote) noexcept
        : readiness(outside, std::move(handle)), remote_(remote) {}

    io_result try_read(std::span<char> destination) noexcept override;
    io_result try_write(std::span<const bytes> buffers) noexcept override;
    void wait(direction which, operation& waiter) noexcept override { wait_for(which, waiter); }
    void abandon(direction which) noexcept override { forget(which); }
    std::error_code connect_result() noexcept override;
    std::error_code shutdown_write() noexcept override;
    void close() noexcept override { close_handle(); }
    void abort() noexcept override;
    endpoint local_endpoint() const noexcept override;
    endpoint remote_endpoint() const noexcept override { return remote_; }
    int native_handle() const noexcept override { return handle(); }
    void release() noexcept override;

private:
    endpoint remote_;
    int lost_ = 0; // why the connection broke: the system says that once, and then calls it the end of the stream
};

} // namespace portico::os
