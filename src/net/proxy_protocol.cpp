// The PROXY protocol: reading and making its headers, without I/O.
#include <portico/net/proxy_protocol.hpp>

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <portico/error.hpp>
#include <portico/net/resolver.hpp>
#include <portico/wire/text.hpp>

namespace portico::inline v0_1 {

namespace {

// Version 1.
constexpr std::string_view word = "PROXY ", unknown = "UNKNOWN";
constexpr std::size_t longest_line = 107;

// Version 2.
constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t fixed_size = 16;                         // of what every header begins with
constexpr unsigned local_command = 0x20, proxy_command = 0x21; // with the version
constexpr unsigned inet = 1, inet6 = 2, local_socket = 3;      // families; 0 is an unspecified one
constexpr unsigned stream = 1, datagram = 2;                   // protocols; the same
constexpr std::size_t path_size = 108;                         // of the address of a Unix socket
constexpr unsigned checksum = 3;                               // the type of a CRC32C

unsigned octet(std::string_view from, std::size_t index) noexcept
{
    return static_cast<unsigned char>(from[index]);
}

unsigned number(std::string_view from, std::size_t index) noexcept
{
    return octet(from, index) << 8 | octet(from, index + 1);
}

template <std::size_t Size>
std::array<std::uint8_t, Size> octets(std::string_view from, std::size_t index) noexcept
{
    std::array<std::uint8_t, Size> copied{};
    std::ranges::copy(from.substr(index, Size), copied.begin());
    return copied;
}

// RFC 9260 appendix A.
std::uint32_t crc32c(std::string_view data) noexcept
{
    std::uint32_t sum = ~0U;
    for (std::size_t index = 0; index < data.size(); ++index) {
        sum ^= octet(data, index);
        for (int bit = 0; bit < 8; ++bit)
            sum = sum >> 1 ^ (sum & 1 ? 0x82f63b78 : 0);
    }
    return ~sum;
}

class parser {
public:
    parser(std::string_view received, const endpoint& peer) : received_(received), peer_(peer) {}
    std::optional<parsed_proxy_header> parse() const;

private:
    std::optional<parsed_proxy_header> parse_line() const;
    proxy_header parse_fields(std::string_view line) const;
    endpoint parse_ip_endpoint(bool is_ipv4, std::string_view ip, std::string_view port) const;
    std::optional<parsed_proxy_header> parse_binary() const;
    proxy_header parse_addresses(std::string_view header) const;
    endpoint parse_path(std::string_view field) const;
    void check_values(std::string_view header, std::size_t begin) const;
    [[noreturn]] void fail(std::string rule, errc code = errc::malformed) const
    {
        const bool is_known = peer_.family() != endpoint::family::none;
        throw protocol_error(code, "read the PROXY header from", std::move(rule), is_known ? to_string(peer_) : "");
    }

