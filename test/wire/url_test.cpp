// The URL parser: what is taken, how it is normalised, what is refused, and how references are resolved.
#include "catch.hpp"

#include <optional>
#include <portico/error.hpp>
#include <portico/wire/url.hpp>
#include <string>
#include <string_view>

using namespace portico;
using namespace std::string_view_literals;

namespace {

struct accepted {
    std::string_view text, host;
    std::optional<int> port;
    std::string_view authority, target, shown;
};

const accepted good[] = {
    {"http://example.com", "example.com", 80, "example.com", "/", "http://example.com/"},
    {"HTTPS://Example.COM:443/A", "example.com", 443, "example.com", "/A", "https://example.com/A"},
    {"http://h:8080?q", "h", 8080, "h:8080", "/?q", "http://h:8080/?q"},
    {"http://h:443/", "h", 443, "h:443", "/", "http://h:443/"},
    {"http://h:/", "h", 80, "h", "/", "http://h/"},
    {"http://h:0065535/", "h", 65535, "h:65535", "/", "http://h:65535/"},
    {"http://h:0/", "h", 0, "h:0", "/", "http://h:0/"},
    {"http://h#@evil/x", "h", 80, "h", "/", "http://h/#@evil/x"},
    {"http://h?a?b#c#d", "h", 80, "h", "/?a?b", "http://h/?a?b#c#d"},
    {"http://h/?#", "h", 80, "h", "/?", "http://h/?#"},
    {"http://user:pass@h:81/", "h", 81, "h:81", "/", "http://h:81/"},
    {"http://a@b@h/", "h", 80, "h", "/", "http://h/"},
    {"http://@h/", "h", 80, "h", "/", "http://h/"},
    {"http://127.0.0.1:80/x", "127.0.0.1", 80, "127.0.0.1", "/x", "http://127.0.0.1/x"},
    {"http://[::1]", "::1", 80, "[::1]", "/", "http://[::1]/"},
    {"http://[2001:DB8::A]:8080/", "2001:db8::a", 8080, "[2001:db8::a]:8080", "/", "http://[2001:db8::a]:8080/"},
    {"http://[::ffff:1.2.3.4]/", "::ffff:1.2.3.4", 80, "[::ffff:1.2.3.4]", "/", "http://[::ffff:1.2.3.4]/"},
    {"http://[1:2:3:4:5:6:7:8]/", "1:2:3:4:5:6:7:8", 80, "[1:2:3:4:5:6:7:8]", "/", "http://[1:2:3:4:5:6:7:8]/"},
    {"http://[::]/", "::", 80, "[::]", "/", "http://[::]/"},
    {"http://[fe80::1%25eth0]/", "fe80::1%eth0", 80, "[fe80::1]", "/", "http://[fe80::1%25eth0]/"},
    {"http://[fe80::1%wlan-0.1]:90/", "fe80::1%wlan-0.1", 90, "[fe80::1]:90", "/", "http://[fe80::1%25wlan-0.1]:90/"},
    {"http://ex%41mple%2ecom/", "example.com", 80, "example.com", "/", "http://example.com/"},
    {"http://under_score.example./", "under_score.example.", 80, "under_score.example.", "/",
     "http://under_score.example./"},
    {"http:///h/x", "h", 80, "h", "/x", "http://h/x"},
    {"http:/h/x", "h", 80, "h", "/x", "http://h/x"},
    {"  http://h/a  ", "h", 80, "h", "/a", "http://h/a"},
    {"http://h/a b?c d#e f", "h", 80, "h", "/a%20b?c%20d", "http://h/a%20b?c%20d#e%20f"},
    {"http://h/\xc3\xab?\xc3\xab", "h", 80, "h", "/%C3%AB?%C3%AB", "http://h/%C3%AB?%C3%AB"},
    {"http://h/\"<>\\^`{|}", "h", 80, "h", "/%22%3C%3E%5C%5E%60%7B%7C%7D", "http://h/%22%3C%3E%5C%5E%60%7B%7C%7D"},
    {"http://h/a[0]=%7Eb;c,d!$&'()*+@:", "h", 80, "h", "/a[0]=%7Eb;c,d!$&'()*+@:", "http://h/a[0]=%7Eb;c,d!$&'()*+@:"},
    {"http://h/100%/%zz/%4", "h", 80, "h", "/100%/%zz/%4", "http://h/100%/%zz/%4"},
    {"http://h/%00%0d%0a", "h", 80, "h", "/%00%0d%0a", "http://h/%00%0d%0a"},
    {"http://h/../../a/./b/../c", "h", 80, "h", "/a/c", "http://h/a/c"},
    {"http://h/a/..", "h", 80, "h", "/", "http://h/"},
    {"http://h/a/.", "h", 80, "h", "/a/", "http://h/a/"},
    {"http://h/a/%2E%2e/b%2e/%2e", "h", 80, "h", "/b%2e/", "http://h/b%2e/"},
    {"http://h//a///b/", "h", 80, "h", "//a///b/", "http://h//a///b/"},
    {"http://h/a/../?x=/../y", "h", 80, "h", "/?x=/../y", "http://h/?x=/../y"},
    {"file:///etc/./hosts", "", std::nullopt, "", "/etc/hosts", "file:///etc/hosts"},
    {"ftp://h", "h", std::nullopt, "h", "/", "ftp://h/"},
    {"ftp://h:2121/a", "h", 2121, "h:2121", "/a", "ftp://h:2121/a"},
    {"mailto:someone@example.com", "", std::nullopt, "", "someone@example.com", "mailto:someone@example.com"},
    {"a+b-c.1:/.//d", "", std::nullopt, "", "//d", "a+b-c.1:/.//d"},
};

struct refused {
    std::string_view text, why;
};

const refused bad[] = {
    {"", "parse URL: it has no scheme, such as http://"},
    {"   ", "parse URL    : it has no scheme, such as http://"},
    {"example.com/x", "parse URL example.com/x: it has no scheme, such as http://"},
    {"//h/x", "parse URL //h/x: it has no scheme, such as http://"},
    {"1http://h/", "parse URL 1http://h/: it has no scheme, such as http://"},
    {"://h/", "parse URL ://h/: it has no scheme, such as http://"},
    {"/a:b", "parse URL /a:b: it has no scheme, such as http://"},
    {"h ttp://h/", "parse URL h ttp://h/: it has no scheme, such as http://"},
    {"http:", "parse URL http:: it names no host"},
    {"http://", "parse URL http://: it names no host"},
    {"http:///", "parse URL http:///: it names no host"},
    {"http:////h/x", "parse URL http:////h/x: it names no host"},
    {"https://:80/", "parse URL https://:80/: it names no host"},
    {"http://user@/", "parse URL http:///: it names no host"},
    {"http://?x", "parse URL http://?x: it names no host"},
    {"http:x", "parse URL http:x: it names no host"},
    {"http://h:65536/", "parse URL http://h:65536/: the port is no number up to 65535: 65536"},
    {"http://h:99999999999999999999/", "the port is no number up to 65535: 99999999999999999999"},
    {"http://h:-1/", "the port is no number up to 65535: -1"},
    {"http://h:8o/", "the port is no number up to 65535: 8o"},
    {"http://h:80:80/", "the port is no number up to 65535: 80:80"},
    {"http://::1/", "the port is no number up to 65535: :1"},
    {"http://[::1", "parse URL http://[::1: the bracket of the IPv6 address is not closed"},
    {"http://user:secret@[::1?a@b", "parse URL http://[::1?a@b: the bracket of the IPv6 address is not closed"},
    {"http://[::1/]", "the bracket of the IPv6 address is not closed"},
    {"http://[::1]x/", "behind the IPv6 address there is neither a port nor a path: x"},
    {"http://[::1]:x/", "the port is no number up to 65535: x"},
    {"http://[]/", "what is in brackets is no IPv6 address: "},
    {"http://[1.2.3.4]/", "what is in brackets is no IPv6 address: 1.2.3.4"},
    {"http://[v1.a]/", "what is in brackets is no IPv6 address: v1.a"},
    {"http://[1:2:3:4:5:6:7]/", "no IPv6 address"},
    {"http://[1:2:3:4:5:6:7:8:9]/", "no IPv6 address"},
    {"http://[1::2::3]/", "no IPv6 address"},
    {"http://[1:2:3:4:5:6:7:8::]/", "no IPv6 address"},
    {"http://[:1]/", "no IPv6 address"},
    {"http://[1:]/", "no IPv6 address"},
    {"http://[:::]/", "no IPv6 address"},
    {"http://[12345::]/", "no IPv6 address"},
    {"http://[::g]/", "no IPv6 address"},
    {"http://[::1.2.3]/", "no IPv6 address"},
    {"http://[::1.2.3.256]/", "no IPv6 address"},
    {"http://[::1.2.3.04]/", "no IPv6 address"},
    {"http://[::1.2.3.4.5]/", "no IPv6 address"},
    {"http://[::1.2.3.4:5]/", "no IPv6 address"},
    {"http://[fe80::1%25]/", "the zone of the IPv6 address is no name of an interface: "},
    {"http://[fe80::1%]/", "the zone of the IPv6 address is no name of an interface: "},
    {"http://[fe80::1%25a b]/", "the zone of the IPv6 address is no name of an interface: a b"},
    {"http://[fe80::1%25%00]/", "the zone of the IPv6 address is no name of an interface: %00"},
    {"http://a b/", "the host holds the character ' '"},
    {"http:// h/", "the host holds the character ' '"},
    {"http://a%20b/", "the host holds the character ' '"},
    {"http://a%00b/", "the host holds the character '\\x00'"},
    {"http://a%0d%0ab/", "the host holds the character '\\r'"},
    {"http://a%2fb/", "the host holds the character '/'"},
    {"http://a%zz/", "the host holds the character '%'"},
    {"http://a%/", "the host holds the character '%'"},
    {"http://a]b/", "the host holds the character ']'"},
    {"http://a|b/", "the host holds the character '|'"},
    {"http://b\xc3\xbc"
     "cher.example/",
     "the host is not ASCII: b\\xc3\\xbccher.example"},
    {"http://b%c3%bccher.example/", "the host is not ASCII"},
    {"http://user:sec/ret@h/", "parse URL http://h/: the port is no number up to 65535"},
    {"http:/user:secret@h:x/", "parse URL http:/h:x/: "},
    {"http://evil\\@h/", "a backslash is not allowed before the path"},
    {"http://h\\x/", "a backslash is not allowed before the path"},
    {"http://h/a\tb", "parse URL http://h/a\\tb: it holds the control character \\t"},
    {"http://h/a\r\nHost: x", "it holds the control character \\r"},
    {"http://h/\0"sv, "it holds the control character \\x00"},
    {"http://h/\x7f", "it holds the control character \\x7f"},
    {"\nhttp://h/", "it holds the control character \\n"},
};

std::string refusal(std::string_view text)
{
    try {
        return "taken: " + url(text).to_string();
    } catch (const error& failure) {
        CHECK(failure.code() == errc::malformed);
        return failure.what();
    }
}

/// The userinfo is not shown, so that it is no part of this.
void check_equal(const url& left, const url& right)
{
    CHECK(left.scheme() == right.scheme());
    CHECK(left.host() == right.host());
    CHECK(left.port() == right.port());
    CHECK(left.path() == right.path());
    CHECK(left.query() == right.query());
    CHECK(left.fragment() == right.fragment());
}

} // namespace

