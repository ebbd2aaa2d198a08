// cookie_jar: which cookies are kept, and which go where.
#include <portico/http/cookie_jar.hpp>

#include "http/cookie.hpp"
#include <algorithm>
#include <functional>
#include <libpsl.h>
#include <portico/wire/text.hpp>
#include <utility>

namespace portico::inline v0_1::http {

namespace {

using detail::cookie;

constexpr std::size_t longest_cookie = 4096, longest_path = 1024;
constexpr std::size_t longest_value = 8190 - std::string_view("Cookie: ").size();
constexpr std::size_t most_sent = 150, most_of_domain = 180, most_cookies = 3000;

/// Whether what connects may take it for an address, also in the short and hexadecimal forms that only it knows: it
/// has a colon, or its last label is a number.
bool is_address(std::string_view host)
{
    std::string_view last = host.substr(host.rfind('.') + 1);
    const bool hexadecimal = last.starts_with("0x");
    last.remove_prefix(hexadecimal ? 2 : 0);
    const auto digit = [hexadecimal](char each) {
        return hexadecimal ? text::hex_value(each) >= 0 : text::is_digit(each);
    };
    return host.find(':') != host.npos || ((hexadecimal || !last.empty()) && std::ranges::all_of(last, digit));
}

bool is_public_suffix(const std::string& domain)
{
    const psl_ctx_t* list = psl_builtin(); // null: the library was built without it
    return list ? psl_is_public_suffix(list, domain.c_str()) != 0 : domain.find('.') == domain.npos;
}

/// RFC 6265 section 5.1.3.
bool domain_matches(std::string_view host, std::string_view domain)
{
    return host == domain
           || (host.size() > domain.size() && host.ends_with(domain) && host[host.size() - domain.size() - 1] == '.'
               && !is_address(host));
}

/// RFC 6265 section 5.1.4.
bool path_matches(std::string_view path, std::string_view of_cookie)
{
    return path.starts_with(of_cookie)
           && (path.size() == of_cookie.size() || of_cookie.ends_with('/') || path[of_cookie.size()] == '/');
}

std::string default_path(std::string_view path)
{
    return std::string(path.substr(0, std::max<std::size_t>(path.rfind('/'), 1)));
}

bool is_confidential(const url& of, std::string_view host)
{
    return of.scheme() == "https" || host == "localhost" || host == "127.0.0.1" || host == "::1";
}

/// RFC 6265 section 5.3, steps 4 to 6; false if the cookie is to be ignored.
bool settle_domain(cookie& added, const std::string& host)
{
    const bool given = !added.domain.empty();
    if (!given)
        added.domain = host;
    const bool shared = is_public_suffix(added.domain);
    if (added.domain != host && (shared || !domain_matches(host, added.domain)))
        return false;
    added.host_only = !given || shared || is_address(host);
    return true;
}

bool has_prefix(const cookie& of, std::string_view prefix)
{
    return text::equals_ignoring_case(std::string_view(of.name).substr(0, prefix.size()), prefix);
}

/// What holds for every cookie, wherever it comes from.
bool is_valid(const cookie& added)
{
    const auto printable = [](char each) { return each > ' ' && each < 0x7f && each != '#'; };
    const auto has_control = [](std::string_view text) { return std::ranges::any_of(text, text::is_control); };
    if (added.domain.empty() || added.domain.starts_with('.') || !std::ranges::all_of(added.domain, printable))
        return false;
    if (added.name.empty() || has_control(added.name) || has_control(added.value) || has_control(added.path))
        return false;
    if (added.name.size() + added.value.size() > longest_cookie || added.path.size() > longest_path)
        return false;
    return added.path.starts_with('/') && (added.secure || !has_prefix(added, "__Secure-"))
           && (!has_prefix(added, "__Host-") || (added.secure && added.host_only && added.path == "/"));
}

bool has_expired(const cookie& each, cookie_jar::time now)
{
    return each.expiry && *each.expiry <= now;
}

/// Whether the cookie, which came in the clear, would be sent beside or in place of this secure one (RFC 6265bis
/// section 5.7, step 15).
bool hides(const cookie& added, const cookie& secure)
{
    return secure.secure && secure.name == added.name && path_matches(added.path, secure.path)
           && (domain_matches(added.domain, secure.domain) || domain_matches(secure.domain, added.domain));
}

/// A cookie of a line of a file; nothing if it has none that can be used.
std::optional<cookie> parse_line(std::string_view line, cookie_jar::time now)
{
    constexpr std::string_view field = "Set-Cookie:";
    auto found = detail::parse_netscape_line(line);
    if (!found && text::equals_ignoring_case(line.substr(0, field.size()), field))
        found = detail::parse_set_cookie(line.substr(field.size()), now);
    if (!found)
        return std::nullopt;
    if (found->path.empty())
        found->path = "/";
    found->host_only = found->host_only || is_address(found->domain);
    return is_valid(*found) ? found : std::nullopt;
}

} // namespace

void cookie_jar::store(const url& from, std::string_view set_cookie, time now)
{
    auto added = detail::parse_set_cookie(set_cookie, now);
    const std::string host = detail::comparable_host(from.host());
    if (!added || !settle_domain(*added, host))
        return;
    if (added->path.empty() && !has_prefix(*added, "__Host-"))
        added->path = default_path(from.path());
    const auto hidden = [&added](const cookie& each) { return hides(*added, each); };
    if (!is_confidential(from, host) && (added->secure || std::ranges::any_of(cookies_, hidden)))
        return;
    if (is_valid(*added))
        insert(std::move(*added), now);
}

std::string cookie_jar::header_for(const url& to, time now) const
{
    const std::string host = detail::comparable_host(to.host());
    const bool confidential = is_confidential(to, host);
    std::vector<const cookie*> chosen;
    for (const cookie& each : cookies_)
        if ((each.host_only ? host == each.domain : domain_matches(host, each.domain))
            && path_matches(to.path(), each.path) && (confidential || !each.secure) && !has_expired(each, now))
            chosen.push_back(&each);
    std::ranges::stable_sort(chosen, std::greater(), [](const cookie* each) { return each->path.size(); });
    chosen.resize(std::min(chosen.size(), most_sent));
    std::string value;
    for (const cookie* each : chosen) {
        const std::string_view mark = value.empty() ? "" : "; ";
        if (value.size() + mark.size() + each->name.size() + 1 + each->value.size() > longest_value)
            break;
        value.append(mark).append(each->name).append("=").append(each->value);
    }
    return value;
}

std::size_t cookie_jar::load(std::string_view text, time now)
{
    std::size_t taken = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (auto found = parse_line(line.substr(0, line.size() - (line.ends_with('\r') ? 1 : 0)), now))
            taken += insert(std::move(*found), now) ? 1 : 0;
    }
    return taken;
}

