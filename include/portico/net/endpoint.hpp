// endpoint and address: where a socket is, and where a person says that it should be.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace portico::inline v0_1 {

/// A concrete socket address: an IPv4 or IPv6 address and a port, the name of a Unix socket, or nothing. A small value.
class endpoint {
public:
    /// What kind of address it is.
    enum class family : std::uint8_t { none, ipv4, ipv6, local };

    endpoint() noexcept = default;
    /// An IPv4 address, in network byte order, and a port.
    static endpoint ipv4(std::array<std::uint8_t, 4> address, std::uint16_t port) noexcept;
    /// An IPv6 address, in network byte order, a port and a zone.
    static endpoint ipv6(const std::array<std::uint8_t, 16>& address, std::uint16_t port, std::uint32_t scope_id = 0) noexcept;
    /// A Unix socket (unix(7)): the path of its file, of at most 107 bytes; `@` and an abstract name, of at most 107 (a
    /// file of such a name is `./@name`); or empty for one without a name. Throws `error` (`errc::malformed`) where it is
    /// longer, or a path with a NUL in it.
    static endpoint local(std::string_view path);

    enum family family() const noexcept { return family_; } ///< what kind of address it is
    /// Whether it is an IPv4 or IPv6 address.
    bool is_ip() const noexcept { return family_ == family::ipv4 || family_ == family::ipv6; }
    /// The address in network byte order: 4 bytes, 16 bytes, or none.
    std::span<const std::uint8_t> address() const noexcept;
    std::uint16_t port() const noexcept { return port_; } ///< in the byte order of the machine; of a Unix socket 0
    void port(std::uint16_t value) noexcept { port_ = value; } ///< sets it
    /// The zone of a link-local IPv6 address (RFC 4007), as the index of an interface; otherwise 0.
    std::uint32_t scope_id() const noexcept { return scope_id_; }
    void scope_id(std::uint32_t value) noexcept { scope_id_ = value; } ///< sets it
    /// Of a Unix socket: as `local` takes it.
    std::string_view path() const noexcept { return path_ ? std::string_view(*path_) : std::string_view(); }
    /// Whether the address is 0.0.0.0 or ::, which stand for every local address.
    bool is_unspecified() const noexcept;
    /// Of an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2): the IPv4 one, with its port; else the same.
    endpoint unmapped() const noexcept;
    /// Whether it is a Unix socket that has a file.
    bool has_file() const noexcept { return path_ && !path_->empty() && path_->front() != '@'; }
    /// Whether it is an address of a group (224.0.0.0/4, ff00::/8).
    bool is_multicast() const noexcept;
    /// Whether it is an address of this machine to itself (127.0.0.0/8, ::1).
    bool is_loopback() const noexcept;

    /// Whether all of it is the same.
    friend bool operator==(const endpoint& left, const endpoint& right) noexcept
    {
        return left.address_ == right.address_ && left.scope_id_ == right.scope_id_ && left.port_ == right.port_
            && left.family_ == right.family_ && left.path() == right.path();
    }

private:
    std::shared_ptr<const std::string> path_;
    std::array<std::uint8_t, 16> address_{};
    std::uint32_t scope_id_ = 0;
    std::uint16_t port_ = 0;
    enum family family_ = family::none;
};

/// `127.0.0.1:9999`, `[::1]:9999`, `[fe80::1%2]:9999`, `unix:/run/x.sock`, `unix:@name`, `unix:` for a Unix socket
/// without a name; `-` for none. Bytes of a name that are not printable ASCII are written as `\x01`.
std::string to_string(const endpoint& which);
/// The same of an IP address without its port and brackets: `127.0.0.1`, `::1`, `fe80::1%2`.
std::string address_text(const endpoint& which);

/// Where to listen or connect, as a person says it: a host (a name, or an IPv4 or IPv6 address) and a port or the name
/// of a service; or a Unix socket. Made by `tcp`, `udp` and `local`.
class address {
public:
    /// What it is an address for. A Unix socket is found by its path, whether streams or datagrams go through it.
    enum class protocol : std::uint8_t { tcp, udp, local };

    /// A host and a port; see the members of these names.
    address(protocol kind, std::string host, std::uint16_t port) : host_(std::move(host)), port_(port), kind_(kind) {}
    /// A host and a service.
    address(protocol kind, std::string host, std::string service)
        : host_(std::move(host)), service_(std::move(service)), kind_(kind) {}

    protocol kind() const noexcept { return kind_; } ///< what it is an address for
    /// A name or an address without brackets; empty stands for every local address. Of a Unix socket: its path.
    const std::string& host() const noexcept { return host_; }
    std::uint16_t port() const noexcept { return port_; } ///< 0 where there is a `service`
    /// The name of the port (`http`), to be looked up with the host; empty where the port is a number.
    const std::string& service() const noexcept { return service_; }

    /// Reads `HOST:PORT`, `[IPv6]:PORT`, `:PORT`, with a number or the name of a service for PORT; or `unix:PATH`,
    /// `unix:@NAME`. Throws `error` (`errc::malformed`) that says what is wrong.
    static address parse(std::string_view text, protocol kind = protocol::tcp);

private:
    std::string host_, service_;
    std::uint16_t port_ = 0;
    protocol kind_;
};

/// `localhost:9999`, `[::1]:http`, `*:9999`, `unix:/run/x.sock`.
std::string to_string(const address& which);

/// A TCP address: `tcp("localhost", 9999)`.
inline address tcp(std::string host, std::uint16_t port)
{
    return {address::protocol::tcp, std::move(host), port};
}
/// With the name of a service: `tcp("localhost", "http")`.
inline address tcp(std::string host, std::string service)
{
    return {address::protocol::tcp, std::move(host), std::move(service)};
}

/// A UDP address: `udp("localhost", 9999)`.
inline address udp(std::string host, std::uint16_t port)
{
    return {address::protocol::udp, std::move(host), port};
}
/// With the name of a service: `udp("localhost", "domain")`.
inline address udp(std::string host, std::string service)
{
    return {address::protocol::udp, std::move(host), std::move(service)};
}

/// A Unix socket: `local("/run/x.sock")`, or `local("@name")` in Linux's abstract namespace (see `endpoint::local`).
inline address local(std::string path)
{
    return {address::protocol::local, std::move(path), std::uint16_t(0)};
}

} // namespace portico

/// Endpoints are keys of unordered containers.
template <>
struct std::hash<portico::endpoint> {
    std::size_t operator()(const portico::endpoint& which) const noexcept; ///< the same for equal ones
};
