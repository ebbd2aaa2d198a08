// network: ranges as they are written, and what is in them.
#include "catch.hpp"

#include <portico/error.hpp>
#include <portico/net/network.hpp>
#include <portico/net/resolver.hpp>

using namespace portico;

namespace {

bool contains(std::string_view range, std::string_view ip)
{
    return network::parse(range).contains(parse_ip(ip, 9999).value());
}

} // namespace

TEST_CASE("a network has the addresses that begin with its bits, and no others")
{
    CHECK(contains("10.0.0.0/8", "10.255.255.255"));
    CHECK(contains("10.0.0.0/8", "10.0.0.0"));
    CHECK_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
    CHECK_FALSE(contains("10.0.0.0/8", "9.255.255.255"));
    CHECK(contains("172.16.0.0/12", "172.31.255.255"));
    CHECK_FALSE(contains("172.16.0.0/12", "172.32.0.0"));
    CHECK(contains("192.0.2.128/25", "192.0.2.128"));
    CHECK_FALSE(contains("192.0.2.128/25", "192.0.2.127"));
    CHECK(contains("192.0.2.6/31", "192.0.2.7"));
    CHECK_FALSE(contains("192.0.2.6/31", "192.0.2.5"));
    CHECK(contains("0.0.0.0/0", "255.255.255.255"));
    CHECK(contains("0.0.0.0/0", "0.0.0.0"));
    CHECK(contains("fe80::/10", "febf:ffff::1"));
    CHECK(contains("fe80::/10", "fe80::1%2"));
    CHECK_FALSE(contains("fe80::/10", "fec0::"));
    CHECK(contains("2001:db8::/33", "2001:db8:7fff::1"));
    CHECK_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
    CHECK(contains("::/0", "ffff::"));
}

TEST_CASE("a single address is a network of one")
{
    CHECK(contains("::1", "::1"));
    CHECK(contains("::1/128", "::1"));
    CHECK_FALSE(contains("::1", "::2"));
    CHECK(contains("127.0.0.1", "127.0.0.1"));
    CHECK_FALSE(contains("127.0.0.1", "127.0.0.0"));
    CHECK(network::parse("127.0.0.1") == network::parse("127.0.0.1/32"));
}

TEST_CASE("the length of the prefix is exact, whatever it is")
{
    for (const unsigned bits : {32U, 128U}) {
        for (unsigned prefix = 0; prefix <= bits; ++prefix) {
            CAPTURE(bits, prefix);
            const auto with_bit = [&](unsigned index) { // all zero, but for one bit
                std::array<std::uint8_t, 16> octets{};
                if (index < bits)
                    octets[index / 8] = static_cast<std::uint8_t>(0x80 >> index % 8);
                return bits == 128 ? endpoint::ipv6(octets, 0)
                                   : endpoint::ipv4({octets[0], octets[1], octets[2], octets[3]}, 0);
            };
            const network range = network::parse((bits == 128 ? "::/" : "0.0.0.0/") + std::to_string(prefix));
            CHECK(range.contains(with_bit(bits)));
            for (unsigned index = 0; index < bits; ++index)
                CHECK(range.contains(with_bit(index)) == (index >= prefix));
        }
    }
}

