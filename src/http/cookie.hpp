// cookies as text: the Set-Cookie field, and the lines of Netscape's cookie file.
#pragma once

#include <portico/http/cookie_jar.hpp>

namespace portico::inline v0_1::http::detail {

/// A cookie as a Set-Cookie field has it (RFC 6265 section 5.2): an empty domain or path was not given. Nothing if it
/// has no name or holds a control character.
std::optional<cookie> parse_set_cookie(std::string_view value, cookie_jar::time now);

/// A cookie of a line `domain, whether for subdomains, path, secure, expiry, name, value`, with tabs between. Nothing
/// if it is another line.
std::optional<cookie> parse_netscape_line(std::string_view line);

/// Such a line, with its line feed.
std::string netscape_line(const cookie& of);

/// A host or a domain in the form in which they are compared: lower case, no dots behind.
std::string comparable_host(std::string_view host);

} // namespace portico::http::detail
