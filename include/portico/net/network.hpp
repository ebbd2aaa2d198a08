// network: a range of IP addresses, as who may do something is configured.
#pragma once

#include <portico/net/endpoint.hpp>
#include <string>
#include <string_view>

namespace portico::inline v0_1 {

/// The IP addresses that begin with the same bits (CIDR, RFC 4632 and RFC 4291 section 2.3), or all Unix sockets. A
/// small value. An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is the IPv4 address, here and in what is looked
/// for, and nothing else: `::/0` has no IPv4 address in it.
class network {
public:
    /// Reads `10.0.0.0/8`, `fe80::/10`, a single address (`::1`), or `unix:`, which every peer on a Unix socket is in.
    /// Throws `error` (`errc::malformed`) that says what is wrong; an address with bits behind the prefix is refused,
    /// because nobody knows which of the two was meant.
    static network parse(std::string_view text);
    /// The network of so many bits that an IP address is in; with as many as it has, the address alone.
    static network containing(const endpoint& address, unsigned prefix) noexcept;

    /// Whether an endpoint is in it, with whatever port and zone.
    bool contains(const endpoint& which) const noexcept;

    /// Whether they have the same addresses.
    friend bool operator==(const network&, const network&) noexcept = default;
    friend std::string to_string(const network& which);

private:
    network(endpoint first, unsigned prefix) noexcept : first_(std::move(first)), prefix_(prefix) {}

    endpoint first_; // an IPv4 address where it is one or is mapped to one
    unsigned prefix_;
};

/// As `network::parse` reads it: `10.0.0.0/8`, `::1`, `unix:`.
std::string to_string(const network& which);

} // namespace portico
