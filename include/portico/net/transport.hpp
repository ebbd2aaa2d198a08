// transport and listener: what connections run on and come from. Readiness-based, so that one small interface fits
// TCP, memory, TLS and whatever replaces them. Implemented by backends; programs use connection and acceptor.
#pragma once

#include <cstddef>
#include <portico/bytes.hpp>
#include <portico/core/backend.hpp>
#include <portico/core/operation.hpp>
#include <portico/net/endpoint.hpp>
#include <span>
#include <system_error>

namespace portico {

/// What became of a try. `would_block`: nothing now; `wait` tells when it is worth another try.
enum class io_status : unsigned char { done, end, would_block, failed };

struct io_result {
    io_status status;
    std::size_t count = 0; ///< bytes moved, where `done`
    int code = 0;          ///< an errno value, where `failed`
    bool drained = false;  ///< where `done` by a read: another one would find nothing now
};

enum class direction : unsigned char { read, write };

/// A stream of bytes in both directions.
class transport {
public:
    transport(const transport&) = delete;
    transport& operator=(const transport&) = delete;

    /// Reads what is there, at most `destination.size()` bytes (at least 1).
    virtual io_result try_read(std::span<char> destination) noexcept = 0;
    /// Writes the buffers in order, as much as goes; there is at least one byte in them.
    virtual io_result try_write(std::span<const bytes> buffers) noexcept = 0;

    /// Calls `waiter.ready()` from the loop when another try may move bytes or tell of an end or an error. One waiter
    /// a direction. It may be early, and then the waiter waits again.
    virtual void wait(direction which, operation& waiter) noexcept = 0;
    /// Forgets the waiter of a direction. Moves no bytes, and does not disturb the other direction.
    virtual void abandon(direction which) noexcept = 0;

    /// Whether a connect has succeeded, once it is writable.
    virtual std::error_code connect_result() noexcept = 0;
    /// Sends the end of the stream; what was written before arrives first.
    virtual std::error_code shutdown_write() noexcept = 0;
    /// Closes without waiting. What is unread may make the system reset the connection. Idempotent.
    virtual void close() noexcept = 0;
    /// Resets: the peer sees an error, unsent data is dropped. Idempotent.
    virtual void abort() noexcept = 0;

    virtual endpoint local_endpoint() const noexcept = 0;
    virtual endpoint remote_endpoint() const noexcept = 0;
    /// The descriptor of a socket; -1 where there is none.
    virtual int native_handle() const noexcept { return -1; }

    /// What destroying a `transport_ptr` does: closes it, and frees it when nothing refers to it any more.
    virtual void release() noexcept = 0;

protected:
    transport() = default;
    virtual ~transport() = default;
};

inline void detail::release_transport::operator()(transport* which) const noexcept
{
    which->release();
}

struct connect_options {
    duration timeout = std::chrono::seconds(30); ///< for each address
};

struct listen_options {
    int backlog = 4096; ///< connections that wait to be accepted; the system caps it (net.core.somaxconn)
};

/// What accepts connections at one endpoint. Closed by its destructor.
class listener {
public:
    virtual ~listener() = default;

    struct accepted {
        io_result outcome;
        transport_ptr stream;
    };
    /// Takes the next connection, if there is one.
    virtual accepted try_accept() noexcept = 0;
    /// Calls `waiter.ready()` from the loop when there may be one. One waiter at a time.
    virtual void wait(operation& waiter) noexcept = 0;
    virtual void abandon() noexcept = 0;
    virtual endpoint local_endpoint() const noexcept = 0;
};

} // namespace portico
