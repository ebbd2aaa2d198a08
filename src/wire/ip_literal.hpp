// IP addresses as text: whether it is one. No system call is asked, so that every system says the same.
#pragma once

#include <string_view>

namespace portico::inline v0_1 {

/// Four decimal numbers up to 255 without leading zeros.
bool is_ipv4(std::string_view text) noexcept;

/// RFC 4291 section 2.2: eight groups, or fewer around one "::"; an IPv4 address may stand for the last two. No zone.
bool is_ipv6(std::string_view text) noexcept;

} // namespace portico
