// proxy: how proxies are written, where the environment says them, and for whom there is none.
#include "catch.hpp"

#include <cstdlib>
#include <map>
#include <portico/error.hpp>
#include <portico/http/proxy.hpp>
#include <string>
#include <string_view>
#include <vector>

using namespace portico;
using http::proxy;
using http::proxy_settings;

namespace {

/// As text, with user and password in brackets.
std::string shown(std::string_view text)
{
    const proxy parsed = proxy::parse(text);
    std::string result = to_string(parsed);
    if (parsed.login())
        result += " [" + parsed.login()->user + "][" + parsed.login()->password + ']';
    return result;
}

std::string refusal_of(std::string_view text)
{
    try {
        (void)proxy::parse(text);
    } catch (const error& failure) {
        CHECK(failure.code() == errc::malformed);
        return failure.what();
    }
    return {};
}

proxy_settings from(std::map<std::string, std::string> variables)
{
    return proxy_settings::from_environment([&](const char* name) {
        const auto found = variables.find(name);
        return found == variables.end() ? nullptr : found->second.c_str();
    });
}

std::string via(const proxy_settings& settings, std::string_view to)
{
    const auto found = settings.for_url(url(to));
    return found ? to_string(*found) : "direct";
}

bool is_excepted(std::string_view list, std::string_view to)
{
    proxy_settings settings;
    settings.use("proxy");
    settings.no_proxy(list);
    return !settings.for_url(url(to));
}

} // namespace

TEST_CASE("a proxy is read with and without scheme, port, user and password")
{
    CHECK(shown("localhost") == "http://localhost:1080");
    CHECK(shown(" localhost:3128 ") == "http://localhost:3128");
    CHECK(shown("http://Proxy.Example") == "http://proxy.example:1080");
    CHECK(shown("http://proxy:80/ignored?x#y") == "http://proxy:80");
    CHECK(shown("HTTPS://proxy") == "https://proxy:443");
    CHECK(shown("socks5://127.0.0.1") == "socks5://127.0.0.1:1080");
    CHECK(shown("socks5h://[::1]:9050") == "socks5h://[::1]:9050");
    CHECK(shown("http://f%61ke:us%65r%3A%40@proxy:1") == "http://proxy:1 [fake][user:@]");
    CHECK(shown("http://fake:@proxy:1") == "http://proxy:1 [fake][]");
    CHECK(shown("fake@proxy") == "http://proxy:1080 [fake][]");
    CHECK(shown("a@b:c@d@proxy") == "http://proxy:1080 [a@b][c@d]");
    CHECK(shown("http://@proxy:1") == "http://proxy:1");
    CHECK(proxy::parse("socks5h://x").scheme() == proxy::scheme::socks5h);
    CHECK(proxy::parse("x:7").host() == "x");
    CHECK(proxy::parse("x:7").port() == 7);
}

TEST_CASE("what is no proxy is refused, and nothing that may be a password is shown")
{
    CHECK(refusal_of("socks4://user:secret@host") == "parse proxy host: its scheme is not http, https, socks5 or socks5h");
    CHECK(refusal_of("http://user:sec/ret@host")
          == "parse proxy host: it is not [SCHEME://][USER[:PASSWORD]@]HOST[:PORT]");
    for (const std::string_view wrong : {"", "http://", "://host", "host:port", "host:65536", "user:secret@", "[::1",
                                         "ho st", "http://host\r\nX: y", "http:///host"})
        CHECK(refusal_of(wrong).starts_with("parse proxy"));
}

TEST_CASE("a login that is set replaces what the text says")
{
    proxy parsed = proxy::parse("user:secret@host");
    parsed.login({"other", "word"});
    CHECK(parsed.login() == http::login("other", "word"));
}

TEST_CASE("the environment says the proxy of each scheme, lower case first, and empty variables are none")
{
    const std::string_view plain = "http://host/", secure = "https://host/";
    CHECK(via(from({}), plain) == "direct");
    CHECK(via(from({{"http_proxy", "a"}}), plain) == "http://a:1080");
    CHECK(via(from({{"http_proxy", "a"}}), secure) == "direct");
    CHECK(via(from({{"HTTP_PROXY", "a"}}), plain) == "direct");
    CHECK(via(from({{"HTTPS_PROXY", "a"}}), secure) == "http://a:1080");
    CHECK(via(from({{"HTTPS_PROXY", "a"}, {"https_proxy", "b"}}), secure) == "http://b:1080");
    CHECK(via(from({{"all_proxy", "socks5://a"}}), plain) == "socks5://a:1080");
    CHECK(via(from({{"ALL_PROXY", "a"}, {"https_proxy", ""}}), secure) == "http://a:1080");
    CHECK(via(from({{"http_proxy", "a"}, {"NO_PROXY", "host"}}), plain) == "direct");
    CHECK(via(from({{"http_proxy", "a"}, {"NO_PROXY", "host"}, {"no_proxy", "other"}}), plain) == "http://a:1080");
    CHECK(via(from({{"all_proxy", "a"}}), "ftp://host/") == "direct");
}

