// json: a text as a JSON string (RFC 8259), for logs. Whatever bytes it has, what comes out is valid.
#pragma once

#include <string>
#include <string_view>

namespace portico::inline v0_1::text {

/// The text as a JSON string with its quotation marks (RFC 8259 section 7), of printable ASCII alone: `"`, `\` and
/// controls are escaped, and so is every other character of UTF-8 (`\u00fc`). A byte that is no part of valid UTF-8
/// (RFC 3629) becomes U+FFFD. A byte takes 6 bytes at the most.
std::string json_string(std::string_view text);

} // namespace portico::text
