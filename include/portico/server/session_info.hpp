// session_info and closed_session: a look at the sessions of a server, while they live and when they have ended.
#pragma once

#include <portico/server/server.hpp>
#include <source_location>
#include <string>

namespace portico::inline v0_1 {

/// Something that a session waits for.
struct session_wait {
    std::string what;                          ///< such as `read from 127.0.0.1:50123`
    duration since{};                          ///< how long it has waited
    duration remaining = no_timeout;           ///< until its deadline; `no_timeout` where it has none
    std::vector<std::source_location> stack{}; ///< where: see `await_stack`
};

/// A session that lives.
struct session_info {
    endpoint remote;  ///< the peer, or for whom a trusted proxy has connected
    endpoint local;   ///< where it was accepted
    duration age{};   ///< since it was accepted
    std::uint64_t bytes_read = 0;    ///< so far; 0 where the handler has moved the connection elsewhere
    std::uint64_t bytes_written = 0; ///< the same for writing
    std::vector<session_wait> waits{}; ///< none: what it waited for is there, and it is about to run
};

/// How a session has ended.
enum class session_end : unsigned char {
    served,    ///< the handler returned
    refused,   ///< see `server_statistics::refused`
    lost,      ///< the peer reset the connection or went away
    timed_out, ///< the peer was idle for too long, or the handler took too long in all
    failed,    ///< the handler threw something else
    cancelled, ///< with the server, or when it drained
    aborted    ///< at the end of a drain
};

/// Its name: `timed_out`.
std::string_view to_string(session_end how) noexcept;

/// A session that has ended, as `server::on_close` is told. It refers to what is there only meanwhile.
struct closed_session {
    const endpoint& remote; ///< the peer, or for whom a trusted proxy has connected
    duration length;        ///< from accept to close
    std::uint64_t bytes_read;    ///< in all; 0 where the handler has moved the connection elsewhere
    std::uint64_t bytes_written; ///< the same for writing
    session_end how;             ///< how it ended
    const std::exception_ptr& failure; ///< what the handler or the handshake threw; null where neither did
};

/// A session as text, for a person: a line for it, one for each thing that it waits for, and its await stack.
std::string to_string(const session_info& which);

} // namespace portico
