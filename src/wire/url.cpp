// URLs: splitting and resolution after RFC 3986, with the practice of curl and browsers where it says no more.
#include <portico/wire/url.hpp>

#include "wire/ip_literal.hpp"
#include <algorithm>
#include <cstddef>
#include <portico/error.hpp>
#include <portico/wire/text.hpp>
#include <utility>
#include <vector>

namespace portico::inline v0_1 {

namespace {

/// Errors end up in logs, where a password must not be: not even one that holds a slash, and so is no userinfo.
std::string without_userinfo(std::string_view whole)
{
    const std::size_t begin = std::min(whole.find_first_not_of('/', whole.find(':') + 1), whole.size());
    const std::string_view before_query = whole.substr(begin, whole.find_first_of("?#", begin) - begin);
    const std::string_view authority = before_query.substr(0, before_query.find('/'));
    const std::size_t at = (authority.find(':') == authority.npos ? authority : before_query).rfind('@');
    return std::string(whole).erase(begin, at + 1);
}

[[noreturn]] void fail(std::string_view whole, std::string why)
{
    throw error(errc::malformed, "parse URL", text::escape(without_userinfo(whole), 200), phase::none, std::move(why));
}

bool is_web(std::string_view scheme)
{
    return scheme == "http" || scheme == "https";
}

std::optional<std::uint16_t> default_port(std::string_view scheme)
{
    if (scheme == "http")
        return std::uint16_t{80};
    if (scheme == "https")
        return std::uint16_t{443};
    return std::nullopt;
}

std::string lower(std::string_view text)
{
    std::string result(text);
    std::ranges::transform(result, result.begin(), text::to_lower);
    return result;
}

/// The text without the spaces around it; throws if it holds a control character.
std::string_view checked(std::string_view whole)
{
    const auto control = std::ranges::find_if(whole, text::is_control);
    if (control != whole.end())
        fail(whole, "it holds the control character " + text::escape({&*control, 1}));
    const std::size_t first = std::min(whole.find_first_not_of(' '), whole.size());
    return whole.substr(first, whole.find_last_not_of(' ') + 1 - first);
}

std::string encode(std::string_view text)
{
    constexpr std::string_view digits = "0123456789ABCDEF", no_place = "\"<>\\^`{|}";
    std::string result;
    result.reserve(text.size());
    for (const char character : text) {
        const auto octet = static_cast<unsigned char>(character);
        if (octet > 0x20 && octet < 0x7f && no_place.find(character) == no_place.npos)
            result += character;
        else
            result += {'%', digits[octet >> 4], digits[octet & 15]};
    }
    return result;
}

std::optional<std::string> encode(std::optional<std::string_view> text)
{
    if (!text)
        return std::nullopt;
    return encode(*text);
}

struct parts {
    std::optional<std::string_view> scheme, authority, query, fragment;
    std::string_view path;
};

std::optional<std::string_view> cut_at(std::string_view& text, char mark)
{
    const std::size_t position = text.find(mark);
    if (position == text.npos)
        return std::nullopt;
    const std::string_view behind = text.substr(position + 1);
    text = text.substr(0, position);
    return behind;
}

std::optional<std::string_view> cut_scheme(std::string_view& text)
{
    const std::size_t colon = text.find(':');
    const std::string_view scheme = text.substr(0, colon);
    const bool valid =
        colon != text.npos && colon > 0 && text::is_letter(text[0]) && std::ranges::all_of(scheme, [](char character) {
            return text::is_letter(character) || text::is_digit(character) || character == '+' || character == '-'
                   || character == '.';
        });
    if (!valid)
        return std::nullopt;
    text.remove_prefix(colon + 1);
    return scheme;
}

/// RFC 3986 appendix B; one or three slashes behind http: and https: do as two.
parts split(std::string_view text)
{
    parts found;
    found.fragment = cut_at(text, '#');
    found.query = cut_at(text, '?');
    found.scheme = cut_scheme(text);
    std::size_t slashes = std::min(text.find_first_not_of('/'), text.size());
    if (slashes > 3 || !is_web(lower(found.scheme.value_or(""))))
        slashes = text.starts_with("//") ? 2 : 0;
    if (slashes > 0) {
        text.remove_prefix(slashes);
        const std::size_t length = std::min(text.find('/'), text.size());
        found.authority = text.substr(0, length);
        text.remove_prefix(length);
    }
    found.path = text;
    return found;
}

/// RFC 3986 section 5.2.4, for a path that begins with a slash; "%2e" is a dot too.
std::string remove_dot_segments(std::string_view path)
{
    std::vector<std::string_view> kept;
    while (!path.empty()) {
        path.remove_prefix(1);
        const std::string_view segment = path.substr(0, path.find('/'));
        path.remove_prefix(segment.size());
        const std::string plain = segment.size() <= 6 ? percent_decode(segment) : std::string();
        const bool here = plain == ".", up = plain == "..";
        if (up && !kept.empty())
            kept.pop_back();
        if (!here && !up)
            kept.push_back(segment);
        else if (path.empty())
            kept.emplace_back();
    }
    std::string result;
    for (const std::string_view segment : kept)
        result.append("/").append(segment);
    return result;
}

/// What is between the brackets: an address, and perhaps a zone, as `address%zone`.
std::string ipv6_host(std::string_view text, std::string_view whole)
{
    std::optional<std::string_view> zone = cut_at(text, '%');
    if (!is_ipv6(text))
        fail(whole, "what is in brackets is no IPv6 address: " + text::escape(text));
    if (!zone)
        return lower(text);
    zone->remove_prefix(zone->starts_with("25") ? 2 : 0);
    const std::string name = percent_decode(*zone);
    const bool valid = !name.empty() && std::ranges::all_of(name, [](char character) {
        return text::is_letter(character) || text::is_digit(character) || std::string_view("-._~").find(character) < 4;
    });
    if (!valid)
        fail(whole, "the zone of the IPv6 address is no name of an interface: " + text::escape(*zone));
    return lower(text) + '%' + name;
}

std::string named_host(std::string_view text, std::string_view whole)
{
    constexpr std::string_view no_place = " \"#%/:<>?@[\\]^`{|}";
    std::string host = lower(percent_decode(text));
    for (const char character : host) {
        if (static_cast<unsigned char>(character) >= 0x80)
            fail(whole, "the host is not ASCII: " + text::escape(host));
        if (text::is_control(character) || no_place.find(character) != no_place.npos)
            fail(whole, "the host holds the character '" + text::escape({&character, 1}) + "'");
    }
    return host;
}

std::optional<std::uint16_t> parse_port(std::string_view text, std::string_view whole)
{
    unsigned value = 0;
    for (const char digit : text) {
        value = text::is_digit(digit) ? value * 10 + static_cast<unsigned>(digit - '0') : 65536;
        if (value > 65535)
            fail(whole, "the port is no number up to 65535" + (whole.find('@') == whole.npos ? ": " + text::escape(text) : ""));
    }
    if (text.empty())
        return std::nullopt;
    return static_cast<std::uint16_t>(value);
}

} // namespace

url::url(std::string_view text)
{
    const parts found = split(checked(text));
    if (!found.scheme)
        fail(text, "it has no scheme, such as http://");
    scheme_ = lower(*found.scheme);
    set_authority(found.authority, text);
    set_path(found.path);
    query_ = encode(found.query);
    fragment_ = encode(found.fragment);
}

url url::resolve(std::string_view reference) const
{
    const parts found = split(checked(reference));
    if (found.scheme)
        return url(reference);
    url result = *this;
    if (found.authority)
        result.set_authority(found.authority, reference);
    if (found.authority || found.path.starts_with('/'))
        result.set_path(found.path);
    else if (!found.path.empty())
        result.set_path(path_.substr(0, path_.rfind('/') + 1).append(found.path));
    if (found.authority || !found.path.empty() || found.query)
        result.query_ = encode(found.query);
    result.fragment_ = encode(found.fragment);
    return result;
}

void url::set_authority(std::optional<std::string_view> text, std::string_view whole)
{
    has_authority_ = text.has_value();
    std::string_view rest = text.value_or("");
    if (rest.find('\\') != rest.npos)
        fail(whole, "a backslash is not allowed before the path");
    userinfo_.reset();
    if (const std::size_t at = rest.rfind('@'); at != rest.npos) {
        userinfo_ = encode(rest.substr(0, at));
        rest.remove_prefix(at + 1);
    }
    if (rest.starts_with('[')) {
        const std::size_t end = rest.find(']');
        if (end == rest.npos)
            fail(whole, "the bracket of the IPv6 address is not closed");
        host_ = ipv6_host(rest.substr(1, end - 1), whole);
        rest.remove_prefix(end + 1);
        if (!rest.empty() && rest[0] != ':')
            fail(whole, "behind the IPv6 address there is neither a port nor a path: " + text::escape(rest));
        port_ = parse_port(rest.substr(rest.empty() ? 0 : 1), whole);
    } else {
        port_ = parse_port(cut_at(rest, ':').value_or(""), whole);
        host_ = named_host(rest, whole);
    }
    if (is_web(scheme_) && host_.empty())
        fail(whole, "it names no host");
}

void url::set_path(std::string_view path)
{
    path_ = encode(path.starts_with('/') ? remove_dot_segments(path) : path);
    if (path_.empty() && has_authority_)
        path_ = "/";
}

std::string url::user() const
{
    const std::string_view info = userinfo_ ? std::string_view(*userinfo_) : std::string_view();
    return percent_decode(info.substr(0, info.find(':')));
}

std::string url::password() const
{
    std::string_view info = userinfo_ ? std::string_view(*userinfo_) : std::string_view();
    return percent_decode(cut_at(info, ':').value_or(""));
}

std::optional<std::uint16_t> url::port() const noexcept
{
    return port_ ? port_ : default_port(scheme_);
}

std::string url::authority(bool with_zone) const
{
    std::string text = host_;
    if (host_.find(':') != host_.npos) {
        const std::size_t zone = std::min(host_.find('%'), host_.size());
        text = '[' + host_.substr(0, zone);
        if (with_zone && zone < host_.size())
            text += "%25" + host_.substr(zone + 1);
        text += ']';
    }
    if (port_ && port_ != default_port(scheme_))
        text += ':' + std::to_string(*port_);
    return text;
}

std::string url::target() const
{
    return query_ ? path_ + '?' + *query_ : path_;
}

std::string url::to_string() const
{
    std::string text = scheme_ + ':';
    if (has_authority_)
        text += "//" + authority(true);
    else if (path_.starts_with("//"))
        text += "/."; // or else the path would be read as an authority
    text += target();
    return fragment_ ? text + '#' + *fragment_ : text;
}

std::string percent_decode(std::string_view text)
{
    std::string result;
    result.reserve(text.size());
    for (std::size_t position = 0; position < text.size(); ++position) {
        const int high = position + 2 < text.size() ? text::hex_value(text[position + 1]) : -1;
        const int low = position + 2 < text.size() ? text::hex_value(text[position + 2]) : -1;
        if (text[position] == '%' && high >= 0 && low >= 0) {
            result += static_cast<char>(high * 16 + low);
            position += 2;
        } else {
            result += text[position];
        }
    }
    return result;
}

} // namespace portico
