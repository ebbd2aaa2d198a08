// What a response head says about the message and its connection: the rules of RFC 9112, apart from the parsing.
#pragma once

#include <cstdint>
#include <optional>
#include <portico/error.hpp>
#include <portico/http/response_parser.hpp>
#include <string>
#include <string_view>

namespace portico::inline v0_1::http::framing {

constexpr std::uint64_t largest_size = INT64_MAX;

/// Throws a `protocol_error` (`errc::malformed`): why, and the peer's bytes, escaped.
[[noreturn]] void malformed(const std::string& why, std::string_view what);

/// RFC 9112 section 4. What is not HTTP/1.x has another framing, or none, and is refused.
response_head parse_status_line(std::string_view line);

/// RFC 9110 section 8.6: equal values, repeated in one field or in several, count as one.
std::optional<std::uint64_t> content_length(const fields& header);

/// Whether the body is chunked. We send no TE field, so that a server may use no other coding (RFC 9112 section 6.1);
/// "identity", which older rules had, stands for none.
bool is_chunked(const fields& header);

/// RFC 9112 section 9.3; a message whose framing fields break their rules ends the connection (sections 6.1, 6.3).
bool is_persistent(const response_head& head);

} // namespace portico::http::framing
