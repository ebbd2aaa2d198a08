// International URLs: hosts in other scripts, texts without a scheme, and references as servers write them.
#include "catch.hpp"

#include <portico/error.hpp>
#include <portico/http/international.hpp>
#include <string>
#include <string_view>

using namespace portico;

namespace {

std::string parsed(std::string_view text)
{
    return http::parse_url(text).to_string();
}

std::string resolved(std::string_view reference, const char* base = "http://user:pw@base.example/a/b?q#f")
{
    return http::resolve(url(base), reference).to_string();
}

/// What is said of a text that is refused; empty where it is not.
template <class F>
std::string refusal_of(const F& parse)
{
    try {
        parse();
    } catch (const error& failure) {
        CHECK(failure.code() == errc::malformed);
        CHECK(failure.operation() == "parse URL");
        return failure.what();
    }
    return {};
}

bool is_refused(std::string_view text)
{
    return !refusal_of([&] { (void)http::parse_url(text); }).empty();
}

} // namespace

TEST_CASE("a text without a scheme is an http URL")
{
    CHECK(parsed("example.com") == "http://example.com/");
    CHECK(parsed("  localhost:8080/x ") == "http://localhost:8080/x");
    CHECK(parsed("ftp.example.com") == "http://ftp.example.com/");
    CHECK(parsed("host/?to=https://other.example/") == "http://host/?to=https://other.example/");
    CHECK(parsed("host#http://other.example/") == "http://host/#http://other.example/");
    CHECK(parsed("user:pw@host") == "http://host/");
    CHECK(parsed("[::1]:80/") == "http://[::1]/");
    CHECK(parsed("HTTPS://Host") == "https://host/");
    CHECK(parsed("file:///etc/hosts") == "file:///etc/hosts");
    CHECK(is_refused(""));
    CHECK(is_refused("mailto:somebody"));
    CHECK(is_refused("ho\tst"));
    CHECK(is_refused("ht\\tp://host/"));
}

TEST_CASE("a host in another script becomes ASCII, percent-encoded or not")
{
    CHECK(parsed("http://B\xc3\xbc" "cher.example/\xc3\xbc") == "http://xn--bcher-kva.example/%C3%BC");
    CHECK(parsed("b%C3%BCcher.example:81") == "http://xn--bcher-kva.example:81/");
    CHECK(parsed("https://fa\xc3\x9f.de./") == "https://xn--fa-hia.de./");                // non-transitional
    CHECK(parsed("http://bu\xcc\x88" "cher.example/") == "http://xn--bcher-kva.example/"); // not composed
    CHECK(parsed("http://\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x80\x82jp/") == "http://xn--wgv71a119e.jp/");
    CHECK(parsed("http://\xe2\x98\x83.net/") == "http://xn--n3h.net/");
    CHECK(parsed("http://my_host.\xc3\xbc.de/") == "http://my_host.xn--tda.de/");
    CHECK(parsed("http://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/") == "http://127.0.0.1/"); // full width
    const url with_user = http::parse_url("http://\xc3\xbc:p@w@\xc3\xbc.de/?\xc3\xbc@\xc3\xbc");
    CHECK(with_user.user() == "\xc3\xbc");
    CHECK(with_user.password() == "p@w");
    CHECK(with_user.to_string() == "http://xn--tda.de/?%C3%BC@%C3%BC");
    CHECK(parsed("gopher://\xc3\xbc.de/") == "gopher://xn--tda.de/");
}

TEST_CASE("a host that is no name in any script is refused, and the password is not shown")
{
    CHECK(is_refused("http://\xff\xfe/"));
    CHECK(is_refused("http://b%FCcher.example/"));                      // Latin-1
    CHECK(is_refused("http://\xc3\xbc%00.de/"));
    CHECK(is_refused("http://evil.c\xe2\x84\x80.example/"));            // means a/c
    CHECK(is_refused("http://evil.example\xef\xbc\x8f.good.example/")); // a slash of full width
    CHECK(is_refused("http://evil.example\xef\xbc\xa0good.example/"));  // a commercial at
    CHECK(is_refused("http://evil.example\xef\xbc\x9a" "80/"));         // a colon
    CHECK(is_refused("http://\xc3\xbc\xe2\x80\xae.de/"));               // turns the direction of writing
    CHECK(is_refused("http://\xc2\xad/"));                              // nothing but a soft hyphen
    std::string label;
    for (int count = 0; count < 64; ++count)
        label += "\xc3\xbc";
    CHECK(is_refused("http://" + label + ".de/"));
    CHECK(refusal_of([] { (void)http::parse_url("http://user:secret@\xff/"); })
          == "parse URL \\xff: the host is no international name: string encoding error");
}

TEST_CASE("a reference is read as browsers do: blanks, line ends and backslashes")
{
    CHECK(resolved("c") == "http://base.example/a/c");
    CHECK(resolved(" \r\n/c\t ") == "http://base.example/c");
    CHECK(resolved("/c\r\n/d\te") == "http://base.example/c/de");
    CHECK(resolved("..\\c\\d?x\\y#z\\") == "http://base.example/c/d?x%5Cy#z%5C");
    CHECK(resolved("\\\\other.example\\x") == "http://other.example/x");
    CHECK(resolved("/\\other.example") == "http://other.example/");
    CHECK(resolved("https:\\\\other.example\\x") == "https://other.example/x");
    CHECK(resolved("ht\ntps://other.example/") == "https://other.example/");
    CHECK(resolved("http://other.example\\@evil.example/") == "http://other.example/@evil.example/");
    CHECK(resolved("file:\\c") == "file:%5Cc");
    CHECK(resolved("?x") == "http://base.example/a/b?x");
    CHECK(resolved("") == "http://base.example/a/b?q");
    CHECK(resolved("a b\\c:\\d") == "http://base.example/a/a%20b/c:/d");
    CHECK(http::resolve(url("http://user:pw@base.example/"), "/c").user() == "user");
    CHECK(http::resolve(url("http://user:pw@base.example/"), "//base.example/c").user().empty());
}

TEST_CASE("a reference to a host in another script becomes ASCII")
{
    CHECK(resolved("//\xc3\xbc.de/x") == "http://xn--tda.de/x");
    CHECK(resolved("https://\xc3\xbc.de:8/") == "https://xn--tda.de:8/");
    CHECK(resolved("https:/\xc3\xbc.de") == "https://xn--tda.de/");
    CHECK(resolved("/\xc3\xbc.de") == "http://base.example/%C3%BC.de");
    CHECK(resolved("file:///\xff/x") == "file:///%FF/x");
    CHECK(resolved("\xc3\xbc//\xc3\xbc.de") == "http://base.example/a/%C3%BC//%C3%BC.de");
}

TEST_CASE("where curl differs from browsers, a reference is read as curl does")
{
    CHECK(resolved("http:/other.example/c") == "http://other.example/c");
    CHECK(resolved("http:///other.example/c") == "http://other.example/c");
    for (const std::string_view refused :
         {"http:c", "http:////other.example/c", "///other.example/c", "/c\x01/d", "/\x7f"})
        CHECK_FALSE(refusal_of([&] { (void)resolved(refused); }).empty());
}
