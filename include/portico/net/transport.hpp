// transport and listener: what connections run on and come from. Readiness-based, so that one small interface fits
// TCP, Unix sockets, memory, TLS and whatever replaces them. Implemented by backends.
#pragma once

#include <optional>
#include <portico/net/socket_base.hpp>
#include <portico/net/socks5.hpp>
#include <vector>

namespace portico::inline v0_1 {

/// A stream of bytes in both directions.
class transport : public socket_base {
public:
    /// Reads what is there, at most `destination.size()` bytes (at least 1).
    virtual io_result try_read(std::span<char> destination) noexcept = 0;
    /// Writes the buffers in order, as much as goes; there is at least one byte in them. A transport over another one
    /// may keep a part of it (`unsent`), and passes that on as soon as it can; a try with no bytes then tells whether
    /// it has.
    virtual io_result try_write(std::span<const bytes> buffers) noexcept = 0;

    /// The same over a Unix socket, with descriptors beside the bytes (unix(7), SCM_RIGHTS), which arrive with the
    /// first byte. `std::errc::operation_not_supported` where there is no such thing.
    virtual io_result try_write_descriptors(bytes data, std::span<const int> handles) noexcept;
    /// What is received into `handles`, at most `most` of them, is the caller's to close.
    virtual io_result try_read_descriptors(std::span<char> destination, std::size_t most, std::vector<int>& handles) noexcept;
    /// sendfile(2): moves bytes from a file that is open under a descriptor, from `offset` on. `end` at its end.
    virtual io_result try_write_file(int file, std::uint64_t offset, std::size_t count) noexcept;
    /// splice(2): moves what is there, at most `count` bytes (at least 1), to the file that is open under a descriptor,
    /// at its own position. Where the file takes not all of it, bytes are lost, and so the stream is of no use any more.
    /// `std::errc::operation_not_supported` where there is no such thing: nothing has been read then.
    virtual io_result try_read_to_file(int file, std::size_t count) noexcept;
    /// Waits for reading as `wait` does, but need not tell before there are `count` bytes, or the end of the stream or
    /// an error. Called again with another count for a waiter that waits, it goes by that one.
    virtual void wait_for_many(std::size_t count, operation& waiter) noexcept;

    /// Whether a connect has succeeded, once it is writable.
    virtual std::error_code connect_result() noexcept = 0;
    /// Sends the end of the stream; what was written before arrives first. `std::errc::operation_in_progress`: soon,
    /// and a try to write no bytes tells when.
    virtual std::error_code shutdown_write() noexcept = 0;
    /// After a wait for reading: whether a try would come back with something. A transport over another one may have
    /// been woken by what is its own business.
    virtual bool is_readable() noexcept { return true; }
    /// What there is to say about a failure beyond its code.
    virtual std::string failure_detail() const { return {}; }
    /// Resets: the peer sees an error, unsent data is dropped. Idempotent.
    virtual void abort() noexcept = 0;

    /// Whom it is connected to; stays when it is closed.
    virtual endpoint remote_endpoint() const noexcept = 0;
};

/// How `connect` goes about it.
struct connect_options {
    connect_options() noexcept {}

    duration timeout = std::chrono::seconds(30); ///< for all of it: the look-up, every attempt, the proxy's answer
    /// Which addresses of a name are asked for and tried.
    resolve_query::family only = resolve_query::family::any;
    /// How long an IPv4 answer waits for the IPv6 one before it is used (RFC 8305 section 3).
    duration resolution_delay = std::chrono::milliseconds(50);
    /// How long an attempt has before the next address is tried beside it (RFC 8305 section 5).
    duration attempt_delay = std::chrono::milliseconds(250);
    /// The local address, with a port or 0; none: the system's choice. Of a Unix socket: an abstract name, no path.
    endpoint source;
    std::optional<socks5_proxy> socks5; ///< connects through it; it looks up the name
};

/// How `listen` opens a socket.
struct listen_options {
    int backlog = 4096;      ///< connections that wait to be accepted; the system caps it (net.core.somaxconn)
    bool dual_stack = false; ///< one socket at [::] for IPv6 and IPv4, whose peers are then ::ffff:a.b.c.d
    /// Another socket may listen at the same address, and the system spreads connections over them (SO_REUSEPORT). A
    /// second server there then goes unnoticed, and what is queued at a socket that closes is lost.
    bool reuse_port = false;
    /// The mode of the file of a Unix socket, as chmod(2) has it (0660): who may write to it may connect. -1: 0777
    /// less the umask, which lets the owner alone connect where that is 022.
    int mode = -1;
};

/// What accepts connections at one endpoint.
class listener : public socket_base {
public:
    /// What came of a try to accept.
    struct accepted {
        io_result outcome; ///< `done` where there is a connection
        transport_ptr stream; ///< null where there is none
    };
    /// Takes the next connection, if there is one.
    virtual accepted try_accept() noexcept = 0;
};

} // namespace portico
