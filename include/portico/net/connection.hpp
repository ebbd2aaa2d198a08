// connection: a stream of bytes to a peer, as a handler sees it: TCP, memory, or whatever else a transport carries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <portico/bytes.hpp>
#include <portico/core/context.hpp>
#include <portico/core/deadline.hpp>
#include <portico/net/descriptor.hpp>
#include <portico/net/endpoint.hpp>
#include <portico/net/read_buffer.hpp>
#include <portico/net/socket_option.hpp>
#include <portico/net/transport.hpp>
#include <span>
#include <string>
#include <vector>

namespace portico::inline v0_1 {

namespace detail {
class reading;
class reading_some;
class reading_exactly;
class reading_part;
class reading_into;
class peeking;
class awaiting_readable;
class awaiting_writable;
class reading_descriptors;
class reading_to_file;
class writing;
class writing_descriptors;
class writing_file;
} // namespace detail

/// How much a server waits for a peer after its own last byte: see `connection::finish`.
struct finish_limits {
    std::size_t bytes = 64 * 1024; ///< what is dropped at most
    duration time = std::chrono::seconds(1); ///< how long it waits at most
};

/// What came over a Unix socket with descriptors.
struct received_descriptors {
    std::string data; ///< empty at the end of the stream
    std::vector<descriptor> handles; ///< that came with it
};

/// A connection. One read and one write may be under way at a time; a second of a kind, or moving the connection
/// meanwhile, throws `misuse`. Views that a read returns are valid until the next read. The destructor closes at once.
///
/// Every operation completes when it has what it promises; fails with `error` (an errno of the system, `errc::closed`
/// after `close`, `errc::timed_out` after the connection's `timeout`); and when it is cancelled or late, a read has
/// taken nothing from the stream and a write may have sent a part, so that a protocol can go on reading but hardly
/// writing.
///
/// Awaited, `read_some`, `read_exactly`, `read_all` and `peek` give `bytes`, `read_until` and `read_line` a
/// `std::optional<bytes>`, `read_into`, `read_to_file` and `write_file` a number of bytes, `read_descriptors`
/// `received_descriptors`; the others give nothing.
class connection final : private detail::timer {
public:
    /// On a transport of this context. `connect`, `acceptor` and `server` make them.
    connection(context& owner, transport_ptr stream) noexcept : connection(owner.streams(), std::move(stream)) {}
    /// Throws `misuse` where an operation is under way; so does the assignment. `other` is then closed.
    connection(connection&& other);
    /// Closes what it was before.
    connection& operator=(connection&& other);
    ~connection();

    /// The time that each operation may take; `no_timeout` (the default) for any. What Python calls `settimeout`.
    void timeout(duration each_operation) noexcept { timeout_ = each_operation; }
    duration timeout() const noexcept { return timeout_; } ///< that time

    /// What has arrived, at least one byte and at most `limit`; empty at the end of the stream.
    [[nodiscard]] detail::reading_some read_some(std::size_t limit = context::buffer_size);
    /// Exactly `count` bytes; empty where the stream ends before the first, `errc::truncated` where it ends inside.
    [[nodiscard]] detail::reading_exactly read_exactly(std::size_t count);
    /// Up to and with `delimiter` (not empty, and valid until this completes), at most `limit` bytes, else
    /// `errc::limit_exceeded`; none where the stream ends before the first byte, `errc::truncated` where it ends
    /// inside.
    [[nodiscard]] detail::reading_part read_until(bytes delimiter, std::size_t limit);
    /// A line of at most `limit` bytes without its end, which is LF or CR LF; ends and fails like `read_until`.
    [[nodiscard]] detail::reading_part read_line(std::size_t limit = 8192);
    /// Everything until the end of the stream, at most `limit` bytes, else `errc::limit_exceeded`.
    [[nodiscard]] detail::reading_exactly read_all(std::size_t limit);
    /// Some bytes, straight into memory of the caller: completes with their number, 0 at the end of the stream.
    [[nodiscard]] detail::reading_into read_into(std::span<char> destination);

    /// The next `count` bytes, which stay to be read; fewer where the stream ends before that.
    [[nodiscard]] detail::peeking peek(std::size_t count);
    /// What has arrived, as `read_some` has it, without waiting: none where that is nothing yet. Throws what failed.
    std::optional<bytes> try_read_some(std::size_t limit = context::buffer_size);
    /// Completes when `try_read_some` would not come back with none. It reads nothing.
    [[nodiscard]] detail::awaiting_readable wait_readable();

    /// Writes all of it. The bytes stay valid until this completes.
    [[nodiscard]] detail::writing write(bytes data);
    /// Writes all of several buffers, in order, in as few system calls as it takes. They and the span stay valid.
    [[nodiscard]] detail::writing write(std::span<const bytes> buffers);
    /// Writes as much of it as goes without waiting: completes at once, with the number of bytes. Throws what failed.
    std::size_t try_write(bytes data);
    /// Completes when `try_write` would take some.
    [[nodiscard]] detail::awaiting_writable wait_writable();