TEST_CASE("a URL is taken apart and normalised, and what is shown of it parses to the same")
{
    for (const accepted& expected : good) {
        INFO(expected.text);
        const url parsed(expected.text);
        CHECK(parsed.host() == expected.host);
        CHECK(parsed.port() == expected.port);
        CHECK(parsed.authority() == expected.authority);
        CHECK(parsed.target() == expected.target);
        CHECK(parsed.to_string() == expected.shown);
        check_equal(parsed, url(parsed.to_string()));
    }
}

TEST_CASE("what is no URL is refused, and the error says what is wrong with which URL")
{
    for (const refused& expected : bad) {
        INFO(expected.text);
        const std::string text = refusal(expected.text);
        CAPTURE(text);
        CHECK(text.find(expected.why) != std::string::npos);
    }
}

TEST_CASE("the parts of a URL are there or not, which is not the same as empty")
{
    const url full("http://us%65r:p%3a:ss@h/p?q#f");
    CHECK(full.scheme() == "http");
    CHECK(full.userinfo() == "us%65r:p%3a:ss");
    CHECK(full.user() == "user");
    CHECK(full.password() == "p::ss");
    CHECK(full.path() == "/p");
    CHECK(full.query() == "q");
    CHECK(full.fragment() == "f");

    const url none("http://h");
    CHECK_FALSE(none.userinfo());
    CHECK(none.user().empty());
    CHECK(none.password().empty());
    CHECK_FALSE(none.query());
    CHECK_FALSE(none.fragment());

    const url empty("http://@h?#");
    CHECK(empty.userinfo() == "");
    CHECK(empty.query() == "");
    CHECK(empty.fragment() == "");
    CHECK(url("http://name@h").password().empty());
}

