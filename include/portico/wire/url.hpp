// URLs (RFC 3986): parsed strictly where a host is named, kindly where only a path or a query is; no I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portico::inline v0_1 {

/// A URL, taken apart and normalised. Any scheme is accepted; http and https get the rules of the web: a default port
/// (80, 443), a host that must be there, and one to three slashes behind the colon, as curl and browsers take them.
///
/// What is accepted, and what becomes of it:
/// - Spaces at the ends are dropped. Control characters (NUL, CR, LF, tab ...) are refused anywhere, as curl does.
/// - In path, query and fragment, a byte that RFC 3986 has no place for (space, `"<>\^{|}` and the backtick, all above
///   ASCII) is percent-encoded, as browsers do. A percent sign that starts no escape stays as it is.
/// - Dot segments (also written `%2e`) are removed from a path that begins with a slash; an empty path behind a host
///   becomes "/".
/// - The host is percent-decoded and put into lower case, and must then be ASCII without the characters that mean
///   something in a URL; names in other scripts are refused. Addresses such as `0x7f.1` are names to this class.
/// - In brackets there is an IPv6 address, with a zone after `%25` (RFC 6874) or `%`.
/// - The port is a number up to 65535, or nothing (`http://host:/`), which means the default.
/// - The userinfo ends at the last `@` before the path; a backslash is refused there and in the host, where parsers
///   disagree on what it means.
class url {
public:
    /// Parses an absolute URL. Throws `error` (`errc::malformed`) that says what is wrong with which URL, and leaves
    /// its userinfo out: `parse URL http://[::1: the bracket of the IPv6 address is not closed`.
    explicit url(std::string_view text);

    /// The URL that a reference (a `Location` field, a link) means when it is found here: RFC 3986 section 5.2.
    /// Throws as the constructor does. The userinfo stays if the reference names no authority.
    url resolve(std::string_view reference) const;

    /// In lower case, without the colon.
    const std::string& scheme() const noexcept { return scheme_; }
    /// User and password as written, without the `@`, percent-encoded; nothing if there is no `@`.
    const std::optional<std::string>& userinfo() const noexcept { return userinfo_; }
    /// The part of the userinfo before the first colon, decoded.
    std::string user() const;
    /// The part of the userinfo after the first colon, decoded.
    std::string password() const;
    /// What to connect to: a name, an IPv4 address, or an IPv6 address without brackets and with its zone
    /// (`fe80::1%eth0`). Empty if the URL has none (`file:///etc/hosts`), which http and https do not allow.
    const std::string& host() const noexcept { return host_; }
    /// The port that is written, or else the scheme's default; nothing for a scheme whose default is not known here.
    std::optional<std::uint16_t> port() const noexcept;
    /// Percent-encoded as sent, never decoded.
    const std::string& path() const noexcept { return path_; }
    const std::optional<std::string>& query() const noexcept { return query_; } ///< behind `?`
    const std::optional<std::string>& fragment() const noexcept { return fragment_; } ///< behind `#`

    /// Host and port as the Host field has them (RFC 9110 section 7.2): IPv6 in brackets and without its zone, which
    /// means nothing to a peer; the port only where it is not the scheme's default.
    std::string authority() const { return authority(false); }
    /// Path and query, as the request line has them (origin-form, RFC 9112 section 3.2.1): no fragment, no userinfo.
    std::string target() const;
    /// The whole URL without its userinfo, so that it may be shown and logged.
    std::string to_string() const;

private:
    void set_authority(std::optional<std::string_view> text, std::string_view whole);
    void set_path(std::string_view path);
    std::string authority(bool with_zone) const;

    std::string scheme_;
    bool has_authority_ = false;
    std::optional<std::string> userinfo_;
    std::string host_;
    std::optional<std::uint16_t> port_;
    std::string path_;
    std::optional<std::string> query_;
    std::optional<std::string> fragment_;
};

/// Every `%` with two hexadecimal digits behind it as the byte it stands for; everything else as it is. The result may
/// hold any byte, NUL and `/` too: check it before it becomes a file name.
std::string percent_decode(std::string_view text);

} // namespace portico
