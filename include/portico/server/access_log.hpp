// access_log: a line for each session that has ended, for `server::on_close`. It asks no clock and writes nothing.
#pragma once

#include <portico/server/session_info.hpp>

namespace portico::inline v0_1 {

/// How a line of an access log is written.
enum class log_format : unsigned char {
    text, ///< words: `2026-11-22T21:04:03.125Z 192.0.2.1:50123 served, 0.002 s, 0 bytes read, 21 written`
    json  ///< an object (RFC 8259): `time`, `peer`, `end`, `seconds`, `bytes_read`, `bytes_written`, `error`
};

/// The time in UTC with milliseconds, as RFC 3339 has it: `2026-11-22T21:04:03.125Z`.
std::string log_time(std::chrono::system_clock::time_point when);

/// A session that has ended at this time, as a line without its end: the peer, how it has ended, how long it was, its
/// bytes, and what its handler has thrown, if anything. It is printable ASCII, whatever a peer has had a hand in (the
/// name of a Unix socket, the text of an error), and the peer has no space in it: that is `\x20`. It has fewer than 4096
/// bytes (PIPE_BUF), so that processes which write to one pipe do not mix their lines; of an error's text there are the
/// first 500.
std::string access_log_line(const closed_session& which, std::chrono::system_clock::time_point ended,
                            log_format format);

} // namespace portico