    /// Writes all of it (not empty), and passes descriptors over a Unix socket with its first byte. They stay the
    /// caller's, who may close them when this completes; at most 253 (unix(7)).
    [[nodiscard]] detail::writing_descriptors write_descriptors(bytes data, std::span<const int> handles);
    /// What has arrived, up to `limit` bytes, and the descriptors that came with it; no data at the end of the stream.
    /// Descriptors are closed unseen by every other read, as are those beyond `most`.
    [[nodiscard]] detail::reading_descriptors read_descriptors(std::size_t limit = context::buffer_size, std::size_t most = 253);
    /// Writes a part of the file that is open under a descriptor, without the bytes passing through the program
    /// (sendfile(2)); its own position stays. Completes with the number of bytes: less than `count` where the file
    /// ends.
    [[nodiscard]] detail::writing_file write_file(int file, std::uint64_t offset = 0, std::uint64_t count = UINT64_MAX);
    /// Moves what has arrived, at least one byte and at most `count`, to the file that is open under a descriptor, at its
    /// own position, without the bytes passing through the program (splice(2)). Completes with their number: 0 at the
    /// end of the stream. Throws `misuse` where `buffered()` bytes would be overtaken. Fails with
    /// `std::errc::operation_not_supported` where the bytes have to be seen first, as those of TLS: nothing has been read
    /// then. An error whose operation is `write file` is that of the file; a part of the stream is lost then, and what is
    /// read after it fails.
    [[nodiscard]] detail::reading_to_file read_to_file(int file, std::uint64_t count = UINT64_MAX);

    /// Sends the end of the stream; reading goes on. Failure means that the connection is gone.
    result<void> shutdown_write() noexcept;
    /// Ends well: sends the end of the stream, drops what the peer still sends (within the limits), so that it gets to
    /// read what was written before, then closes. Never fails. What a server does when a handler returns. Over TLS the
    /// end is something to be written, for which a peer that is slow to read has the connection's `timeout`, too.
    task<> finish(finish_limits limits = {});
    /// Closes at once; pending operations fail with `errc::closed`. Unread input makes the system reset the connection,
    /// which can cost the peer what was written last: `finish` does not.
    void close() noexcept;
    /// Resets the connection: the peer sees an error (the end of the stream where it is a Unix socket, which knows
    /// none).
    void abort() noexcept;
    /// Whether neither `close` nor anything like it was called; the peer may have gone all the same.
    bool is_open() const noexcept { return !closed_; }

    /// None once it is closed.
    endpoint local_endpoint() const noexcept;
    /// Outlives `close`.
    endpoint remote_endpoint() const noexcept;
    /// Typed and raw options of the socket.
    socket_options options() const noexcept { return socket_options(is_open() ? transport_.get() : nullptr); }
    /// The socket's descriptor; -1 where there is none.
    int native_handle() const noexcept;
    /// Gives the socket up: its descriptor, non-blocking, is the caller's, and the connection is closed without a word
    /// to the peer. Throws `misuse` where bytes have been received that nobody has read, or there is no descriptor.
    int release();
    /// Puts another transport in the place of its own, which it returns; the other one usually works over it then.
    /// Bytes that have been received and not been read stay. Throws `misuse` where an operation is under way, or it is
    /// closed.
    transport_ptr exchange_transport(transport_ptr stream);
    /// Holds a connection for what needs it alone, such as a handshake: meanwhile every operation on it, moving it and
    /// exchanging its transport throw `misuse`, as making a second one of these does, or one while an operation is
    /// under way. `shutdown_write` fails; `close` and `abort` close it.
    class reservation {
    public:
        /// From now on.
        explicit reservation(connection& which);
        reservation(const reservation&) = delete;
        reservation& operator=(const reservation&) = delete;
        ~reservation() { which_.reserved_ = false; }

    private:
        connection& which_;
    };
    /// What it runs on; null where it was moved from.
    const transport* current_transport() const noexcept { return transport_.get(); }

    /// Bytes that have been received and not been read.
    std::size_t buffered() const noexcept { return buffer_.size(); }
    /// Bytes moved so far.
    std::uint64_t bytes_read() const noexcept { return bytes_read_; }
    std::uint64_t bytes_written() const noexcept { return bytes_written_; } ///< the same for writing
    context& owner() const noexcept { return buffer_.group().owner(); } ///< the context it belongs to

    /// Whether the server drains that has accepted it: a handler that could go on for long comes to an end then,
    /// between two requests. False where no server has.
    bool is_draining() const noexcept { return buffer_.group().draining().is_set(); }
    /// Completes when it drains; for `when_any(peer.read_line(), peer.wait_draining())`.
    [[nodiscard]] event::waiting wait_draining() noexcept { return buffer_.group().draining().wait(); }

    /// Of a server: what its connections have in common.
    connection(detail::stream_group& group, transport_ptr stream) noexcept;

private:
    friend detail::reading;
    friend detail::writing;
    void on_expiry() noexcept override;
    void watch(time_point deadline) noexcept;
    void check_idle() const;
    void wake() noexcept;

    transport_ptr transport_;
    detail::read_buffer buffer_;
    duration timeout_ = no_timeout;
    detail::reading* reading_ = nullptr;
    detail::writing* writing_ = nullptr;
    std::uint64_t bytes_read_ = 0, bytes_written_ = 0;
    bool ended_ = false; // the peer has sent the end of the stream
    bool closed_ = false;
    bool drained_ = false; // the last read has emptied the transport
    bool unsent_ = false;  // the transport has kept a part of the last write
    bool reserved_ = false;
};

/// A connection on a connected stream socket of the system, which it owns from then on: from another library, another
/// process, or a parent. Throws `error` where the descriptor is none of that; then it stays the caller's.
connection adopt_connection(context& owner, int handle);
/// Two ends of one connection, without a name (socketpair(2)).
std::pair<connection, connection> connection_pair(context& owner);

} // namespace portico

#include <portico/net/stream_operations.hpp>
