// endpoint and address: reading and writing them as text (RFC 5952 for IPv6).
#include <portico/net/endpoint.hpp>

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <portico/error.hpp>
#include <portico/wire/text.hpp>

namespace portico::inline v0_1 {

endpoint endpoint::ipv4(std::array<std::uint8_t, 4> address, std::uint16_t port) noexcept
{
    endpoint made;
    std::copy(address.begin(), address.end(), made.address_.begin());
    made.port_ = port;
    made.family_ = family::ipv4;
    return made;
}

endpoint endpoint::ipv6(const std::array<std::uint8_t, 16>& address, std::uint16_t port, std::uint32_t scope_id) noexcept
{
    endpoint made;
    made.address_ = address;
    made.scope_id_ = scope_id;
    made.port_ = port;
    made.family_ = family::ipv6;
    return made;
}

endpoint endpoint::local(std::string_view path)
{
    const bool is_abstract = path.starts_with('@');
    const auto refuse = [&](const char* why) {
        throw error(errc::malformed, "use the Unix socket", text::escape(path), phase::none, why);
    };
    if (path.size() > (is_abstract ? 108 : 107)) // sun_path has 108 bytes, and a path ends with a NUL
        refuse("a path or a name has at most 107 bytes");
    if (!is_abstract && path.find('\0') != path.npos)
        refuse("it contains a NUL");
    endpoint made;
    made.family_ = family::local;
    if (!path.empty())
        made.path_ = std::make_shared<const std::string>(path);
    return made;
}

std::span<const std::uint8_t> endpoint::address() const noexcept
{
    const std::size_t size = family_ == family::ipv6 ? 16 : family_ == family::ipv4 ? 4 : 0;
    return {address_.data(), size};
}

bool endpoint::is_unspecified() const noexcept
{
    return is_ip() && std::ranges::all_of(address(), [](std::uint8_t each) { return each == 0; });
}

endpoint endpoint::unmapped() const noexcept
{
    constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (family_ != family::ipv6 || !std::ranges::equal(std::span(address_).first(mapped.size()), mapped))
        return *this;
    return ipv4({address_[12], address_[13], address_[14], address_[15]}, port_);
}

bool endpoint::is_multicast() const noexcept
{
    return family_ == family::ipv4 ? (address_[0] & 0xf0) == 0xe0 : family_ == family::ipv6 && address_[0] == 0xff;
}

bool endpoint::is_loopback() const noexcept
{
    if (family_ == family::ipv4)
        return address_[0] == 127;
    const auto before_last = std::span(address_).first(15);
    return family_ == family::ipv6 && address_[15] == 1
        && std::ranges::all_of(before_last, [](std::uint8_t each) { return each == 0; });
}

namespace {

// RFC 5952: the longest run of two or more zero groups becomes "::", the first of several.
std::string ipv6_text(std::span<const std::uint8_t> octets)
{
    std::array<unsigned, 8> groups{};
    for (std::size_t i = 0; i < 8; ++i)
        groups[i] = static_cast<unsigned>(octets[2 * i] << 8 | octets[2 * i + 1]);
    if (std::ranges::all_of(octets.first(10), [](std::uint8_t each) { return each == 0; }) && groups[5] == 0xffff)
        return fmt::format("::ffff:{}.{}.{}.{}", octets[12], octets[13], octets[14], octets[15]);
    std::size_t best = 8, best_length = 1;
    for (std::size_t i = 0; i < 8; ++i) {
        std::size_t length = 0;
        while (i + length < 8 && groups[i + length] == 0)
            ++length;
        if (length > best_length)
            best = i, best_length = length;
    }
    std::string text;
    for (std::size_t i = 0; i < 8; ++i) {
        if (i == best) {
            text += i == 0 ? "::" : ":";
            i += best_length - 1;
            continue;
        }
        fmt::format_to(std::back_inserter(text), "{:x}{}", groups[i], i == 7 ? "" : ":");
    }
    return text;
}

[[noreturn]] void malformed(std::string_view text, std::string detail)
{
    throw error(errc::malformed, "parse address", std::string(text), phase::none, std::move(detail));
}

// RFC 6335 section 5.1: 1 to 15 letters, digits and hyphens; old names have two other marks. The few that begin with a
// digit are not worth taking a number that is wrong for a name.
bool is_service_name(std::string_view name) noexcept
{
    return name.size() <= 15 && !name.empty() && text::is_letter(name.front()) && std::ranges::all_of(name, [](char each) {
               return text::is_letter(each) || text::is_digit(each) || each == '-' || each == '_' || each == '+';
           });
}

address with_port(address::protocol kind, std::string_view host, std::string_view port, std::string_view text)
{
    std::uint16_t number = 0;
    const auto [end, code] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (code == std::errc() && end == port.data() + port.size())
        return {kind, std::string(host), number};
    if (!is_service_name(port))
        malformed(text, fmt::format("\"{}\" is no port (0 to 65535)", port));
    return {kind, std::string(host), std::string(port)};
}

// A name is whatever its maker chose, and must not write to somebody's terminal.
std::string unix_text(std::string_view path)
{
    return "unix:" + text::escape(path, 108);
}

} // namespace

std::string address_text(const endpoint& which)
{
    const auto octets = which.address();
    switch (which.family()) {
    case endpoint::family::none: break;
    case endpoint::family::local: return unix_text(which.path());
    case endpoint::family::ipv4: return fmt::format("{}.{}.{}.{}", octets[0], octets[1], octets[2], octets[3]);
    case endpoint::family::ipv6:
        return which.scope_id() == 0 ? ipv6_text(octets) : fmt::format("{}%{}", ipv6_text(octets), which.scope_id());
    }
    return "-";
}

std::string to_string(const endpoint& which)
{
    if (!which.is_ip())
        return address_text(which);
    return fmt::format("{}:{}", which.family() == endpoint::family::ipv6 ? "[" + address_text(which) + "]" : address_text(which),
                       which.port());
}

address address::parse(std::string_view text, protocol kind)
{
    if (text.find('\0') != text.npos)
        malformed(text.substr(0, text.find('\0')), "it contains a NUL");
    if (text.starts_with("unix:")) {
        const std::string_view path = text.substr(5);
        if (path.empty() || path == "@" || path.size() > (path.starts_with('@') ? 108 : 107))
            malformed(text, "unix:PATH or unix:@NAME was expected, of 107 bytes at most");
        return portico::local(std::string(path));
    }
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == text.npos || text.find(':') > end || end + 1 >= text.size() || text[end + 1] != ':')
            malformed(text, "[IPv6]:PORT was expected");
        return with_port(kind, text.substr(1, end - 1), text.substr(end + 2), text);
    }
    const std::size_t colon = text.rfind(':');
    if (colon == text.npos)
        malformed(text, "HOST:PORT was expected");
    if (text.find(':') != colon)
        malformed(text, "an IPv6 address is written in brackets: [::1]:PORT");
    return with_port(kind, text.substr(0, colon), text.substr(colon + 1), text);
}

std::string to_string(const address& which)
{
    if (which.kind() == address::protocol::local)
        return unix_text(which.host());
    const std::string port = which.service().empty() ? std::to_string(which.port()) : which.service();
    if (which.host().empty())
        return "*:" + port;
    const bool is_ipv6 = which.host().find(':') != std::string::npos;
    return (is_ipv6 ? "[" + which.host() + "]:" : which.host() + ":") + port;
}

} // namespace portico

std::size_t std::hash<portico::endpoint>::operator()(const portico::endpoint& which) const noexcept
{
    const auto octets = which.address();
    const std::string_view text = which.family() == portico::endpoint::family::local
                                    ? which.path()
                                    : std::string_view(reinterpret_cast<const char*>(octets.data()), octets.size());
    return std::hash<std::string_view>()(text) * 31 + which.port();
}
