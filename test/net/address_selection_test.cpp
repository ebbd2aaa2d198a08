// address_selection: the examples of RFC 6724 section 10.2, each rule, and the families in turn.
#include "catch.hpp"
#include "net/address_selection.hpp"

#include <algorithm>
#include <portico/net/resolver.hpp>
#include <string>

using namespace portico;
using detail::destination;

namespace {

destination to_from(const char* to, const char* from)
{
    return {parse_ip(to).value(), std::string(from).empty() ? endpoint() : parse_ip(from).value()};
}

std::vector<std::string> sorted(std::vector<destination> which)
{
    detail::sort_by_preference(which);
    std::vector<std::string> texts;
    for (const destination& each : which)
        texts.push_back(address_text(each.to));
    return texts;
}

/// That the first is preferred, wherever it stood.
void check_preferred(const destination& better, const destination& worse)
{
    const std::vector<std::string> wanted{address_text(better.to), address_text(worse.to)};
    CHECK(sorted({better, worse}) == wanted);
    CHECK(sorted({worse, better}) == wanted);
}

} // namespace

TEST_CASE("RFC 6724 section 10.2: the examples that need no more than the usual source address")
{
    SECTION("prefer matching scope")
    {
        check_preferred(to_from("2001:db8:1::1", "2001:db8:1::2"), to_from("198.51.100.121", "169.254.13.78"));
        check_preferred(to_from("198.51.100.121", "198.51.100.117"), to_from("2001:db8:1::1", "fe80::1"));
    }
    SECTION("prefer higher precedence")
    {
        check_preferred(to_from("2001:db8:1::1", "2001:db8:1::2"), to_from("10.1.2.3", "10.1.2.4"));
        check_preferred(to_from("2001:db8:1::1", "2001:db8:1::2"), to_from("2002:c633:6401::1", "2002:c633:6401::2"));
    }
    SECTION("prefer smaller scope")
    {
        check_preferred(to_from("fe80::1", "fe80::2"), to_from("2001:db8:1::1", "2001:db8:1::2"));
    }
    SECTION("prefer the longest matching prefix")
    {
        check_preferred(to_from("2001:db8:1::1", "2001:db8:1::2"), to_from("2001:db8:3ffe::1", "2001:db8:3f44::2"));
    }
    SECTION("prefer matching label")
    {
        check_preferred(to_from("2002:c633:6401::1", "2002:c633:6401::2"),
                        to_from("2001:db8:1::1", "2002:c633:6401::2"));
    }
}

TEST_CASE("a destination without a route comes last, whatever else is for it")
{
    check_preferred(to_from("10.0.0.1", "10.0.0.2"), to_from("2001:db8::1", ""));
    check_preferred(to_from("2001:db8::1", "fe80::1"), to_from("::1", ""));
}

TEST_CASE("the policy table: loopback before all, native IPv6 before IPv4, IPv4 before tunnels and local ones")
{
    const std::vector<destination> all{
        to_from("::1", "::1"),
        to_from("2001:db8::1", "2001:db8::2"),
        to_from("192.0.2.1", "192.0.2.2"),
        to_from("2002:c633:6401::1", "2002:c633:6401::2"),
        to_from("2001:0:1::1", "2001:0:1::2"),
        to_from("fd00::1", "fd00::2"),
        to_from("fec0::1", "fec0::2"), // 1, as the two below, but of a smaller scope
        to_from("::192.0.2.1", "::192.0.2.2"),
        to_from("3ffe::1", "3ffe::2"),
    };
    std::vector<std::string> wanted;
    for (const destination& each : all)
        wanted.push_back(address_text(each.to));
    std::vector<destination> given = all;
    for (std::size_t i = 0; i + 2 < given.size(); ++i) { // every order of two of different precedence
        std::rotate(given.begin(), given.begin() + 1, given.end() - 2);
        CHECK(sorted(given) == wanted);
    }
    std::reverse(given.begin(), given.end() - 2);
    CHECK(sorted(given) == wanted);
}

TEST_CASE("what the rules do not tell apart stays in order: the rotation of name servers is kept")
{
    const std::vector<std::string> texts = sorted({to_from("10.9.0.1", "10.0.0.1"), to_from("10.0.0.2", "10.0.0.1"),
                                                   to_from("2001:db8::2", "2001:db8::ff"),
                                                   to_from("2001:db8::fe", "2001:db8::ff")});
    CHECK(texts == std::vector<std::string>{"2001:db8::2", "2001:db8::fe", "10.9.0.1", "10.0.0.2"});
}

TEST_CASE("the families take turns, beginning with the first, until one of them is used up")
{
    std::vector<destination> left{to_from("2001:db8::1", ""), to_from("2001:db8::2", ""), to_from("2001:db8::3", ""),
                                  to_from("10.0.0.1", ""), to_from("10.0.0.2", "")};
    std::vector<std::string> taken;
    endpoint last;
    while (!left.empty()) {
        last = detail::take_next(left, last.family());
        taken.push_back(address_text(last));
    }
    CHECK(taken == std::vector<std::string>{"2001:db8::1", "10.0.0.1", "2001:db8::2", "10.0.0.2", "2001:db8::3"});
}
