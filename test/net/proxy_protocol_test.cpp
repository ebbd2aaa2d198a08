// The PROXY protocol without I/O: headers of both versions, whole and byte by byte, and what is wrong with others.
#include "catch.hpp"

#include <portico/error.hpp>
#include <portico/net/proxy_protocol.hpp>
#include <portico/net/resolver.hpp>
#include <vector>

using namespace portico;
using namespace std::string_literals;

namespace {

using version = proxy_header::version;

const std::string signature = "\r\n\r\n\0\r\nQUIT\n"s;

endpoint at(std::string_view ip, std::uint16_t port)
{
    return parse_ip(ip, port).value();
}

std::string big_endian(std::size_t value)
{
    return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

/// A header of version 2: its 13th and 14th byte, and what follows the length.
std::string binary(unsigned char command, unsigned char kind, const std::string& block)
{
    return signature + static_cast<char>(command) + static_cast<char>(kind) + big_endian(block.size()) + block;
}

std::string tcp4(const std::string& values)
{
    return binary(0x21, 0x11, "\xc0\x00\x02\x01\xc6\x33\x64\x07\xdc\x04\x01\xbb"s + values);
}

std::string value(unsigned char type, const std::string& content)
{
    return static_cast<char>(type) + big_endian(content.size()) + content;
}

std::string padded(std::string path)
{
    path.resize(108);
    return path;
}

const endpoint client = at("192.0.2.1", 56324), server = at("198.51.100.7", 443);
const endpoint client6 = at("2001:db8::1", 65535), server6 = at("::ffff:198.51.100.7", 0);
const endpoint client_socket = endpoint::local(""), server_socket = endpoint::local("/run/x.sock");

struct example {
    std::string text;
    proxy_header header;
};

/// What is read and what is written.
std::vector<example> examples()
{
    const std::string longest(107, 'x');
    return {
        {"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n", {client, server, version::v1}},
        {"PROXY TCP6 2001:db8::1 ::ffff:198.51.100.7 65535 0\r\n", {client6, server6, version::v1}},
        {"PROXY UNKNOWN\r\n", proxy_header(version::v1)},
        {tcp4(""), {client, server}},
        {binary(0x21, 0x21, "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01"s + std::string(10, '\0')
                                + "\xff\xff\xc6\x33\x64\x07\xff\xff\0\0"s),
         {client6, server6}},
        {binary(0x21, 0x31, padded("") + padded("/run/x.sock")), {client_socket, server_socket}},
        {binary(0x21, 0x31, padded("\0name"s) + padded(longest)),
         {endpoint::local("@name"), endpoint::local(longest)}},
        {binary(0x21, 0x31, padded("\0"s + longest) + padded("\0a\0b"s)),
         {endpoint::local("@" + longest), endpoint::local("@a\0b"s)}},
        {binary(0x20, 0x00, ""), proxy_header()},
    };
}

/// What is read, beside that.
std::vector<example> readable()
{
    const std::string other_values = value(0x02, "host.example") + value(0xea, "") + value(0x20, std::string(500, 'x'));
    const proxy_header known(client, server);
    return {
        {"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", proxy_header(version::v1)},
        {"PROXY UNKNOWN \n \r  whatever\r\n", proxy_header(version::v1)},
        {"PROXY UNKNOWN " + std::string(91, '\xff') + "\r\n", proxy_header(version::v1)}, // 107 bytes
        {"PROXY TCP6 2001:DB8:0:0:0:0:0:1 ::FFFF:C633:6407 65535 0\r\n", {client6, server6, version::v1}},
        {"PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n",
         {at("0.0.0.0", 0), at("255.255.255.255", 65535), version::v1}},
        {tcp4(other_values), known},
        {tcp4(value(0x03, "\xd4\x5a\x11\xb9"s)), known},
        {tcp4(value(0x03, "\x41\x35\x37\x93"s) + value(0x04, "xy")), known},
        {tcp4(value(0x04, std::string(proxy_header::max_size - 16 - 12 - 3, 'x'))), known}, // the largest
        {binary(0x20, 0x11, "ignored"), proxy_header()},
        {binary(0x20, 0xff, ""), proxy_header()},
        {binary(0x21, 0x00, "ignored"), proxy_header()},
        {binary(0x21, 0x01, ""), proxy_header()},
        {binary(0x21, 0x20, ""), proxy_header()},
        {binary(0x21, 0x31, "/run/x.sock"s + std::string(97, '\0') + padded("@file\0garbage"s)),
         {server_socket, endpoint::local("./@file")}},
    };
}

std::vector<example> all_examples()
{
    std::vector<example> all = examples(), more = readable();
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

std::string fault_of(std::string_view text, errc code = errc::malformed)
{
    try {
        if (parse_proxy_header(bytes(text)))
            return "a header";
        return "more is needed";
    } catch (const protocol_error& failure) {
        CHECK(failure.code() == code);
        CHECK(failure.target().empty());
        return failure.detail();
    }
}

} // namespace

TEST_CASE("PROXY: a header is read whole, with what follows it, and not before its last byte")
{
    for (const example& each : all_examples()) {
        CAPTURE(each.text);
        const std::string behind = each.text + "\r\nPROXY UNKNOWN\r\n";
        for (std::size_t size = 0; size <= behind.size(); ++size) {
            const auto parsed = parse_proxy_header(bytes(behind.data(), size));
            CAPTURE(size);
            REQUIRE(parsed.has_value() == (size >= each.text.size()));
            if (parsed) {
                CHECK(parsed->header == each.header);
                CHECK(parsed->size == each.text.size());
            }
        }
    }
}

TEST_CASE("PROXY: what is written is what is read")
{
    for (const example& each : examples()) {
        CAPTURE(each.text);
        CHECK(to_bytes(each.header) == each.text);
    }
    for (const example& each : all_examples()) {
        const auto again = parse_proxy_header(to_bytes(each.header));
        REQUIRE(again);
        CHECK(again->header == each.header);
    }
}

TEST_CASE("PROXY: only a header that speaks for somebody else has endpoints")
{
    CHECK(proxy_header().is_local());
    CHECK_FALSE(proxy_header(client, server).is_local());
    CHECK_FALSE(proxy_header(client_socket, server_socket).is_local());
    CHECK_FALSE(proxy_header(client, server) == proxy_header(client, server, version::v1));
    CHECK_FALSE(proxy_header(client, server) == proxy_header(server, client));
}

TEST_CASE("PROXY: what a header cannot say is left out, or refused before anything is sent")
{
    CHECK(to_bytes(proxy_header(client_socket, server_socket, version::v1)) == "PROXY UNKNOWN\r\n");
    const proxy_header with_zones(at("fe80::1%2", 1), at("fe80::2%2", 2), version::v1);
    CHECK(to_bytes(with_zones) == "PROXY TCP6 fe80::1 fe80::2 1 2\r\n");
    for (const version format : {version::v1, version::v2}) {
        CHECK_THROWS_AS(to_bytes(proxy_header(client, server6, format)), misuse);
        CHECK_THROWS_AS(to_bytes(proxy_header(client_socket, server, format)), misuse);
        CHECK_THROWS_AS(to_bytes(proxy_header(client, endpoint(), format)), misuse);
    }
}

TEST_CASE("PROXY: a stream that begins with something else is refused at the first byte that differs")
{
    CHECK(fault_of("GET / HTTP/1.1\r\n") == "no header begins with GET / HTTP/1...");
    CHECK(fault_of("G") == "no header begins with G");
    CHECK(fault_of("proxy tcp4 ") == "no header begins with proxy tcp4 ");
    CHECK(fault_of("PROXZ") == "no header begins with PROXZ");
    CHECK(fault_of("PROXY\t") == "no header begins with PROXY\\t");
    CHECK(fault_of("\r\n\r\nQ") == "no header begins with \\r\\n\\r\\nQ");
    CHECK(fault_of(signature.substr(0, 11) + "\r") == "no header begins with \\r\\n\\r\\n\\x00\\r\\nQUIT\\r");
    const std::string line = "PROXY TCP4";
    for (std::size_t position = 0; position < 6; ++position) {
        std::string wrong = line.substr(0, position) + '!';
        CHECK(fault_of(wrong) == "no header begins with " + wrong);
    }
}

TEST_CASE("PROXY version 1: a line that breaks the rules is refused with the rule")
{
    const auto fault = [](const std::string& rest) { return fault_of("PROXY " + rest + "\r\n"); };
    const auto two = [](const std::string& fields) {
        return "two addresses and two ports were expected, behind one space each: " + fields;
    };
    CHECK(fault("") == "TCP4, TCP6 or UNKNOWN was expected, not \"\"");
    CHECK(fault("UDP4 192.0.2.1 198.51.100.7 1 2") == "TCP4, TCP6 or UNKNOWN was expected, not \"UDP4\"");
    CHECK(fault("tcp4 192.0.2.1 198.51.100.7 1 2") == "TCP4, TCP6 or UNKNOWN was expected, not \"tcp4\"");
    CHECK(fault(" TCP4 192.0.2.1 198.51.100.7 1 2") == "TCP4, TCP6 or UNKNOWN was expected, not \"\"");
    CHECK(fault("UNKNOWNS") == "TCP4, TCP6 or UNKNOWN was expected, not \"UNKNOWNS\"");
    for (const char* const fields :
         {"TCP4", "TCP4 ", "TCP4 192.0.2.1 198.51.100.7 1", "TCP4 192.0.2.1 198.51.100.7 1 ",
          "TCP4 192.0.2.1 198.51.100.7 1 2 ", "TCP4 192.0.2.1 198.51.100.7 1 2 3", "TCP4  192.0.2.1 198.51.100.7 1 2",
          "TCP4 192.0.2.1 198.51.100.7 1  2", "TCP4 192.0.2.1  198.51.100.7 1"})
        CHECK(fault(fields) == two(fields));
    CHECK(fault("TCP4\t192.0.2.1 198.51.100.7 1 2") == "TCP4, TCP6 or UNKNOWN was expected, not \"TCP4\\t192.0.2.1\"");
    for (const char* const port : {"65536", "01", "00", "+1", "-1", "1x", "x", "0x1", "99999999999999999999", "1\t"}) {
        const std::string shown = port == "1\t"s ? "1\\t" : port;
        const std::string expected = "a port is a number up to 65535 without leading zeros, not \"" + shown + '"';
        CHECK(fault("TCP4 192.0.2.1 198.51.100.7 " + std::string(port) + " 2") == expected);
        CHECK(fault("TCP4 192.0.2.1 198.51.100.7 1 " + std::string(port)) == expected);
    }
    for (const char* const ip : {"192.0.2", "192.0.2.256", "192.0.2.01", "192.0.2.1.1", "0xc0.0.2.1", "::1",
                                 "localhost", "3221225985", "192.0.2.1%1"}) {
        const std::string expected = "\"" + std::string(ip) + "\" is no IPv4 address";
        CHECK(fault("TCP4 " + std::string(ip) + " 198.51.100.7 1 2") == expected);
        CHECK(fault("TCP4 198.51.100.7 " + std::string(ip) + " 1 2") == expected);
    }
    for (const char* const ip : {"192.0.2.1", ":::1", "1::2::3", "12345::", "[::1]", "fe80::1%1", "fe80::1%0"}) {
        const std::string expected = "\"" + std::string(ip) + "\" is no IPv6 address";
        CHECK(fault("TCP6 " + std::string(ip) + " ::1 1 2") == expected);
        CHECK(fault("TCP6 ::1 " + std::string(ip) + " 1 2") == expected);
    }
    CHECK(fault("TCP4 192.0.2.1\0 198.51.100.7 1 2"s) == "\"192.0.2.1\\x00\" is no IPv4 address");
    CHECK(fault("TCP4 192.0.2.1 198.51.100.7 1 2\r")
          == "a port is a number up to 65535 without leading zeros, not \"2\\r\"");
}

TEST_CASE("PROXY version 1: a line ends with CR LF within 107 bytes")
{
    const std::string line = "PROXY TCP4 192.0.2.1 198.51.100.7 1 2";
    CHECK(fault_of(line + '\n') == "LF without CR");
    CHECK(fault_of(line + "\nGET / HTTP/1.1\r\n") == "LF without CR");
    CHECK(fault_of("PROXY \n") == "LF without CR");
    CHECK(fault_of(line + "\r") == "more is needed");
    CHECK(fault_of(line + "\rGET") == "more is needed");
    const std::string too_long = "no CR LF in the first 107 bytes";
    const std::string most = line + std::string(106 - line.size(), ' ');
    CHECK(fault_of(most) == "more is needed");
    CHECK(fault_of(most + ' ', errc::limit_exceeded) == too_long);
    CHECK(fault_of(most + "\r\n", errc::limit_exceeded) == too_long);
    CHECK(fault_of("PROXY UNKNOWN" + std::string(94, '\n'), errc::limit_exceeded) == too_long);
    CHECK(fault_of("PROXY UNKNOWN" + std::string(93, ' ') + "\r\n", errc::limit_exceeded) == too_long);
    CHECK(fault_of("PROXY UNKNOWN" + std::string(92, ' ') + "\r\n", errc::limit_exceeded)
          == "a header"); // 107 bytes
}

TEST_CASE("PROXY version 2: a wrong version or command is refused at its byte")
{
    for (int byte = 0; byte < 256; ++byte) {
        CAPTURE(byte);
        const std::string fault = fault_of(signature + static_cast<char>(byte));
        if (byte == 0x20 || byte == 0x21)
            CHECK(fault == "more is needed");
        else if (byte >> 4 == 2)
            CHECK(fault == "command " + std::to_string(byte & 0xf) + "; there are LOCAL (0) and PROXY (1)");
        else
            CHECK(fault == "version " + std::to_string(byte >> 4) + " with the signature of version 2");
    }
}

TEST_CASE("PROXY version 2: families and protocols that there are not are refused, and datagrams")
{
    const std::string block(216, '\0');
    for (int kind = 0; kind < 256; ++kind) {
        CAPTURE(kind);
        const int family = kind >> 4, protocol = kind & 0xf;
        const std::string fault = fault_of(binary(0x21, static_cast<unsigned char>(kind), block));
        if (family > 3 || protocol > 2)
            CHECK(fault == "address family " + std::to_string(family) + " and protocol " + std::to_string(protocol)
                               + ", which version 2 does not have");
        else if (family != 0 && protocol == 2)
            CHECK(fault == "it announces a datagram, on a stream");
        else
            CHECK(fault == "a header");
    }
}

TEST_CASE("PROXY version 2: a header has room for its addresses, and at most 4096 bytes")
{
    const auto check = [](unsigned char kind, std::size_t size) {
        CHECK(fault_of(binary(0x21, kind, std::string(size, '\0'))) == "a header");
        for (const std::size_t fewer : {std::size_t(0), size / 2, size - 1})
            CHECK(fault_of(binary(0x21, kind, std::string(fewer, '\0')))
                  == std::to_string(fewer) + " bytes are too few for addresses of " + std::to_string(size));
    };
    check(0x11, 12);
    check(0x21, 36);
    check(0x31, 216);
    const std::size_t most = proxy_header::max_size;
    for (const char command : {'\x20', '\x21'}) {
        const std::string fixed = signature + command + '\0';
        CHECK(fault_of(fixed + big_endian(most - 16)) == "more is needed");
        CHECK(fault_of(fixed + big_endian(most - 15), errc::limit_exceeded)
              == "it has 4097 bytes; at most 4096 are read");
        CHECK(fault_of(fixed + "\xff\xff", errc::limit_exceeded) == "it has 65551 bytes; at most 4096 are read");
    }
}

TEST_CASE("PROXY version 2: values fill the rest exactly, and a CRC32C is right")
{
    const std::string beyond = "a value goes beyond the end of the header";
    for (const std::string& values : {"\x04"s, "\x04\0"s, "\x04\0\x01"s, "\x04\xff\xff"s, value(4, "ab") + "\x04",
                                      value(4, "ab") + "\x04\0\x02x"s})
        CHECK(fault_of(tcp4(values)) == beyond);
    CHECK(fault_of(binary(0x21, 0x31, padded("a") + padded("b") + '\x04')) == beyond);
    CHECK(fault_of(tcp4(value(3, "\xd4\x5a\x11\xb8"s))) == "the CRC32C is wrong");
    CHECK(fault_of(tcp4(value(3, "\xb9\x11\x5a\xd4"s))) == "the CRC32C is wrong");
    CHECK(fault_of(tcp4(value(3, "\0\0\0\0"s))) == "the CRC32C is wrong");
    CHECK(fault_of(tcp4(value(3, "\x41\x35\x37\x93"s) + value(4, "xz"))) == "the CRC32C is wrong");
    const std::string one = "there is one CRC32C, of 4 bytes";
    for (const std::size_t size : {0U, 3U, 5U})
        CHECK(fault_of(tcp4(value(3, std::string(size, '\0')))) == one);
    CHECK(fault_of(tcp4(value(3, "\x7c\x66\x7f\x36"s) + value(3, "\0\0\0\0"s))) == one); // the first is right
}

TEST_CASE("PROXY version 2: the path of a Unix socket has at most 107 bytes")
{
    const std::string expected = "the path of a Unix socket is too long", longest(107, 'x');
    CHECK(fault_of(binary(0x21, 0x31, longest + 'x' + padded(""))) == expected);
    CHECK(fault_of(binary(0x21, 0x31, padded("") + longest + 'x')) == expected);
    CHECK(fault_of(binary(0x21, 0x31, padded("") + padded("@" + longest.substr(2)))) == expected); // with ./
    CHECK(fault_of(binary(0x21, 0x31, padded("") + padded("@" + longest.substr(3)))) == "a header");
}

TEST_CASE("PROXY: the error names the peer")
{
    const auto what = [](const endpoint& peer) -> std::string {
        try {
            (void)parse_proxy_header("GET", peer);
            return {};
        } catch (const protocol_error& failure) {
            return failure.what();
        }
    };
    CHECK(what({}) == "read the PROXY header from: no header begins with GET");
    CHECK(what(client) == "read the PROXY header from 192.0.2.1:56324: no header begins with GET");
    CHECK(what(client_socket) == "read the PROXY header from unix:: no header begins with GET");
}
