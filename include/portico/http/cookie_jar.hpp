// cookie_jar: what servers want to have sent back (RFC 6265, and what 6265bis adds to it). No I/O and no clock.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <portico/wire/url.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace portico::inline v0_1::http {

namespace detail {

struct cookie {
    std::string name, value, domain, path;
    std::optional<std::chrono::sys_seconds> expiry;
    bool host_only = false, secure = false, http_only = false;
};

} // namespace detail

/// The cookies of all servers that were talked to.
///
/// A cookie goes back to the host that set it, or to a whole domain where the server says so; not to one under which
/// strangers register names (the public suffix list of libpsl), and not where the host is an address. A secure one is
/// taken and sent over https only, or on this machine (`localhost`, `127.0.0.1`, `::1`), and http can neither replace
/// nor hide it. The prefixes `__Secure-` and `__Host-` are honoured. SameSite does not matter, because no page asks.
///
/// It is bounded: a name and its value have at most 4096 bytes, a path 1024, a domain 180 cookies (as many as
/// browsers keep), all together 3000. The oldest cookie makes room, but a secure one never for one that is not.
class cookie_jar {
public:
    using time = std::chrono::sys_seconds; ///< wall clock

    /// Keeps the cookie of one Set-Cookie field of a response from this URL, for 400 days at the most; or removes it,
    /// if it has expired. What breaks the rules is ignored, as browsers do: a value without a name, a control
    /// character, a tab in name, value or path, more bytes than above, a foreign domain.
    void store(const url& from, std::string_view set_cookie, time now);

    /// The value of the Cookie field for a request: `a=1; b=2`, longer paths first, then what was stored first. It has
    /// at most 150 cookies and, with the name of the field, 8190 bytes: as curl does, it leaves out what comes behind.
    /// Empty if there is nothing to send.
    std::string header_for(const url& to, time now) const;

    /// Adds the cookies of a file that the user has chosen: lines in Netscape's format (with `#HttpOnly_` in front or
    /// without), and lines `Set-Cookie: ...`, which must name a domain. All other lines are passed over, and cookies
    /// that have expired. Returns how many cookies it took.
    std::size_t load(std::string_view text, time now);

    /// All that has not expired, in Netscape's format, as `load`, curl and wget read it. A cookie without an expiry,
    /// which a browser forgets when it ends, has 0 there. The text is as secret as a password.
    std::string save(time now) const;

private:
    bool insert(detail::cookie added, time now);
    bool make_room(const detail::cookie& added, time now);

    std::vector<detail::cookie> cookies_; // in the order in which they were first stored
};

} // namespace portico::http