TEST_CASE("a reference is resolved as RFC 3986 section 5.4 lists")
{
    struct {
        std::string_view reference, expected;
    } const cases[] = {
        {"g:h", "g:h"},
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g/"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q#s"},
        {"g#s", "http://a/b/c/g#s"},
        {"g?y#s", "http://a/b/c/g?y#s"},
        {";x", "http://a/b/c/;x"},
        {"g;x", "http://a/b/c/g;x"},
        {"g;x?y#s", "http://a/b/c/g;x?y#s"},
        {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"},
        {"../../", "http://a/"},
        {"../../g", "http://a/g"},
        {"../../../g", "http://a/g"},
        {"../../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {".g", "http://a/b/c/.g"},
        {"g..", "http://a/b/c/g.."},
        {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"},
        {"./g/.", "http://a/b/c/g/"},
        {"g/./h", "http://a/b/c/g/h"},
        {"g/../h", "http://a/b/c/h"},
        {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"g?y/./x", "http://a/b/c/g?y/./x"},
        {"g?y/../x", "http://a/b/c/g?y/../x"},
        {"g#s/./x", "http://a/b/c/g#s/./x"},
        {"g#s/../x", "http://a/b/c/g#s/../x"},
        // what redirects hold in practice
        {" ../m o o?a b ", "http://a/b/m%20o%20o?a%20b"},
        {"/\xc3\xab", "http://a/%C3%AB"},
        {"1:2", "http://a/b/c/1:2"},
        {"\\\\evil/x", "http://a/b/c/%5C%5Cevil/x"},
        {"HTTPS://B:444", "https://b:444/"},
        {"/g?y=//z", "http://a/g?y=//z"},
    };
    const url base("http://a/b/c/d;p?q");
    for (const auto& [reference, expected] : cases) {
        INFO(reference);
        CHECK(base.resolve(reference).to_string() == expected);
    }
    CHECK(url("http://h").resolve("x").to_string() == "http://h/x");
    CHECK(url("http://h?q#f").resolve("").to_string() == "http://h/?q");
}

TEST_CASE("a reference without an authority keeps port and userinfo, another authority drops them")
{
    const url base("https://user:secret@h:444/a/b#f");
    CHECK(base.resolve("c").user() == "user");
    CHECK(base.resolve("c").port() == 444);
    CHECK_FALSE(base.resolve("//other/").userinfo());
    CHECK(base.resolve("//other/").port() == 443);
    CHECK_FALSE(base.resolve("https://h:444/").userinfo());
}

TEST_CASE("a reference that is malformed is refused")
{
    const url base("http://h/");
    for (const std::string_view reference :
         {"//"sv, "///x"sv, "//h:x/"sv, "http://"sv, "/a\r\nb"sv, "/\0"sv, "//[::1/"sv}) {
        CAPTURE(reference);
        CHECK_THROWS_AS(base.resolve(reference), error);
    }
}

TEST_CASE("escapes are decoded, and what is no escape stays")
{
    CHECK(percent_decode("a%20b%2Fc%c3%AB") == "a b/c\xc3\xab");
    CHECK(percent_decode("%00") == "\0"sv);
    CHECK(percent_decode("%") == "%");
    CHECK(percent_decode("%4") == "%4");
    CHECK(percent_decode("%zz%4g%%41") == "%zz%4g%A");
    CHECK(percent_decode("+") == "+");
}
