// What the head of a message says about the message and its connection: the rules of RFC 9112, apart from the parsing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <portico/error.hpp>
#include <portico/http/response_parser.hpp>
#include <string>
#include <string_view>

namespace portico::inline v0_1::http::framing {

constexpr std::uint64_t largest_size = INT64_MAX;

/// These throw a `protocol_error` about a response; `request_parser` makes a `request_error` of it.
/// `errc::malformed`: why, and the peer's bytes, escaped.
[[noreturn]] void malformed(const std::string& why, std::string_view what);
/// `errc::limit_exceeded`: "a line has more bytes".
[[noreturn]] void exceeds(const std::string& what, std::uint64_t limit);

/// RFC 9112 section 4. What is not HTTP/1.x has another framing, or none, and is refused.
response_head parse_status_line(std::string_view line);

/// Whether there is a control character other than the tab, which field values may not hold (RFC 9110 section 5.5).
bool has_control(std::string_view text) noexcept;

/// The number that a Content-Length value is.
std::uint64_t parse_size(std::string_view text);

/// RFC 9110 section 8.6: equal values, repeated in one field or in several, count as one.
std::optional<std::uint64_t> content_length(const fields& header);

/// Whether the body of a response is chunked. A server may use another coding only if our request has a TE field (RFC
/// 9112 section 6.1), and then in front of chunked; "identity", which older rules had, stands for none.
bool is_chunked(const fields& header, bool others_allowed);

/// What version and Connection field say (RFC 9112 section 9.3).
bool is_kept_alive(int minor_version, const fields& header);

/// The same of a response; one whose framing fields break their rules ends the connection (sections 6.1, 6.3).
bool is_persistent(const response_head& head);

} // namespace portico::http::framing
