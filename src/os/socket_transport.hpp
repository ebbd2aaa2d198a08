// socket_transport: a connected stream socket.
#pragma once

#include "readiness.hpp"

#include <portico/core/memory_pool.hpp>

namespace portico::inline v0_1::os {

class socket_transport final : public os_socket<transport>, public detail::pooled {
public:
    socket_transport(backend& outside, descriptor handle, endpoint remote) noexcept
        : os_socket(outside, std::move(handle)), remote_(std::move(remote)) {}

    /// Starts to connect.
    static result<transport_ptr> connect(backend& outside, const endpoint& to, const connect_options& options);

    io_result try_read(std::span<char> destination) noexcept override;
    io_result try_write(std::span<const bytes> buffers) noexcept override;
    io_result try_write_descriptors(bytes data, std::span<const int> handles) noexcept override;
    io_result try_read_descriptors(std::span<char> destination, std::size_t most,
                                   std::vector<int>& handles) noexcept override;
    io_result try_write_file(int file, std::uint64_t offset, std::size_t count) noexcept override;
    io_result try_read_to_file(int file, std::size_t count) noexcept override;
    void wait(direction which, operation& waiter) noexcept override
    {
        if (which == direction::read)
            expect(1);
        wait_for(which, waiter);
    }
    void wait_for_many(std::size_t count, operation& waiter) noexcept override
    {
        expect(count);
        wait_for(direction::read, waiter);
    }
    int release_handle() noexcept override
    {
        expect(1);
        return take_handle();
    }
    std::error_code connect_result() noexcept override;
    std::error_code shutdown_write() noexcept override;
    void abort() noexcept override;
    endpoint remote_endpoint() const noexcept override { return remote_; }

private:
    void expect(std::size_t count) noexcept
    {
        if (count != expected_)
            set_expected(count);
    }
    void set_expected(std::size_t count) noexcept;
    io_result after_read(ssize_t got, std::size_t room) noexcept;
    io_result after_write(ssize_t sent) noexcept;

    endpoint remote_;
    std::size_t expected_ = 1; // bytes before the system says that there is something to read
    int lost_ = 0; // why the connection broke: the system says that once, and then calls it the end of the stream
};

} // namespace portico::os
