// endpoint and address: where a socket is, and where a person says that it should be.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace portico {

/// A concrete socket address: an IPv4 or IPv6 address and a port, or nothing. A small value.
class endpoint {
public:
    enum class family : std::uint8_t { none, ipv4, ipv6 };

    endpoint() noexcept = default;
    static endpoint ipv4(std::array<std::uint8_t, 4> address, std::uint16_t port) noexcept;
    static endpoint ipv6(const std::array<std::uint8_t, 16>& address, std::uint16_t port, std::uint32_t scope_id = 0) noexcept;

    enum family family() const noexcept { return family_; }
    /// The address in network byte order: 4 bytes, 16 bytes, or none.
    std::span<const std::uint8_t> address() const noexcept;
    std::uint16_t port() const noexcept { return port_; }
    void port(std::uint16_t value) noexcept { port_ = value; }
    /// The zone of a link-local IPv6 address (RFC 4007), as the index of an interface; otherwise 0.
    std::uint32_t scope_id() const noexcept { return scope_id_; }
    /// Whether the address is 0.0.0.0 or ::, which stand for every local address.
    bool is_unspecified() const noexcept;

    friend bool operator==(const endpoint&, const endpoint&) noexcept = default;

private:
    std::array<std::uint8_t, 16> address_{};
    std::uint32_t scope_id_ = 0;
    std::uint16_t port_ = 0;
    enum family family_ = family::none;
};

/// `127.0.0.1:9999`, `[::1]:9999`, `[fe80::1%2]:9999`; `-` for none.
std::string to_string(const endpoint& which);

/// Where to listen or connect, as a person says it: a host (a name, or an IPv4 or IPv6 address) and a port.
class address {
public:
    address(std::string host, std::uint16_t port) : host_(std::move(host)), port_(port) {}

    /// A name or an address without brackets; empty stands for every local address.
    const std::string& host() const noexcept { return host_; }
    std::uint16_t port() const noexcept { return port_; }

    /// Reads `HOST:PORT`, `[IPv6]:PORT` or `:PORT`. Throws `error` (`errc::malformed`) that says what is wrong.
    static address parse(std::string_view text);

private:
    std::string host_;
    std::uint16_t port_;
};

/// `localhost:9999`, `[::1]:9999`, `*:9999`.
std::string to_string(const address& which);

/// A TCP address: `tcp("localhost", 9999)`.
inline address tcp(std::string host, std::uint16_t port)
{
    return {std::move(host), port};
}

} // namespace portico

template <>
struct std::hash<portico::endpoint> {
    std::size_t operator()(const portico::endpoint& which) const noexcept;
};
