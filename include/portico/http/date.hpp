// Dates of HTTP (RFC 9110 section 5.6.7), and what else servers, cookies and people write. No clock: now is given.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace portico::inline v0_1::http {

/// A date as seconds since 1970 (UTC), of the years 1601 to 9999; nothing if the text is none. It takes the three forms
/// of RFC 9110 (`Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`), and
/// their parts in any order, as cookies have them (RFC 6265 section 5.1.1); also `1994-11-06`, `1994-11-06T08:49:37Z`
/// and `19941106`.
/// - Without a time it is midnight. A second 60 is the first one of the next minute.
/// - The zone is UTC, or said by a number (`+0100`, `-07:00`, also behind `GMT`) or a name that RFC 5322 knows (`EST`).
/// - Two digits of a year mean 1970 to 2069. The day of the week may be missing or wrong.
/// - A word that is none of these makes it no date, so that a file's name is not taken for one. What is in parentheses
///   is a comment.
std::optional<std::chrono::sys_seconds> parse_date(std::string_view text);

/// The form to send: `Sun, 06 Nov 1994 08:49:37 GMT`. The time is in the years 0 to 9999.
std::string format_date(std::chrono::sys_seconds time);

/// The value of Retry-After (RFC 9110 section 10.2.3), seconds or a date, as the time to wait from now on: at least 0
/// and at most a year. Nothing if it is neither.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, std::chrono::sys_seconds now);

} // namespace portico::http