TEST_CASE("an IPv4-mapped IPv6 address is the IPv4 address, in the network and in what is looked for")
{
    CHECK(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
    CHECK_FALSE(contains("10.0.0.0/8", "::ffff:11.1.2.3"));
    CHECK(contains("::ffff:10.0.0.0/104", "10.1.2.3"));
    CHECK(contains("::ffff:10.0.0.0/104", "::ffff:10.1.2.3"));
    CHECK(contains("::ffff:0:0/96", "10.1.2.3"));
    CHECK(contains("::ffff:10.0.0.1", "10.0.0.1"));
    CHECK(network::parse("::ffff:10.0.0.0/104") == network::parse("10.0.0.0/8"));
    CHECK_FALSE(contains("::/0", "10.1.2.3"));
    CHECK_FALSE(contains("::/0", "::ffff:10.1.2.3"));
    CHECK_FALSE(contains("0.0.0.0/0", "::1"));
    CHECK_FALSE(contains("0.0.0.0/0", "::a01:203")); // compatible, not mapped
}

TEST_CASE("the network around an address begins with its bits")
{
    const auto around = [](std::string_view ip, unsigned prefix) {
        return to_string(network::containing(parse_ip(ip, 9999).value(), prefix));
    };
    CHECK(around("192.168.5.6", 16) == "192.168.0.0/16");
    CHECK(around("192.168.5.6", 32) == "192.168.5.6");
    CHECK(around("192.168.5.6", 33) == "192.168.5.6");
    CHECK(around("fe80::1%2", 10) == "fe80::/10");
    CHECK(around("::ffff:10.1.2.3", 104) == "10.0.0.0/8");
    CHECK(around("::ffff:10.1.2.3", 80) == "::/80");
}

TEST_CASE("Unix sockets are a network of their own")
{
    const network range = network::parse("unix:");
    CHECK(range.contains(endpoint::local("")));
    CHECK(range.contains(endpoint::local("/run/x.sock")));
    CHECK(range.contains(endpoint::local("@name")));
    CHECK_FALSE(range.contains(endpoint()));
    CHECK_FALSE(range.contains(endpoint::ipv4({0, 0, 0, 0}, 0)));
    for (const char* const every : {"0.0.0.0/0", "::/0"}) {
        CHECK_FALSE(network::parse(every).contains(endpoint::local("/run/x.sock")));
        CHECK_FALSE(network::parse(every).contains(endpoint()));
    }
}

TEST_CASE("a network as text reads to the same")
{
    for (const char* const text : {"10.0.0.0/8", "0.0.0.0/0", "::1", "fe80::/10", "::/0", "127.0.0.1", "unix:"}) {
        CHECK(to_string(network::parse(text)) == text);
        CHECK(network::parse(to_string(network::parse(text))) == network::parse(text));
    }
    CHECK(to_string(network::parse("::ffff:10.0.0.0/104")) == "10.0.0.0/8");
    CHECK(to_string(network::parse("FE80:0::/10")) == "fe80::/10");
    CHECK_FALSE(network::parse("10.0.0.0/8") == network::parse("10.0.0.0/9"));
    CHECK_FALSE(network::parse("0.0.0.0/0") == network::parse("::/0"));
    CHECK_FALSE(network::parse("0.0.0.0/0") == network::parse("unix:"));
}

TEST_CASE("what is no network is refused with the reason")
{
    const auto check = [](std::string_view text, const std::string& expected) {
        CAPTURE(text);
        try {
            (void)network::parse(text);
            CHECK(false);
        } catch (const error& failure) {
            CHECK(failure.code() == errc::malformed);
            CHECK(std::string(failure.what()) == expected);
        }
    };
    const std::string form = ": an IP address, ADDRESS/PREFIX or unix: was expected";
    check("", "read the network" + form);
    check("localhost", "read the network localhost" + form);
    check("10.0.0/8", "read the network 10.0.0/8" + form);
    check("10.0.0.0.0", "read the network 10.0.0.0.0" + form);
    check("010.0.0.0/8", "read the network 010.0.0.0/8" + form);
    check("/8", "read the network /8" + form);
    check("[::1]", "read the network [::1]" + form);
    check(" ::1", "read the network  ::1" + form);
    check("unix:/run/x", "read the network unix:/run/x" + form);
    check(std::string_view("::1\0", 4), "read the network ::1\\x00" + form);
    for (const char* const prefix : {"33", "-1", "+8", "", " 8", "8 ", "8/8", "4294967296"})
        check("10.0.0.0/" + std::string(prefix),
              "read the network 10.0.0.0/" + std::string(prefix) + ": the prefix of such an address has 0 to 32 bits");
    check("::/129", "read the network ::/129: the prefix of such an address has 0 to 128 bits");
    check("fe80::%1/10", "read the network fe80::%1/10: a network has no zone");
    check("fe80::%eth0", "read the network fe80::%eth0: a network has no zone");
    check("10.0.0.1/8", "read the network 10.0.0.1/8: it has bits behind the prefix; 10.0.0.0/8 has not");
    check("192.0.2.129/25", "read the network 192.0.2.129/25: it has bits behind the prefix; 192.0.2.128/25 has not");
    check("fe80::1/10", "read the network fe80::1/10: it has bits behind the prefix; fe80::/10 has not");
    check("::ffff:0:0/90", "read the network ::ffff:0:0/90: it has bits behind the prefix; ::ffc0:0:0/90 has not");
}
