// endpoint and address: reading and writing them as text (RFC 5952 for IPv6).
#include <portico/net/endpoint.hpp>

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <portico/error.hpp>

namespace portico {

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

std::span<const std::uint8_t> endpoint::address() const noexcept
{
    const std::size_t size = family_ == family::ipv6 ? 16 : family_ == family::ipv4 ? 4 : 0;
    return {address_.data(), size};
}

bool endpoint::is_unspecified() const noexcept
{
    return std::ranges::all_of(address(), [](std::uint8_t each) { return each == 0; });
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

std::uint16_t parse_port(std::string_view digits, std::string_view text)
{
    std::uint16_t port = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (digits.empty() || code != std::errc() || end != digits.data() + digits.size())
        throw error(errc::malformed, "parse address", std::string(text), phase::none,
                    fmt::format("\"{}\" is no port (0 to 65535)", digits));
    return port;
}

[[noreturn]] void malformed(std::string_view text, const char* detail)
{
    throw error(errc::malformed, "parse address", std::string(text), phase::none, detail);
}

} // namespace

std::string to_string(const endpoint& which)
{
    const auto octets = which.address();
    switch (which.family()) {
    case endpoint::family::none: break;
    case endpoint::family::ipv4:
        return fmt::format("{}.{}.{}.{}:{}", octets[0], octets[1], octets[2], octets[3], which.port());
    case endpoint::family::ipv6:
        return which.scope_id() == 0
                 ? fmt::format("[{}]:{}", ipv6_text(octets), which.port())
                 : fmt::format("[{}%{}]:{}", ipv6_text(octets), which.scope_id(), which.port());
    }
    return "-";
}

address address::parse(std::string_view text)
{
    if (text.find('\0') != text.npos)
        malformed(text.substr(0, text.find('\0')), "it contains a NUL");
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == text.npos || text.find(':') > end || end + 1 >= text.size() || text[end + 1] != ':')
            malformed(text, "[IPv6]:PORT was expected");
        return {std::string(text.substr(1, end - 1)), parse_port(text.substr(end + 2), text)};
    }
    const std::size_t colon = text.rfind(':');
    if (colon == text.npos)
        malformed(text, "HOST:PORT was expected");
    if (text.find(':') != colon)
        malformed(text, "an IPv6 address is written in brackets: [::1]:PORT");
    return {std::string(text.substr(0, colon)), parse_port(text.substr(colon + 1), text)};
}

std::string to_string(const address& which)
{
    if (which.host().empty())
        return fmt::format("*:{}", which.port());
    const bool is_ipv6 = which.host().find(':') != std::string::npos;
    return is_ipv6 ? fmt::format("[{}]:{}", which.host(), which.port())
                   : fmt::format("{}:{}", which.host(), which.port());
}

} // namespace portico

std::size_t std::hash<portico::endpoint>::operator()(const portico::endpoint& which) const noexcept
{
    const auto octets = which.address();
    const std::string_view text(reinterpret_cast<const char*>(octets.data()), octets.size());
    return std::hash<std::string_view>()(text) * 31 + which.port();
}
