// server_statistics: what a server has done, in numbers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <portico/core/timer.hpp>

namespace portico::inline v0_1 {

/// How long something took, many times: counts by powers of 4.
struct duration_histogram {
    static constexpr std::size_t size = 14; ///< of `counts`
    /// Of those that took less than `bound(i)`, and not less than `bound(i - 1)`; the last: of all that took longer.
    std::array<std::uint64_t, size> counts{};
    /// 1 ms, 4 ms, 16 ms, ... up to about 4 h 40 min; for the last there is none: `no_timeout`.
    static constexpr duration bound(std::size_t index) noexcept
    {
        return index + 1 < size ? duration(std::chrono::milliseconds(1)) * (1L << (2 * index)) : no_timeout;
    }
};

/// What a server has done so far.
struct server_statistics {
    /// Connections that were not served, by reason.
    struct refused {
        std::uint64_t by_address_limit = 0; ///< too many from one address
        std::uint64_t by_verify = 0;        ///< `verify` said no
        std::uint64_t untrusted = 0;        ///< not from a proxy that is trusted
        std::uint64_t by_handshake = 0;     ///< a handshake that failed or took too long, or a header of the PROXY protocol
    };
    /// Accepts that failed, by what there was too little of.
    struct accept_errors {
        std::uint64_t process_descriptors = 0; ///< EMFILE
        std::uint64_t system_descriptors = 0;  ///< ENFILE
        std::uint64_t memory = 0;              ///< ENOBUFS, ENOMEM
        std::uint64_t other = 0;               ///< anything else
        /// All of them.
        std::uint64_t total() const noexcept { return process_descriptors + system_descriptors + memory + other; }
    };

    std::uint64_t accepted = 0;  ///< connections, refused ones too
    std::size_t open = 0;        ///< connections, now
    struct refused refused;      ///< of those accepted
    std::uint64_t served = 0;    ///< handlers that returned
    std::uint64_t lost = 0;      ///< handlers that failed because the peer reset the connection or went away
    std::uint64_t timed_out = 0; ///< handlers that failed because the peer was idle, or took too long in all
    std::uint64_t handler_errors = 0; ///< handlers that failed otherwise
    std::uint64_t cancelled = 0;      ///< handlers that were cancelled with the server, or when it drained
    std::uint64_t aborted = 0;        ///< handlers that were destroyed when it drained
    std::uint64_t bytes_read = 0;     ///< of connections that have ended
    std::uint64_t bytes_written = 0;  ///< the same for writing
    struct accept_errors accept_errors; ///< accepts that failed
    duration_histogram durations;       ///< of connections that were served, from accept to close
};

} // namespace portico