    std::string_view received_;
    const endpoint& peer_;
};

std::optional<parsed_proxy_header> parser::parse() const
{
    const auto begins_with = [this](std::string_view expected) {
        return received_.substr(0, expected.size()) == expected.substr(0, received_.size());
    };
    if (begins_with(word))
        return parse_line();
    if (begins_with(signature))
        return parse_binary();
    fail("no header begins with " + text::escape(received_, signature.size()));
}

std::optional<parsed_proxy_header> parser::parse_line() const
{
    const std::string_view allowed = received_.substr(0, longest_line);
    const std::size_t end = allowed.find("\r\n");
    const std::string_view line = allowed.substr(std::min(word.size(), allowed.size()), end - word.size());
    if (line.find('\n') != line.npos && !line.starts_with(unknown))
        fail("LF without CR");
    if (end != allowed.npos)
        return parsed_proxy_header{parse_fields(line), end + 2};
    if (allowed.size() == longest_line)
        fail(fmt::format("no CR LF in the first {} bytes", longest_line), errc::limit_exceeded);
    return {};
}

proxy_header parser::parse_fields(std::string_view line) const
{
    std::array<std::string_view, 5> fields; // TCP4, source, destination, port of the source, port of the destination
    std::size_t begin = 0;
    for (std::string_view& field : fields) {
        field = line.substr(std::min(begin, line.size()));
        field = field.substr(0, field.find(' '));
        begin += field.size() + 1;
    }
    if (fields[0] == unknown) // the rest is to be ignored
        return proxy_header(proxy_header::version::v1);
    const bool is_ipv4 = fields[0] == "TCP4";
    if (!is_ipv4 && fields[0] != "TCP6")
        fail("TCP4, TCP6 or UNKNOWN was expected, not \"" + text::escape(fields[0]) + '"');
    if (begin != line.size() + 1 || std::ranges::any_of(fields, &std::string_view::empty))
        fail("two addresses and two ports were expected, behind one space each: " + text::escape(line, line.size()));
    return {parse_ip_endpoint(is_ipv4, fields[1], fields[3]), parse_ip_endpoint(is_ipv4, fields[2], fields[4]),
            proxy_header::version::v1};
}

endpoint parser::parse_ip_endpoint(bool is_ipv4, std::string_view ip, std::string_view port) const
{
    std::uint16_t value = 0;
    const auto [end, code] = std::from_chars(port.data(), port.data() + port.size(), value);
    if (code != std::errc() || end != port.data() + port.size() || (port.size() > 1 && port.front() == '0'))
        fail("a port is a number up to 65535 without leading zeros, not \"" + text::escape(port) + '"');
    const auto found = ip.find('%') == ip.npos ? parse_ip(ip, value) : std::nullopt;
    if (!found || found->family() != (is_ipv4 ? endpoint::family::ipv4 : endpoint::family::ipv6))
        fail(fmt::format("\"{}\" is no IPv{} address", text::escape(ip), is_ipv4 ? 4 : 6));
    return *found;
}

std::optional<parsed_proxy_header> parser::parse_binary() const
{
    if (received_.size() <= signature.size())
        return {};
    const unsigned command = octet(received_, signature.size());
    if (command >> 4 != 2)
        fail(fmt::format("version {} with the signature of version 2", command >> 4));
    if (command != local_command && command != proxy_command)
        fail(fmt::format("command {}; there are LOCAL (0) and PROXY (1)", command & 0xf));
    if (received_.size() < fixed_size)
        return {};
    const std::size_t size = fixed_size + number(received_, fixed_size - 2);
    if (size > proxy_header::max_size)
        fail(fmt::format("it has {} bytes; at most {} are read", size, proxy_header::max_size), errc::limit_exceeded);
    if (received_.size() < size)
        return {};
    if (command == local_command) // the rest is to be ignored
        return parsed_proxy_header{proxy_header(), size};
    return parsed_proxy_header{parse_addresses(received_.substr(0, size)), size};
}

proxy_header parser::parse_addresses(std::string_view header) const
{
    const unsigned both = octet(header, signature.size() + 1), family = both >> 4, protocol = both & 0xf;
    if (family > local_socket || protocol > datagram)
        fail(fmt::format("address family {} and protocol {}, which version 2 does not have", family, protocol));
    if (family == 0 || protocol == 0)
        return proxy_header();
    if (protocol == datagram) // could be taken as unspecified; then a client would pass for the proxy
        fail("it announces a datagram, on a stream");
    constexpr std::array<std::size_t, 4> sizes{0, 2 * (4 + 2), 2 * (16 + 2), 2 * path_size};
    const std::string_view block = header.substr(fixed_size);
    if (block.size() < sizes[family])
        fail(fmt::format("{} bytes are too few for addresses of {}", block.size(), sizes[family]));
    check_values(header, fixed_size + sizes[family]);
    switch (family) {
    case inet:
        return {endpoint::ipv4(octets<4>(block, 0), static_cast<std::uint16_t>(number(block, 8))),
                endpoint::ipv4(octets<4>(block, 4), static_cast<std::uint16_t>(number(block, 10)))};
    case inet6:
        return {endpoint::ipv6(octets<16>(block, 0), static_cast<std::uint16_t>(number(block, 32))),
                endpoint::ipv6(octets<16>(block, 16), static_cast<std::uint16_t>(number(block, 34)))};
    default: return {parse_path(block.substr(0, path_size)), parse_path(block.substr(path_size, path_size))};
    }
}

// sun_path as unix(7) has it. How long an abstract name is, it does not say: NULs at its end are taken as padding.
endpoint parser::parse_path(std::string_view field) const
{
    if (field.front() == '\0')
        return endpoint::local(field.find_last_not_of('\0') == field.npos
                                   ? std::string()
                                   : '@' + std::string(field.substr(1, field.find_last_not_of('\0'))));
    const std::string path((field.front() == '@' ? "./" : "") + std::string(field.substr(0, field.find('\0'))));
    if (path.size() >= path_size)
        fail("the path of a Unix socket is too long");
    return endpoint::local(path);
}

// The type-length-values, up to the end of the header.
void parser::check_values(std::string_view header, std::size_t begin) const
{
    bool is_checked = false;
    while (begin < header.size()) {
        const std::string_view rest = header.substr(begin);
        if (rest.size() < 3 || rest.size() - 3 < number(rest, 1))
            fail("a value goes beyond the end of the header");
        const std::size_t size = number(rest, 1);
        begin += 3 + size;
        if (octet(rest, 0) != checksum)
            continue;
        if (size != 4 || std::exchange(is_checked, true))
            fail("there is one CRC32C, of 4 bytes");
        std::string cleared(header);
        cleared.replace(begin - size, size, size, '\0');
        if (crc32c(cleared) != (number(rest, 3) << 16 | number(rest, 5)))
            fail("the CRC32C is wrong");
    }
}

std::string big_endian(std::size_t value)
{
    return {static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)};
}

std::string block_of(const endpoint& which)
{
    if (which.is_ip())
        return {which.address().begin(), which.address().end()};
    std::string path(which.path());
    if (path.starts_with('@'))
        path.front() = '\0';
    path.resize(path_size);
    return path;
}

std::string binary_of(const proxy_header& header)
{
    const auto made = [](unsigned command, unsigned kind, const std::string& block) {
        return std::string(signature) + big_endian(command << 8 | kind) + big_endian(block.size()) + block;
    };
    if (header.is_local())
        return made(local_command, 0, {});
    const endpoint &source = header.source, &destination = header.destination;
    std::string block = block_of(source) + block_of(destination);
    if (!source.is_ip())
        return made(proxy_command, local_socket << 4 | stream, block);
    block += big_endian(source.port()) + big_endian(destination.port());
    return made(proxy_command, (source.address().size() == 4 ? inet : inet6) << 4 | stream, block);
}

std::string line_of(const proxy_header& header)
{
    if (!header.source.is_ip())
        return fmt::format("{}{}\r\n", word, unknown);
    endpoint source = header.source, destination = header.destination;
    source.scope_id(0);
    destination.scope_id(0);
    return fmt::format("{}{} {} {} {} {}\r\n", word, source.family() == endpoint::family::ipv4 ? "TCP4" : "TCP6",
                       address_text(source), address_text(destination), source.port(), destination.port());
}

} // namespace

std::optional<parsed_proxy_header> parse_proxy_header(bytes received, const endpoint& peer)
{
    return parser(received, peer).parse();
}

std::string to_bytes(const proxy_header& header)
{
    if (!header.is_local() && header.destination.family() != header.source.family())
        throw misuse("the endpoints of a PROXY header are of different families: " + to_string(header.source) + " and "
                     + to_string(header.destination));
    return header.format == proxy_header::version::v1 ? line_of(header) : binary_of(header);
}

} // namespace portico
