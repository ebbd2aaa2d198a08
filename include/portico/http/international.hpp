// URLs as people and servers write them: without a scheme, with hosts in any script, references as browsers read them.
#pragma once

#include <portico/wire/url.hpp>
#include <string_view>

namespace portico::inline v0_1::http {

/// The URL that a person means: as `url` parses it, and
/// - a text without "://" in front of its path gets "http://"; no scheme is guessed from the name of the host;
/// - a host beyond ASCII, percent-encoded or not, is UTF-8 and becomes ASCII by IDNA 2008 with the mapping of UTS 46,
///   non-transitional: `http://Bücher.example/` is `http://xn--bcher-kva.example/`; or, with characters that only IDNA
///   2003 allows (symbols), by the transitional mapping, as curl does. The result holds letters, digits, `-`, `_` and
///   dots alone: a character that maps to one with a meaning in a URL (U+2100 to "a/c") is refused.
/// Throws `error` (`errc::malformed`) that shows no userinfo.
url parse_url(std::string_view text);

/// The URL that a reference (a Location field) means when it is found at `base`: as `url::resolve`, with hosts in any
/// script, and as browsers do (WHATWG URL): spaces and control characters around it, and tabs and line ends in it, are
/// dropped, and with http and https a backslash before the query is a slash. Where curl differs from browsers, curl is
/// followed: `http:page` without a slash, more than three slashes and other control characters are refused, and
/// `http:/host/` names a host.
url resolve(const url& base, std::string_view reference);

} // namespace portico::http
