// socket_base: what streams, listeners and datagram sockets of a backend have in common. Implemented by backends; programs
// use connection, acceptor and datagram_socket.
#pragma once

#include <cstddef>
#include <portico/bytes.hpp>
#include <portico/core/backend.hpp>
#include <portico/core/operation.hpp>
#include <portico/net/endpoint.hpp>
#include <span>
#include <system_error>

namespace portico::inline v0_1 {

/// What became of a try. `would_block`: nothing now; `wait` tells when it is worth another try.
enum class io_status : unsigned char { done, end, would_block, failed };

/// The outcome of a try to move bytes.
struct io_result {
    io_status status;      ///< what became of it
    std::size_t count = 0; ///< bytes moved, where `done`
    int code = 0;          ///< where `failed`: an errno value, or an `errc` negated
    bool drained = false;  ///< where `done` by a read: another one would find nothing now
    bool unsent = false;   ///< where `done` by a write: not all has been passed on; see `transport::try_write`
    bool of_file = false;  ///< where `failed`: not the stream has, but the file; see `transport::try_read_to_file`
};

/// Which way bytes go.
enum class direction : unsigned char { read, write };

/// A socket of a backend. One waiter a direction.
class socket_base {
public:
    socket_base(const socket_base&) = delete;
    socket_base& operator=(const socket_base&) = delete;

    /// Calls `waiter.ready()` from the loop when another try may move bytes or tell of an end or an error. It may be
    /// early, and then the waiter waits again.
    virtual void wait(direction which, operation& waiter) noexcept = 0;
    /// Forgets the waiter of a direction. Moves no bytes, and does not disturb the other direction.
    virtual void abandon(direction which) noexcept = 0;

    /// Closes without waiting. What is unread may make the system reset a connection. Idempotent.
    virtual void close() noexcept = 0;
    /// Its own address.
    virtual endpoint local_endpoint() const noexcept = 0;

    /// The descriptor of a socket of the system; -1 where there is none.
    virtual int native_handle() const noexcept { return -1; }
    /// Gives the descriptor up to the caller, and is closed from then on; -1 where there is none.
    virtual int release_handle() noexcept { return -1; }
    /// setsockopt(2). Where there are no options: `std::errc::no_protocol_option`.
    virtual std::error_code set_option(int level, int name, bytes value) noexcept;
    /// getsockopt(2): the value, of `size` bytes, is in `value`.
    virtual std::error_code get_option(int level, int name, std::span<char> value, std::size_t& size) const noexcept;

    /// What destroying its pointer does: closes it, and frees it when nothing refers to it any more.
    virtual void release() noexcept = 0;

protected:
    socket_base() = default;
    virtual ~socket_base() = default;
};

inline void detail::release_socket::operator()(socket_base* which) const noexcept
{
    which->release();
}

} // namespace portico
