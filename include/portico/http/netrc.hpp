// netrc: which login a .netrc file has for a host. No I/O: the text is given.
#pragma once

#include <optional>
#include <portico/http/login.hpp>
#include <string_view>

namespace portico::inline v0_1::http {

/// The login that the text of a .netrc file has for a host (names are compared without case): that of the first entry
/// `machine HOST`, or `default`, which stands for every host. Where a user is given, only an entry with this login and
/// a password counts, or one with a password and no login at all; the result then has this user. Where none is given,
/// an entry without `login` or without `password` gives an empty one, and an entry with neither is passed over.
///
/// Words are divided by blanks and line ends. A word in quotation marks holds blanks, and `\"`, `\\`, `\n`, `\r` and
/// `\t`; elsewhere a backslash is itself. Where a keyword may stand, `#` begins a comment that ends with the line.
/// `account` and words that are not known are passed over; `macdef` is, up to an empty line.
///
/// Throws `error` (`errc::malformed`, operation "parse netrc"), which names the line and nothing of what is in it:
/// where a quotation mark is not closed within its line, or a value is missing.
std::optional<login> netrc_login(std::string_view text, std::string_view host, std::string_view user = {});

} // namespace portico::http