std::string cookie_jar::save(time now) const
{
    std::string text = "# Netscape HTTP Cookie File\n\n";
    for (const cookie& each : cookies_)
        if (!has_expired(each, now))
            text += detail::netscape_line(each);
    return text;
}

bool cookie_jar::insert(cookie added, time now)
{
    const auto same = std::ranges::find_if(cookies_, [&added](const cookie& each) {
        return each.name == added.name && each.domain == added.domain && each.host_only == added.host_only
               && each.path == added.path;
    });
    const bool expired = has_expired(added, now);
    if (same == cookies_.end()) {
        if (expired || !make_room(added, now))
            return false;
        cookies_.push_back(std::move(added));
    } else if (expired) {
        cookies_.erase(same);
    } else {
        *same = std::move(added);
    }
    return !expired;
}

bool cookie_jar::make_room(const cookie& added, time now)
{
    const auto beside = [&added](const cookie& each) { return each.domain == added.domain; };
    const auto domain_is_full = [&] {
        return static_cast<std::size_t>(std::ranges::count_if(cookies_, beside)) >= most_of_domain;
    };
    if (cookies_.size() < most_of_domain || (cookies_.size() < most_cookies && !domain_is_full()))
        return true;
    std::erase_if(cookies_, [now](const cookie& each) { return has_expired(each, now); });
    const bool full = domain_is_full();
    if (!full && cookies_.size() < most_cookies)
        return true;
    const auto first = [&](bool secure_too) {
        return std::ranges::find_if(
            cookies_, [&](const cookie& each) { return (!full || beside(each)) && (secure_too || !each.secure); });
    };
    auto leaving = first(false);
    if (leaving == cookies_.end() && added.secure)
        leaving = first(true);
    if (leaving == cookies_.end())
        return false;
    cookies_.erase(leaving);
    return true;
}

} // namespace portico::http
