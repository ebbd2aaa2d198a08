// network: reading it, and looking for an address in it.
#include <portico/net/network.hpp>

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <portico/error.hpp>
#include <portico/net/resolver.hpp>
#include <portico/wire/text.hpp>

namespace portico::inline v0_1 {

namespace {

/// The address alone, with the bits behind the prefix cleared.
endpoint first_of(const endpoint& which, unsigned prefix) noexcept
{
    std::array<std::uint8_t, 16> octets{};
    std::ranges::copy(which.address(), octets.begin());
    for (unsigned index = prefix; index < 8 * octets.size(); ++index)
        octets[index / 8] &= static_cast<std::uint8_t>(~(0x80U >> index % 8));
    if (which.family() == endpoint::family::ipv6)
        return endpoint::ipv6(octets, 0);
    return endpoint::ipv4({octets[0], octets[1], octets[2], octets[3]}, 0);
}

[[noreturn]] void malformed(std::string_view text, std::string detail)
{
    throw error(errc::malformed, "read the network", text::escape(text), phase::none, std::move(detail));
}

unsigned parse_prefix(std::string_view text, std::string_view number, unsigned most)
{
    unsigned prefix = 0;
    const auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), prefix);
    if (code != std::errc() || end != number.data() + number.size() || prefix > most)
        malformed(text, fmt::format("the prefix of such an address has 0 to {} bits", most));
    return prefix;
}

} // namespace

network network::parse(std::string_view text)
{
    if (text == "unix:")
        return {endpoint::local({}), 0};
    const std::size_t slash = std::min(text.find('/'), text.size());
    const std::string_view literal = text.substr(0, slash);
    if (literal.find('%') != literal.npos)
        malformed(text, "a network has no zone");
    const auto found = parse_ip(literal);
    if (!found)
        malformed(text, "an IP address, ADDRESS/PREFIX or unix: was expected");
    const auto bits = static_cast<unsigned>(8 * found->address().size());
    const unsigned prefix = slash == text.size() ? bits : parse_prefix(text, text.substr(slash + 1), bits);
    const endpoint first = first_of(*found, prefix);
    if (first != *found)
        malformed(text, fmt::format("it has bits behind the prefix; {}/{} has not", address_text(first), prefix));
    return containing(first, prefix);
}

network network::containing(const endpoint& address, unsigned prefix) noexcept
{
    const auto bits = static_cast<unsigned>(8 * address.address().size());
    const endpoint first = first_of(address, std::min(prefix, bits)).unmapped();
    return {first, std::min(prefix, bits) - (bits - static_cast<unsigned>(8 * first.address().size()))};
}

bool network::contains(const endpoint& which) const noexcept
{
    if (!first_.is_ip() || !which.is_ip())
        return first_.family() == which.family();
    return first_of(which.unmapped(), prefix_) == first_;
}

std::string to_string(const network& which)
{
    if (!which.first_.is_ip())
        return "unix:";
    const bool is_single = which.prefix_ == 8 * which.first_.address().size();
    return is_single ? address_text(which.first_) : fmt::format("{}/{}", address_text(which.first_), which.prefix_);
}

} // namespace portico
