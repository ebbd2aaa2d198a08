// The cookie jar: what is kept, where it goes, and what a server may not do.
#include "catch.hpp"

#include <portico/http/cookie_jar.hpp>
#include <portico/http/date.hpp>
#include <string>
#include <vector>

using namespace portico;
using namespace std::chrono_literals;
using http::cookie_jar;

namespace {

constexpr cookie_jar::time now(1'000'000'000s);

/// What is sent to `to` after each of these was received from `from`.
std::string sent(const std::string& from, const std::vector<std::string>& set, const std::string& to,
                 std::chrono::seconds later = 0s)
{
    cookie_jar jar;
    for (const std::string& each : set)
        jar.store(url(from), each, now);
    return jar.header_for(url(to), now + later);
}

std::string sent_back(const std::string& set, const std::string& from = "https://www.example.com/a/b")
{
    return sent(from, {set}, from);
}

const std::string file_head = "# Netscape HTTP Cookie File\n\n";

} // namespace

TEST_CASE("a cookie goes back as name and value, whatever stands around them")
{
    CHECK(sent_back("a=1") == "a=1");
    CHECK(sent_back(" a = 1 ; x=y; Path=/") == "a=1");
    CHECK(sent_back("a=") == "a=");
    CHECK(sent_back("a=b=c") == "a=b=c");
    CHECK(sent_back("a=\"b c\"") == "a=\"b c\"");
    CHECK(sent_back("a=1;;;") == "a=1");
    CHECK(sent_back("\ta\t=\t1\t") == "a=1");
    CHECK(sent_back("a=\xc3\xbc") == "a=\xc3\xbc");
    CHECK(sent("http://a/", {"a=1", "b=2", "a=3"}, "http://a/") == "a=3; b=2");
    CHECK(sent("http://a:1/", {"a=1"}, "https://A.:2/?b") == "a=1");
}

TEST_CASE("what is no cookie is ignored")
{
    for (const char* set : {"", ";", "a", "=", "=1", " =1", "; a=1", "a\x01=1", "a=1\x7f", "a=1; path=/\r\nb", "a\tb=1",
                            "a=1\t2", "a=1; Path=/\ta"}) {
        CAPTURE(set);
        CHECK(sent_back(set, "https://www.example.com/").empty());
    }
    CHECK(sent_back(std::string("a=1\0", 4)).empty());
    CHECK(sent_back("a=1;\tPath\t=\t/\t") == "a=1"); // tabs around are blanks
}

TEST_CASE("a cookie without a domain goes to its host only, one with a domain to the hosts in it")
{
    const std::string from = "http://www.example.com/";
    CHECK(sent(from, {"a=1"}, "http://www.example.com/") == "a=1");
    CHECK(sent(from, {"a=1"}, "http://x.www.example.com/").empty());
    CHECK(sent(from, {"a=1; Domain="}, "http://x.www.example.com/").empty());
    CHECK(sent(from, {"a=1; Domain=."}, "http://x.www.example.com/").empty());
    for (const char* domain :
         {"example.com", ".example.com", "EXAMPLE.com", "other.org; domain=example.com", "example.com."}) {
        CAPTURE(domain);
        const std::string set = std::string("a=1; Domain=") + domain;
        CHECK(sent(from, {set}, "http://example.com/") == "a=1");
        CHECK(sent(from, {set}, "http://www.example.com/") == "a=1");
        CHECK(sent(from, {set}, "http://x.y.example.com/") == "a=1");
        CHECK(sent(from, {set}, "http://bexample.com/").empty());
        CHECK(sent(from, {set}, "http://example.com.evil.org/").empty());
        CHECK(sent(from, {set}, "http://com/").empty());
    }
    for (const char* domain : {"other.org", "x.www.example.com", "ww.example.com", "ample.com", "..example.com", "com",
                               "example.com/", "*.example.com"}) {
        CAPTURE(domain);
        CHECK(sent(from, {std::string("a=1; Domain=") + domain}, from).empty());
    }
}

TEST_CASE("nobody sets a cookie for a public suffix")
{
    CHECK(sent("http://example.co.uk/", {"a=1; Domain=co.uk"}, "http://example.co.uk/").empty());
    CHECK(sent("http://curl.co.UK/", {"a=1; Domain=co.UK", "b=2; domain=CURL.CO.UK"}, "http://x.curl.co.uk/") == "b=2");
    CHECK(sent("http://me.github.io/", {"a=1; Domain=github.io"}, "http://me.github.io/").empty());
    CHECK(sent("http://a.com./", {"a=1; Domain=com."}, "http://a.com./").empty());
    CHECK(sent("http://a.xn--55qx5d.cn/", {"a=1; Domain=xn--55qx5d.cn"}, "http://a.xn--55qx5d.cn/").empty());
    const std::vector<std::string> set = {"t1=1; domain=example.ck", "t2=2; domain=www.example.ck", "t3=3; domain=ck",
                                          "t4=4; domain=www.ck", "t5=5; domain=z-1.compute-1.amazonaws.com"};
    CHECK(sent("http://www.example.ck/", set, "http://x.www.example.ck/") == "t2=2");
    CHECK(sent("http://www.ck/", set, "http://x.www.ck/") == "t4=4");
    // the suffix itself may keep a cookie, for this host alone
    CHECK(sent("http://z-1.compute-1.amazonaws.com/", set, "http://z-1.compute-1.amazonaws.com/") == "t5=5");
    CHECK(sent("http://z-1.compute-1.amazonaws.com/", set, "http://x.z-1.compute-1.amazonaws.com/").empty());
    CHECK(sent("http://localhost/", {"a=1; domain=localhost"}, "http://localhost/") == "a=1");
    CHECK(sent("http://localhost/", {"a=1; domain=localhost"}, "http://x.localhost/").empty());
}

TEST_CASE("an address has no domain above it, however it is written")
{
    struct pair {
        const char *host, *domain;
    };
    for (const auto& [host, domain] : {pair{"127.0.0.1", "0.0.1"}, pair{"127.0.0.1", "1"}, pair{"0x7f.0.0.1", "0.0.1"},
                                       pair{"a.0x1", "0x1"}, pair{"a.b.0x", "b.0x"}}) {
        CAPTURE(host);
        const std::string from = std::string("http://") + host + "/";
        CHECK(sent(from, {std::string("a=1; Domain=") + domain}, from).empty());
        CHECK(sent(from, {std::string("a=1; Domain=") + host}, from) == "a=1");
        CHECK(sent(from, {std::string("a=1; Domain=") + host}, std::string("http://b.") + host + "/").empty());
    }
    CHECK(sent("http://[::1]/", {"a=1"}, "http://[::1]:81/") == "a=1");
    CHECK(sent("http://[::1]/", {"a=1; Domain=::1"}, "http://[::1]:81/") == "a=1");
    CHECK(sent("http://[fe80::1%25eth0]/", {"a=1"}, "http://[fe80::1%25eth1]/").empty());
    cookie_jar jar;
    CHECK(jar.load("0.0.1\tTRUE\t/\tFALSE\t0\ta\t1\n", now) == 1);
    CHECK(jar.header_for(url("http://127.0.0.1/"), now).empty());
    CHECK(jar.header_for(url("http://0.0.1/"), now) == "a=1");
}

TEST_CASE("a path takes in what lies below it, and by default is that of the URL without its last segment")
{
    struct paths {
        const char *from, *attribute, *to;
        bool goes;
    };
    const paths table[] = {
        {"/a/b", "", "/a/c", true},
        {"/a/b", "", "/a", true},
        {"/a/b", "", "/ab", false},
        {"/a/b", "", "/", false},
        {"/a", "", "/", true},
        {"/a/", "", "/a", true},
        {"/", "", "/x/y", true},
        {"/a/b", "; Path=/", "/x", true},
        {"/a/b", "; Path=x", "/a/c", true},
        {"/a/b", "; Path=", "/a/c", true},
        {"/a/b", "; Path=/; Path=", "/x", false},
        {"/x", "; Path=/hoge", "/hoge", true},
        {"/x", "; Path=/hoge", "/hoge/1", true},
        {"/x", "; Path=/hoge", "/hoge?q", true},
        {"/x", "; Path=/hoge", "/hogege/", false},
        {"/x", "; Path=/hoge/", "/hoge/1", true},
        {"/x", "; Path=/hoge/", "/hoge", false},
        {"/x", "; Path=/hoge", "/Hoge", false},
    };
    for (const paths& each : table) {
        CAPTURE(each.from, each.attribute, each.to);
        const std::string host = "http://a.example";
        CHECK(!sent(host + each.from, {std::string("a=1") + each.attribute}, host + each.to).empty() == each.goes);
    }
}

TEST_CASE("longer paths are sent first, then what was stored first, also where it has been replaced")
{
    CHECK(sent("http://a/", {"a=1", "b=2; Path=/x", "c=3", "d=4; Path=/x/y", "a=5", "e=6; Path=/x"}, "http://a/x/y/z")
          == "d=4; b=2; e=6; a=5; c=3");
}

TEST_CASE("Max-Age goes before Expires, and what has expired removes what was there")
{
    const std::string at = "http://a/";
    CHECK(sent(at, {"a=1; Max-Age=10"}, at, 9s) == "a=1");
    CHECK(sent(at, {"a=1; Max-Age=10"}, at, 10s).empty());
    CHECK(sent(at, {"a=1; Expires=Sun, 09 Sep 2001 01:46:50 GMT"}, at, 9s) == "a=1");
    CHECK(sent(at, {"a=1; Expires=Sun, 09 Sep 2001 01:46:50 GMT"}, at, 10s).empty());
    CHECK(sent(at, {"a=1; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}, at, 9s) == "a=1");
    CHECK(sent(at, {"a=1; Max-Age=-1; Expires=Fri, 13-Feb-2525 11:56:27 GMT"}, at).empty());
    CHECK(sent(at, {"a=1; Max-Age=\"10\"; Path=\"/\""}, at, 10s).empty());
    CHECK(sent(at, {"a=1; Expires=\"Sun, 09 Sep 2001 01:46:50 GMT\""}, at, 10s).empty());
    CHECK(sent(at, {"a=1; Max-Age=\""}, at, 10s) == "a=1");
    CHECK(sent(at, {"a=1", "a=; Max-Age=0"}, at).empty());
    CHECK(sent(at, {"a=1", "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}, at).empty());
    CHECK(sent(at, {"a=1", "a=; Path=/x; Max-Age=0"}, at) == "a=1");
    for (const char* never : {"; Max-Age=x", "; Max-Age=", "; Max-Age=-", "; Max-Age=1x", "; Expires=soon", ""}) {
        CAPTURE(never);
        CHECK(sent(at, {std::string("a=1") + never}, at, 24h * 365 * 100) == "a=1");
    }
    for (const std::string forever : {"; Max-Age=99999999999999999999", "; Expires=Fri, 31 Dec 9999 23:59:59 GMT"}) {
        CAPTURE(forever);
        CHECK(sent(at, {"a=1" + forever}, at, 24h * 400 - 1s) == "a=1");
        CHECK(sent(at, {"a=1" + forever}, at, 24h * 400).empty());
    }
}

TEST_CASE("a secure cookie neither comes nor goes in the clear, except on this machine")
{
    CHECK(sent("https://a/", {"a=1; Secure"}, "https://a/") == "a=1");
    CHECK(sent("https://a/", {"a=1; secure=no"}, "http://a/").empty());
    CHECK(sent("http://a/", {"a=1; Secure"}, "https://a/").empty());
    for (const std::string host : {"localhost", "localhost.", "127.0.0.1", "[::1]"}) {
        CAPTURE(host);
        CHECK(sent("http://" + host, {"a=1; Secure"}, "http://" + host) == "a=1");
    }
    for (const std::string host : {"127.0.0.2", "localhost.example", "xlocalhost", "[::2]"}) {
        CAPTURE(host);
        CHECK(sent("http://" + host, {"a=1; Secure"}, "http://" + host).empty());
    }
}

TEST_CASE("what came in the clear neither replaces, removes nor hides a secure cookie")
{
    const auto after = [](const std::string& secure, const std::string& from, const std::string& clear) {
        cookie_jar jar;
        jar.store(url("https://www.example.com/login/"), secure, now);
        jar.store(url(from), clear, now);
        return jar.header_for(url("https://www.example.com/login/x"), now);
    };
    const std::string secure = "a=1; Secure; Path=/login", clear = "http://www.example.com/login/";
    CHECK(after(secure, clear, "a=2; Path=/login") == "a=1");
    CHECK(after(secure, clear, "a=; Path=/login; Max-Age=0") == "a=1");
    CHECK(after(secure, clear, "a=2; Path=/login/x") == "a=1");
    CHECK(after(secure, clear, "a=2; Domain=example.com; Path=/login/x") == "a=1");
    CHECK(after(secure + "; Domain=example.com", clear, "a=2; Path=/login") == "a=1");
    CHECK(after(secure + "; Domain=example.com", "http://example.com/", "a=2; Domain=example.com; Path=/login")
          == "a=1");
    CHECK(after(secure, clear, "a=2; Path=/") == "a=1; a=2"); // behind it
    CHECK(after(secure, clear, "b=2; Path=/login") == "a=1; b=2");
    CHECK(after(secure, "https://www.example.com/", "a=2; Path=/login") == "a=2");
    CHECK(after("a=1; Path=/login", clear, "a=2; Path=/login") == "a=2");
}

TEST_CASE("the prefixes of names promise what they say")
{
    const std::string at = "https://www.example.com/";
    CHECK(sent(at, {"__Secure-a=1; Secure"}, at) == "__Secure-a=1");
    CHECK(sent(at, {"__Secure-a=1"}, at).empty());
    CHECK(sent(at, {"__sECURE-a=1"}, at).empty());
    CHECK(sent(at, {"__Host-a=1; Secure; Path=/"}, at) == "__Host-a=1");
    CHECK(sent(at, {"__Host-a=1; Path=/"}, at).empty());
    CHECK(sent(at, {"__Host-a=1; Secure"}, at).empty());
    CHECK(sent(at, {"__Host-a=1; Secure; Path=/x"}, at + "x").empty());
    CHECK(sent(at, {"__host-a=1; Secure; Path=/; Domain=example.com"}, at).empty());
    CHECK(sent("http://www.example.com/", {"__Host-a=1; Secure; Path=/"}, at).empty());
}

TEST_CASE("a cookie has a largest size, and so has the header")
{
    const std::string at = "http://a/";
    CHECK(sent(at, {std::string(1, 'a') + "=" + std::string(4095, 'x')}, at).size() == 4097);
    CHECK(sent(at, {std::string(1, 'a') + "=" + std::string(4096, 'x')}, at).empty());
    CHECK(sent(at, {std::string(4096, 'a') + "="}, at).size() == 4097);
    CHECK(sent(at, {std::string(4097, 'a') + "="}, at).empty());
    CHECK(sent(at, {"a=1; Path=/" + std::string(1023, 'x')}, at).empty());
    CHECK(sent(at, {"a=1; Path=/" + std::string(1024, 'x')}, at) == "a=1"); // the attribute is ignored
    const std::string first = "a=" + std::string(4095, 'x'), second = "c=" + std::string(4077, 'x');
    const auto goes = [&at](const std::vector<std::string>& set, const std::string& expected) {
        return sent(at, set, at) == expected; // too long to be shown
    };
    CHECK(goes({first, second, "b="}, first + "; " + second + "; b=")); // and "Cookie: " are 8190 bytes
    CHECK(goes({first, second + "x", "bc=", "d="}, first + "; " + second + "x"));
}

TEST_CASE("a domain has 180 cookies and the jar 3000, the oldest make room, and secure ones stay")
{
    cookie_jar jar;
    const url clear("http://a.example/"), secure("https://a.example/");
    jar.store(secure, "session=1; Secure", now);
    jar.store(clear, "brief=1; Max-Age=1", now);
    for (int count = 0; count < 200; ++count)
        jar.store(clear, "n" + std::to_string(count) + "=", now + 1s);
    const std::string header = jar.header_for(secure, now + 1s);
    CHECK(header.substr(0, 21) == "session=1; n21=; n22=");
    CHECK(header.substr(header.rfind(' ')) == " n169="); // 150 are sent
    cookie_jar again;
    CHECK(again.load(jar.save(now + 1s), now) == 180);
    for (int count = 0; count < 180; ++count)
        jar.store(secure, "s" + std::to_string(count) + "=; Secure", now);
    CHECK(jar.header_for(clear, now).empty());
    CHECK(jar.header_for(secure, now).find("session") == std::string::npos);
    jar.store(clear, "late=1", now);
    CHECK(jar.header_for(clear, now).empty());

    for (int host = 0; host < 5000; ++host)
        jar.store(url("http://h" + std::to_string(host) + ".example/"), "a=1", now);
    CHECK(jar.header_for(secure, now).substr(0, 7) == "s0=; s1");
    CHECK(jar.header_for(url("http://h2179.example/"), now).empty());
    CHECK(jar.header_for(url("http://h2180.example/"), now) == "a=1");
    CHECK(cookie_jar().load(jar.save(now), now) == 3000);
}

TEST_CASE("a file in Netscape's format is read as curl reads it")
{
    cookie_jar jar;
    const std::string text = file_head
                             + "#HttpOnly_.foo.com\tTRUE\t/we/want/\tFALSE\t22147483647\ttest\tyes\r\n"
                               ".host.foo.com\ttrue\t/we/want/\tFALSE\t22147483647\ttest2\tyes\n"
                               ".fake.host.foo.com\tTRUE\t/we/want/\tFALSE\t22147483647\ttest4\tyes\n"
                               ".foo.com\tTRUE\t/moo\tTRUE\t0\ttest3\tmaybe\n"
                               "www.host.foo.com\tFALSE\t/\tFALSE\t0\tempty\t\n"
                               "WWW.host.foo.com.\tFALSE\t/\tFALSE\t99999999999999999999\tshort\n"
                               "www.host.foo.com\tFALSE\t/\tFALSE\t1\texpired\tno\n"
                               "www.host.foo.com\tFALSE\t/\tFALSE\t-99999999999999999999\texpired\tno\n"
                               ".127.0.0.1\tTRUE\t/\tFALSE\t0\tpartmatch\tpresent";
    CHECK(jar.load(text, now) == 7);
    CHECK(jar.header_for(url("http://www.host.foo.com/we/want/62"), now) == "test=yes; test2=yes; empty=; short=");
    CHECK(jar.header_for(url("http://www.host.foo.com/moo"), now) == "empty=; short=");
    CHECK(jar.header_for(url("https://foo.com/moo"), now) == "test3=maybe");
    CHECK(jar.header_for(url("http://127.0.0.1/we/want/172"), now) == "partmatch=present");
    CHECK(jar.header_for(url("http://x.www.host.foo.com/"), now).empty());
}

TEST_CASE("lines that hold no cookie are passed over")
{
    cookie_jar jar;
    CHECK(jar.load("", now) == 0);
    CHECK(jar.load("HTTP/1.1 200 OK\r\nDate: x\r\n\r\n# comment\n\n\t\t\t\t\t\t\n", now) == 0);
    for (const std::string line :
         {"a\tFALSE\t/\tFALSE\t0\t\tmoo1\tindeed", "a\tFALSE\t/\tFALSE\t0\t\tvalue", "a\tFALSE\t/\tFALSE\t0",
          "a\tmaybe\t/\tFALSE\t0\tn\tv", "a\tFALSE\tx\tFALSE\t0\tn\tv", "a\tFALSE\t/\t0\t0\tn\tv",
          "a\tFALSE\t/\tFALSE\tx\tn\tv", "\tFALSE\t/\tFALSE\t0\tn\tv", "a b\tFALSE\t/\tFALSE\t0\tn\tv",
          "..a\tTRUE\t/\tFALSE\t0\tn\tv", "#a\tFALSE\t/\tFALSE\t0\tn\tv", "# a\tFALSE\t/\tFALSE\t0\tn\tv",
          "a\tFALSE\t/\tFALSE\t0\tn\tv\rx", "a\tFALSE\t/\tFALSE\t0\tn\tv\x1b", "a\tFALSE\t/\tFALSE\t0\t__Secure-n\tv",
          "a\tTRUE\t/\tTRUE\t0\t__Host-n\tv"}) {
        CAPTURE(line);
        CHECK(jar.load(line, now) == 0);
    }
    CHECK(jar.load("a\tFALSE\t/\tFALSE\t0\tn\t" + std::string(4096, 'v'), now) == 0);
    CHECK(jar.save(now) == file_head);
}

TEST_CASE("a file may hold fields Set-Cookie that name a domain")
{
    cookie_jar jar;
    CHECK(jar.load("HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Domain=.example.com; Max-Age=5\r\n"
                   "set-cookie:b=2; domain=example.com; path=/x; secure\nSet-Cookie: c=3\nSet-Cookie: ; domain=a\n",
                   now)
          == 2);
    CHECK(jar.header_for(url("https://www.example.com/x"), now) == "b=2; a=1");
    CHECK(jar.header_for(url("http://www.example.com/x"), now) == "a=1");
    CHECK(jar.header_for(url("http://www.example.com/x"), now + 5s).empty());
}

TEST_CASE("what is saved is Netscape's format, and reads again as it was")
{
    cookie_jar jar;
    const url from("https://www.example.com/a/b");
    jar.store(from, "host=1", now);
    jar.store(from, "domain=2; Domain=example.com; Path=/; Secure; HttpOnly; Max-Age=60", now);
    jar.store(from, "gone=3; Max-Age=1", now);
    jar.store(url("http://localhost/we/want/798"), "flavor=tasty; domain=localhost; path=/p4/; httponly; secure", now);
    const std::string saved = jar.save(now + 1s);
    CHECK(saved
          == file_head
                 + "www.example.com\tFALSE\t/a\tFALSE\t0\thost\t1\n"
                   "#HttpOnly_.example.com\tTRUE\t/\tTRUE\t1000000060\tdomain\t2\n"
                   "#HttpOnly_localhost\tFALSE\t/p4/\tTRUE\t0\tflavor\ttasty\n");
    cookie_jar again;
    CHECK(again.load(saved, now) == 3);
    CHECK(again.save(now) == saved);
    CHECK(again.load(saved, now) == 3); // in place of what is there
    CHECK(again.save(now) == saved);
}

TEST_CASE("a jar that was loaded learns what the server says about it")
{
    cookie_jar jar;
    CHECK(jar.load("127.0.0.1\tFALSE\t/func_test\tFALSE\t21709598616\tmycookie6\t991\n"
                   "127.0.0.1\tFALSE\t/func_test\tFALSE\t21709598616\tmycookie2\t5900\n"
                   "#HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t21709598616\tmycookie1\t4900\n",
                   now)
          == 3);
    const url at("http://127.0.0.1:8080/func_test/del_cookie");
    CHECK(jar.header_for(at, now) == "mycookie6=991; mycookie2=5900; mycookie1=4900");
    for (const char* set :
         {"mycookie=; Max-Age=-1", "mycookie6=; Path=/func_test; Max-Age=-1", "mycookie1=; Path=/; Max-Age=-1"})
        jar.store(at, set, now);
    CHECK(jar.header_for(at, now) == "mycookie2=5900");
}