TEST_CASE("a proxy of the environment that cannot be read fails only where it is needed")
{
    const proxy_settings settings = from({{"http_proxy", "socks4://a"}, {"no_proxy", "excepted"}});
    CHECK_THROWS_AS(settings.for_url(url("http://host/")), error);
    CHECK(via(settings, "https://host/") == "direct");
    CHECK(via(settings, "http://excepted/") == "direct");
}

TEST_CASE("a proxy that is given goes before the environment, and the exceptions stay")
{
    proxy_settings settings = from({{"http_proxy", "a"}, {"no_proxy", "excepted"}});
    settings.use("b");
    CHECK(via(settings, "http://host/") == "http://b:1080");
    CHECK(via(settings, "https://host/") == "http://b:1080");
    CHECK(via(settings, "https://excepted/") == "direct");
    settings.no_proxy("");
    CHECK(via(settings, "https://excepted/") == "http://b:1080");
    CHECK_THROWS_AS(settings.use("host:port"), error);
    settings.use("");
    CHECK(via(settings, "http://host/") == "direct");
    CHECK_THROWS_AS(proxy_settings::from_environment(std::getenv).use("socks4://a"), error);
}

TEST_CASE("a name in the list is that name and all below it")
{
    for (const std::string_view list : {"example.com", ".example.com", "*.example.com", "example.com.", "EXAMPLE.com",
                                        "other,example.com", " other\t example.com , ", "*"}) {
        CAPTURE(list);
        CHECK(is_excepted(list, "http://example.com/"));
        CHECK(is_excepted(list, "http://a.b.example.com:81/"));
        CHECK(is_excepted(list, "http://www.example.com./"));
    }
    for (const std::string_view list : {"", ",", ".", "*.", "ample.com", "www.example.com", "example", "com.example",
                                        "**", "http://example.com", "example.com/8"}) {
        CAPTURE(list);
        CHECK_FALSE(is_excepted(list, "http://example.com/"));
    }
    CHECK_FALSE(is_excepted("example.com", "http://notexample.com/"));
    CHECK_FALSE(is_excepted("example.com", "http://example.com.evil.example/"));
}

TEST_CASE("a port in the list limits it to that port")
{
    CHECK(is_excepted("example.com:8080", "http://www.example.com:8080/"));
    CHECK(is_excepted("example.com:443", "https://example.com/"));
    CHECK_FALSE(is_excepted("example.com:8080", "http://example.com/"));
    CHECK_FALSE(is_excepted("example.com:x", "http://example.com/"));
    CHECK(is_excepted("127.0.0.1:80", "http://127.0.0.1/"));
    CHECK(is_excepted("[::1]:80", "http://[::1]/"));
    CHECK_FALSE(is_excepted("[::1]:81", "http://[::1]/"));
}

TEST_CASE("an address in the list is that address, and with a prefix all that begin so")
{
    CHECK(is_excepted("192.168.0.1", "http://192.168.0.1/"));
    CHECK_FALSE(is_excepted("192.168.0.1", "http://192.168.0.10/"));
    CHECK_FALSE(is_excepted("168.0.1", "http://192.168.0.1/"));
    CHECK(is_excepted("192.168.0.0/16", "http://192.168.200.1:8080/"));
    CHECK(is_excepted("192.168.5.5/16", "http://192.168.200.1/")); // bits behind the prefix, as curl takes them
    CHECK_FALSE(is_excepted("192.168.0.0/16", "http://192.169.0.1/"));
    CHECK(is_excepted("0.0.0.0/0", "http://192.168.0.1/"));
    CHECK_FALSE(is_excepted("0.0.0.0/0", "http://host/"));
    CHECK(is_excepted("::1", "http://[::1]/"));
    CHECK(is_excepted("[0:0::1]", "http://[::1]/"));
    CHECK(is_excepted("fe80::/10", "http://[fe80::1%25eth0]/"));
    CHECK_FALSE(is_excepted("fe80::/10", "http://[fec0::1]/"));
    CHECK(is_excepted("10.0.0.0/8", "http://[::ffff:10.1.2.3]/")); // the same host
    for (const std::string_view list : {"192.168.0.1/", "192.168.0.1/33", "192.168.0.1/+8", "192.168.0.1/8x", "[::1",
                                        "192.168.0.1/-1", "/8", "[]", "["})
        CHECK_FALSE(is_excepted(list, "http://192.168.0.1/"));
}
