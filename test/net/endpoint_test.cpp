// endpoint and address: their text in both directions (RFC 5952, RFC 4007), and texts that are none.
#include "catch.hpp"

#include <portico/error.hpp>
#include <portico/net/endpoint.hpp>
#include <portico/net/resolver.hpp>
#include <unordered_set>

using namespace portico;

namespace {

struct text_pair {
    const char* given;
    const char* printed;
};

// What `address::parse` complains of.
std::string complaint(std::string_view text)
{
    try {
        (void)address::parse(text);
    } catch (const error& failure) {
        CHECK(failure.code() == errc::malformed);
        return failure.what();
    }
    return "none";
}

} // namespace

TEST_CASE("IPv6 addresses are printed as RFC 5952 wants them, from whatever form they had")
{
    const text_pair pairs[] = {
        {"::", "[::]:80"},
        {"::1", "[::1]:80"},
        {"1::", "[1::]:80"},
        {"2001:DB8::1", "[2001:db8::1]:80"},                             // 4.3: lower case
        {"2001:0db8:0000:0000:0000:0000:0002:0001", "[2001:db8::2:1]:80"}, // 4.1, 4.2.1: no zeros in front
        {"2001:db8:0:1:1:1:1:1", "[2001:db8:0:1:1:1:1:1]:80"},           // 4.2.2: not one group alone
        {"2001:0:0:1:0:0:0:1", "[2001:0:0:1::1]:80"},                    // 4.2.3: the longest run
        {"2001:db8:0:0:1:0:0:1", "[2001:db8::1:0:0:1]:80"},              // 4.2.3: the first of equal ones
        {"0:0:1::", "[0:0:1::]:80"},
        {"::2:3:4:5:6:7:8", "[0:2:3:4:5:6:7:8]:80"},
        {"1:2:3:4:5:6:7::", "[1:2:3:4:5:6:7:0]:80"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:80"},
        {"::ffff:192.0.2.1", "[::ffff:192.0.2.1]:80"}, // 5: a well-known prefix
        {"::ffff:0:0:1", "[::ffff:0:0:1]:80"},
        {"64:ff9b::192.0.2.33", "[64:ff9b::c000:221]:80"},
        {"fe80::1%2", "[fe80::1%2]:80"},
        {"127.0.0.1", "127.0.0.1:80"},
        {"0.0.0.0", "0.0.0.0:80"},
        {"255.255.255.255", "255.255.255.255:80"},
    };
    for (const text_pair& each : pairs) {
        INFO(each.given);
        const auto parsed = parse_ip(each.given, 80);
        REQUIRE(parsed);
        CHECK(to_string(*parsed) == each.printed);
    }
}

TEST_CASE("the printed form of an endpoint is read back as the same endpoint")
{
    std::uint32_t seed = 7;
    for (int round = 0; round < 2000; ++round) {
        std::array<std::uint8_t, 16> octets;
        for (std::uint8_t& each : octets) {
            seed = seed * 1664525 + 1013904223;
            each = (seed >> 30) == 0 ? static_cast<std::uint8_t>(seed >> 16) : 0; // with many runs of zeros
        }
        const endpoint made = endpoint::ipv6(octets, 443, round % 3 == 0 ? 5 : 0);
        const address parsed = address::parse(to_string(made));
        const auto again = parse_ip(parsed.host(), parsed.port());
        REQUIRE(again);
        CHECK(*again == made);
    }
}

TEST_CASE("what is no address is not taken for one")
{
    for (const char* const text :
         {"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.-4", "1.2.3.4 ", " 1.2.3.4", "01.2.3.4", "1.2.3.0x4", ":",
          ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::", "[::1]", "::1%", "::1%x", "::1%-1",
          "::1%1x", "::1%4294967296", "1.2.3.4%1", "localhost", "::1 "}) {
        INFO(text);
        CHECK_FALSE(parse_ip(text));
    }
    CHECK_FALSE(parse_ip(std::string_view("::1\0", 4)));
    CHECK_FALSE(parse_ip(std::string_view("1.2.3.4\0x", 9)));
    CHECK(parse_ip("::1%4294967295")->scope_id() == 4294967295);
}

TEST_CASE("endpoints know their family, address, port and zone, and compare by all of them")
{
    const endpoint none;
    CHECK(none.family() == endpoint::family::none);
    CHECK(none.address().empty());
    CHECK(to_string(none) == "-");

    endpoint four = endpoint::ipv4({192, 0, 2, 1}, 65535);
    CHECK(four.family() == endpoint::family::ipv4);
    CHECK(four.address().size() == 4);
    CHECK(four.address()[2] == 2);
    CHECK_FALSE(four.is_unspecified());
    CHECK(endpoint::ipv4({}, 1).is_unspecified());
    CHECK(endpoint::ipv6({}, 1).is_unspecified());

    const endpoint same = four;
    CHECK(four == same);
    four.port(1);
    CHECK(four != same);
    CHECK(endpoint::ipv6({}, 1, 1) != endpoint::ipv6({}, 1, 2));
    CHECK(endpoint::ipv4({}, 1) != endpoint::ipv6({}, 1));
    const std::unordered_set<endpoint> set{same, same, four, none};
    CHECK(set.size() == 3);
}

TEST_CASE("an address is read as HOST:PORT, [IPv6]:PORT or :PORT")
{
    const auto check = [](std::string_view text, const char* host, std::uint16_t port, const char* printed) {
        INFO(text);
        const address parsed = address::parse(text);
        CHECK(parsed.host() == host);
        CHECK(parsed.port() == port);
        CHECK(to_string(parsed) == printed);
    };
    check("localhost:9999", "localhost", 9999, "localhost:9999");
    check("127.0.0.1:0", "127.0.0.1", 0, "127.0.0.1:0");
    check("[::1]:65535", "::1", 65535, "[::1]:65535");
    check("[fe80::1%eth0]:1", "fe80::1%eth0", 1, "[fe80::1%eth0]:1");
    check(":80", "", 80, "*:80");
    check("b\xc3\xbc" "cher.example:7", "b\xc3\xbc" "cher.example", 7, "b\xc3\xbc" "cher.example:7");
    CHECK(to_string(tcp("example.org", 80)) == "example.org:80");
}

TEST_CASE("a text that is no address is refused with what is wrong with it")
{
    CHECK(complaint("localhost") == "parse address localhost: HOST:PORT was expected");
    CHECK(complaint("") == "parse address: HOST:PORT was expected");
    CHECK(complaint("::1") == "parse address ::1: an IPv6 address is written in brackets: [::1]:PORT");
    CHECK(complaint("::1:80") == "parse address ::1:80: an IPv6 address is written in brackets: [::1]:PORT");
    for (const char* const port : {"", "65536", "-1", "+1", "1 ", " 1", "0x1", "1.0", "99999999999999999999"}) {
        const std::string text = std::string("host:") + port;
        CHECK(complaint(text) == "parse address " + text + ": \"" + port + "\" is no port (0 to 65535)");
    }
    for (const char* const text : {"[", "[]", "[::1", "[::1]", "[::1]80", "[::1] :80", "[[::1]]:80"})
        CHECK(complaint(text) == std::string("parse address ") + text + ": [IPv6]:PORT was expected");
    CHECK(complaint("[::1]:") == "parse address [::1]:: \"\" is no port (0 to 65535)");
    for (const char* const text : {"[localhost]:80", "[1.2.3.4]:80", "[]:80"}) // the last would be every address
        CHECK(complaint(text) == std::string("parse address ") + text + ": [IPv6]:PORT was expected");
    CHECK(complaint(std::string_view("host\0:80", 8)) == "parse address host: it contains a NUL");
}

TEST_CASE("Unix sockets are written and read as unix: and their path or name")
{
    for (const char* text : {"unix:/run/x.sock", "unix:@name", "unix:relative", "unix:./@file"}) {
        INFO(text);
        const address parsed = address::parse(text);
        CHECK(parsed.kind() == address::protocol::local);
        CHECK(to_string(parsed) == text);
        CHECK(to_string(endpoint::local(parsed.host())) == text);
    }
    CHECK(to_string(endpoint::local("")) == "unix:");
    CHECK(to_string(endpoint::local("@a\x1b[2J")) == "unix:@a\\x1b[2J");
    CHECK(complaint("unix:").find("unix:PATH") != std::string::npos);
    CHECK(complaint("unix:@").find("unix:PATH") != std::string::npos);
    CHECK(complaint("unix:/" + std::string(107, 'x')).find("107 bytes") != std::string::npos);
}

TEST_CASE("Unix endpoints are equal when their names are, and differ from every other family")
{
    CHECK(endpoint::local("/a") == endpoint::local("/a"));
    CHECK_FALSE(endpoint::local("/a") == endpoint::local("/b"));
    CHECK_FALSE(endpoint::local("") == endpoint());
    CHECK_FALSE(endpoint::local("").is_unspecified());
    const std::unordered_set<endpoint> set{endpoint::local("/a"), endpoint::local("/b"), endpoint::local("/a")};
    CHECK(set.size() == 2);
}

TEST_CASE("the port may be the name of a service, which stays a name")
{
    const address web = address::parse("localhost:http");
    CHECK(web.service() == "http");
    CHECK(web.port() == 0);
    CHECK(to_string(web) == "localhost:http");
    CHECK(to_string(address::parse("[::1]:x11-1")) == "[::1]:x11-1");
    for (const char* text : {"h:-1", "h:65536", "h:1x y", "h:sixteen-letters-", "h:a.b", "h:+5"}) {
        INFO(text);
        CHECK(complaint(text).find("is no port") != std::string::npos);
    }
    CHECK(address::parse("h:53", address::protocol::udp).kind() == address::protocol::udp);
}

TEST_CASE("multicast, loopback and unspecified addresses are known")
{
    const auto of = [](const char* text) { return parse_ip(text).value(); };
    CHECK(of("224.0.0.1").is_multicast());
    CHECK(of("239.255.255.255").is_multicast());
    CHECK_FALSE(of("240.0.0.1").is_multicast());
    CHECK(of("ff02::1").is_multicast());
    CHECK_FALSE(of("fe80::1").is_multicast());
    CHECK(of("127.1.2.3").is_loopback());
    CHECK(of("::1").is_loopback());
    CHECK_FALSE(of("::2").is_loopback());
    CHECK_FALSE(of("128.0.0.1").is_loopback());
    CHECK_FALSE(endpoint().is_unspecified());
    CHECK(of("0.0.0.0").is_unspecified());
    CHECK(of("::").is_unspecified());
}
