// http::client over memory: kept connections, redirects, who asks, cookies, proxies, codings.
#include "catch.hpp"
#include "support/http_server.hpp"

#include <portico/core/deadline.hpp>
#include <portico/http/client.hpp>
#include <string>

using namespace portico;
using namespace std::chrono_literals;
using test::http_reply, test::http_response, test::http_server;

namespace {

const std::vector<std::uint16_t> ports{80, 8080};

class keeping final : public http::receiver {
public:
    void on_interim(const http::response_head& given) override { interim.push_back(given.status); }
    void on_head(const http::response_head& given) override { status = given.status; }
    void on_data(bytes data) override { body += data.text(); }
    void on_end(const fields&) override { ended = true; }
    std::vector<int> interim;
    int status = 0;
    std::string body;
    bool ended = false;
};

struct world : test::memory_world {
    explicit world(http_server::answerer answer) : server(std::move(answer))
    {
        memory.advance_when_idle();
        for (const char* const name : {"one.test", "two.test", "sub.one.test", "proxy.test"})
            memory.add_host(name, {*parse_ip("127.0.0.1")});
    }

    template <class Body>
    void run(const Body& body)
    {
        own.run([](world& in, const Body& work) -> task<> {
            co_await while_serving(in.server, ports, work);
        }(*this, body));
    }
    /// Gets one URL with a client of its own; what failed, or nothing.
    std::string get(const std::string& from, const http::request_options& how = {}, http::client_options options = {})
    {
        std::string failure;
        run([&]() -> task<> {
            http::client with(std::move(options));
            auto outcome = co_await as_result(with.get(url(from), how, got));
            if (outcome)
                facts = *outcome;
            else
                failure = outcome.error().what();
        });
        return failure;
    }

    http_server server;
    keeping got;
    http::response_facts facts;
};

http_reply redirect(const std::string& to, const std::string& status = "302 Found")
{
    return http_response("moved", "Location: " + to + "\r\n", status);
}

/// To this place once, and an answer there.
http_server::answerer redirect_once(std::string to, std::string status = "302 Found")
{
    return [to, status](const http::request_head& asked) {
        return asked.target == "/first" ? redirect(to, status) : http_reply(http_response("here"));
    };
}

http::request_options with_login(http::authentication scheme = http::authentication::basic)
{
    http::request_options how;
    how.login = http::login("Aladdin", "open sesame");
    how.scheme = scheme;
    return how;
}

http::client_options through(const std::string& proxy)
{
    http::client_options options;
    options.proxies.use(proxy);
    return options;
}

/// A thousand times the letter a.
const std::string thousand_in_gzip("\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\x4c\x1c\x05"
                                   "\xa3\x60\x14\x0c\x77\x00\x00\x03\xda\x38\x9a\xe8\x03\x00\x00", 29);

const std::string aladdin = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";

} // namespace

TEST_CASE("http::client: a connection is kept for the next request to the same origin, and to no other")
{
    world here([](const http::request_head&) { return http_response("x"); });
    here.run([&]() -> task<> {
        http::client with;
        for (const char* const each : {"http://one.test/a", "http://one.test/b", "http://two.test/", "http://one.test:8080/"}) {
            keeping into;
            (void)co_await with.get(url(each), into);
            CHECK(into.body == "x");
        }
        CHECK(with.connections() == 3);
        with.close_idle();
        CHECK(with.connections() == 0);
    });
    CHECK(here.server.connections == 3);
}

TEST_CASE("http::client: no more connections are made than its limits allow, and every request is served")
{
    world here([](const http::request_head&) { return http_response("x"); });
    http::client_options options;
    options.connections_per_host = 2;
    options.connections = 3;
    std::size_t most = 0, served = 0;
    here.run([&]() -> task<> {
        http::client with(std::move(options));
        const auto ask = [&](std::string where) -> task<> {
            keeping into;
            (void)co_await with.get(url(where), into);
            most = std::max(most, with.connections());
            served += into.ended;
        };
        co_await scope([&](task_group& group) -> task<> {
            for (int i = 0; i < 20; ++i)
                for (const char* const host : {"one", "two", "sub.one"})
                    group.spawn(ask("http://" + std::string(host) + ".test/"));
            co_return;
        });
    });
    CHECK(served == 60);
    CHECK(most == 3);
}

TEST_CASE("http::client: who is cancelled while he waits for a connection leaves his place to others")
{
    world here([](const http::request_head&) { return http_response("x"); });
    http::client_options options;
    options.connections = 1;
    int served = 0;
    here.run([&]() -> task<> {
        http::client with(std::move(options));
        const auto ask = [&]() -> task<> {
            keeping into;
            (void)co_await with.get(url("http://one.test/"), into);
            ++served;
        };
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(ask());
            co_await scope([&](task_group& waiting) -> task<> {
                for (int i = 0; i < 5; ++i)
                    waiting.spawn(ask());
                co_await yield();
                waiting.cancel();
            });
            for (int i = 0; i < 4; ++i)
                group.spawn(ask());
        });
        CHECK(with.connections() == 1);
    });
    CHECK(served == 5);
}

TEST_CASE("http::client: a kept connection that the server has closed is replaced once, if nothing came")
{
    unsigned count = 0;
    world here([&](const http::request_head& asked) -> http_reply {
        ++count;
        if (asked.target == "/last")
            return {http_response("x"), true};
        if (asked.target == "/cut")
            return {"HTTP/1.1 200 OK\r\nContent-Le", true};
        return asked.target == "/none" ? http_reply("", true) : http_reply(http_response("x"));
    });
    here.run([&]() -> task<> {
        http::client with;
        keeping first, second, third, fourth;
        (void)co_await with.get(url("http://one.test/last"), first);
        (void)co_await with.get(url("http://one.test/"), second);
        CHECK(second.body == "x");
        auto cut = co_await as_result(with.get(url("http://one.test/cut"), third));
        CHECK_FALSE(cut);
        CHECK(count == 3); // a byte had come
        (void)co_await with.get(url("http://one.test/"), fourth);
        keeping fifth;
        auto none = co_await as_result(with.get(url("http://one.test/none"), fifth));
        CHECK_FALSE(none);
        CHECK(count == 6); // asked twice: the connection was a kept one
    });
}

TEST_CASE("http::client: a redirect is followed to where it leads, by each of its statuses")
{
    const char* const status = GENERATE("301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent");
    const char* const to = GENERATE("/second", "second", "http://two.test:8080/second", "//two.test/second", "?", "\\\\two.test\\x");
    world here(redirect_once(to, status));
    CAPTURE(status, to);
    CHECK(here.get("http://one.test/first").empty());
    CHECK(here.got.body == "here");
    CHECK(here.got.interim.size() == here.facts.redirects);
    if (std::string_view(to) != "?")
        CHECK(here.facts.redirects == 1);
}

TEST_CASE("http::client: a redirect that leads nowhere good ends with a reason, and nobody is asked")
{
    struct bad {
        const char* to;
        const char* why;
    };
    const bad table[] = {{"file:///etc/passwd", "only http and https"},
                         {"ftp://two.test/", "only http and https"},
                         {"http://two.test:99999/", "port"},
                         {"http:///", ""}};
    for (const bad& each : table) {
        world here(redirect_once(each.to));
        const std::string failure = here.get("http://one.test/first");
        CAPTURE(each.to, failure);
        CHECK_FALSE(failure.empty());
        CHECK(failure.find(each.why) != failure.npos);
        CHECK(here.server.requests.size() == 1);
    }
}

TEST_CASE("http::client: redirects in a circle end at their limit")
{
    world here([](const http::request_head&) { return redirect("/again"); });
    http::request_options how;
    how.redirects = GENERATE(0U, 3U, 50U);
    CHECK(here.get("http://one.test/", how).find("more than " + std::to_string(how.redirects)) != std::string::npos);
    CHECK(here.server.requests.size() == how.redirects + 1);
    CHECK(here.server.connections == 1);
}

TEST_CASE("http::client: what was given for one origin does not go to another one, unless it is asked for")
{
    const bool trusting = GENERATE(false, true);
    const char* const to = GENERATE("http://one.test/second", "http://two.test/second", "http://one.test:8080/second");
    world here(redirect_once(to));
    http::request_options how = with_login();
    how.trust_redirects = trusting;
    how.fields.add("Cookie", "secret=1");
    how.fields.add("X-Any", "y");
    CHECK(here.get("http://one.test/first", how).empty());
    REQUIRE(here.server.requests.size() == 2);
    const auto& last = here.server.requests.back();
    const bool expected = trusting || std::string_view(to) == "http://one.test/second";
    CHECK((last.field("Authorization") == aladdin) == expected);
    CHECK(last.head.fields.contains("Cookie") == expected);
    CHECK(last.field("X-Any") == "y");
}

TEST_CASE("http::client: an Authorization field of the caller's own stays with its origin, too")
{
    world here(redirect_once("http://two.test/"));
    http::request_options how;
    how.fields.add("Authorization", "Custom secret");
    CHECK(here.get("http://one.test/first", how).empty());
    CHECK(here.server.requests[0].field("Authorization") == "Custom secret");
    CHECK_FALSE(here.server.requests[1].head.fields.contains("Authorization"));
}

TEST_CASE("http::client: a login in a URL is for that URL")
{
    world here(redirect_once("http://x:y@two.test/second"));
    CHECK(here.get("http://Aladdin:open%20sesame@one.test/first").empty());
    CHECK(here.server.requests[0].field("Authorization") == aladdin);
    CHECK(here.server.requests[1].field("Authorization") == "Basic eDp5");
    CHECK(here.facts.effective_url == "http://two.test/second");
}

TEST_CASE("http::client: a .netrc file has the login of the host, and a redirect in the clear is no way to another one")
{
    world here(redirect_once("http://two.test/second"));
    http::client_options options;
    options.netrc = "machine one.test login Aladdin password \"open sesame\"\nmachine two.test login x password y\n";
    CHECK(here.get("http://one.test/first", {}, std::move(options)).empty());
    CHECK(here.server.requests[0].field("Authorization") == aladdin);
    CHECK_FALSE(here.server.requests[1].head.fields.contains("Authorization"));
}

TEST_CASE("http::client: a challenge of Digest is answered once, and a wrong password is not tried again")
{
    const bool right = GENERATE(true, false);
    const auto scheme = GENERATE(http::authentication::digest, http::authentication::any);
    world here([&](const http::request_head& asked) {
        const bool answered = asked.fields.find("Authorization").value_or("").starts_with("Digest ");
        return right && answered ? http_response("in")
                                 : http_response("no", "WWW-Authenticate: Basic realm=\"x\"\r\n"
                                                       "WWW-Authenticate: Digest realm=\"x\", nonce=\"n\", qop=\"auth\"\r\n",
                                                 "401 Unauthorized");
    });
    CHECK(here.get("http://one.test/", with_login(scheme)).empty());
    CHECK(here.got.status == (right ? 200 : 401));
    REQUIRE(here.server.requests.size() == 2);
    CHECK_FALSE(here.server.requests[0].head.fields.contains("Authorization"));
    CHECK(here.server.requests[1].field("Authorization").find("open sesame") == std::string::npos);
    CHECK(here.got.body == (right ? "in" : "no"));
}

TEST_CASE("http::client: where only Digest is allowed, the password is not told to who asks for Basic")
{
    world here([](const http::request_head&) {
        return http_response("no", "WWW-Authenticate: Basic realm=\"x\"\r\n", "401 Unauthorized");
    });
    CHECK(here.get("http://one.test/", with_login(http::authentication::digest)).empty());
    CHECK(here.server.requests.size() == 1);
}

TEST_CASE("http::client: cookies go back to where they belong, through redirects and requests")
{
    world here([](const http::request_head& asked) {
        if (asked.target == "/first")
            return http_response("", "Set-Cookie: a=1\r\nSet-Cookie: b=2; Path=/elsewhere\r\nLocation: /second\r\n", "302 Found");
        return http_response("x");
    });
    here.run([&]() -> task<> {
        http::client with;
        keeping first, second;
        (void)co_await with.get(url("http://one.test/first"), first);
        (void)co_await with.get(url("http://two.test/"), second);
    });
    CHECK(here.server.requests[1].field("Cookie") == "a=1");
    CHECK_FALSE(here.server.requests[2].head.fields.contains("Cookie"));
}

TEST_CASE("http::client: a proxy is asked by absolute URLs, and who it is that asks is for it alone")
{
    world here([](const http::request_head&) { return http_response("x"); });
    CHECK(here.get("http://one.test/page?q", with_login(), through("http://me:secret@proxy.test:8080")).empty());
    const auto& asked = here.server.requests.front();
    CHECK(asked.head.target == "http://one.test/page?q");
    CHECK(asked.field("Host") == "one.test");
    CHECK(asked.field("Authorization") == aladdin);
    CHECK(asked.field("Proxy-Authorization") == "Basic bWU6c2VjcmV0");
}

TEST_CASE("http::client: a tunnel tells the proxy nothing but where it leads, and the server nothing of the proxy")
{
    const bool asks = GENERATE(false, true);
    unsigned refused = 0;
    world here([&](const http::request_head& asked) -> http_reply {
        if (asked.method != "CONNECT")
            return http_response("x");
        if (asks && refused++ == 0)
            return {http_response("", "Proxy-Authenticate: Digest realm=\"p\", nonce=\"n\"\r\n", "407 Who?"), true};
        return "HTTP/1.0 200 Connection established\r\n\r\n";
    });
    http::request_options how = with_login();
    how.tunnel = true;
    how.proxy_scheme = http::authentication::digest;
    how.fields.add("Proxy-Authorization", "Basic overheard");
    CHECK(here.get("http://one.test/page", how, through("http://me:secret@proxy.test:8080")).empty());
    for (const auto& each : here.server.requests) {
        const bool is_tunnel = each.head.method == "CONNECT";
        CHECK(each.head.target == (is_tunnel ? "one.test:80" : "/page"));
        CHECK(each.head.fields.contains("Authorization") == !is_tunnel);
        if (!is_tunnel)
            CHECK_FALSE(each.head.fields.contains("Proxy-Authorization"));
    }
    CHECK(here.server.requests.size() == (asks ? 3 : 2));
    CHECK(here.got.body == "x");
}

TEST_CASE("http::client: a proxy that refuses a tunnel ends it with its status")
{
    world here([](const http::request_head&) { return http_response("", "", "403 Never"); });
    http::request_options how;
    how.tunnel = true;
    const std::string failure = here.get("http://one.test/", how, through("proxy.test:8080"));
    CHECK(failure.find("connect through proxy http://proxy.test:8080") != failure.npos);
    CHECK(failure.find("403 Never") != failure.npos);
}

TEST_CASE("http::client: hosts that need no proxy are asked themselves")
{
    world here([](const http::request_head&) { return http_response("x"); });
    http::client_options options = through("http://proxy.test:8080");
    options.proxies.no_proxy("one.test");
    CHECK(here.get("http://sub.one.test/", {}, std::move(options)).empty());
    CHECK(here.server.requests.front().head.target == "/");
}

TEST_CASE("http::client: a compressed body is asked for and decoded if that is wanted, and held to its size")
{
    // printf 'aaa...' (1000 times) | gzip -9n
    world here([&](const http::request_head&) { return http_response(thousand_in_gzip, "Content-Encoding: gzip\r\n"); });
    http::request_options how;
    SECTION("as it is")
    {
        CHECK(here.get("http://one.test/", how).empty());
        CHECK(here.got.body == thousand_in_gzip);
        CHECK_FALSE(here.server.requests[0].head.fields.contains("Accept-Encoding"));
    }
    SECTION("decoded")
    {
        how.decode = true;
        how.most_bytes = 1000;
        CHECK(here.get("http://one.test/", how).empty());
        CHECK(here.got.body == std::string(1000, 'a'));
        CHECK(here.server.requests[0].field("Accept-Encoding") == "gzip, deflate, br, zstd");
    }
    SECTION("too large")
    {
        how.decode = true;
        how.most_bytes = 999;
        CHECK(here.get("http://one.test/", how).find("999") != std::string::npos);
        CHECK_FALSE(here.got.ended);
    }
}

TEST_CASE("http::client: the caller's fields take the place of its own, or keep them away")
{
    world here([](const http::request_head&) { return http_response("x"); });
    http::request_options how;
    how.fields.add("Accept", "text/plain");
    how.fields.add("X", "1");
    how.fields.add("X", "2");
    how.without = {"User-Agent"};
    CHECK(here.get("http://one.test/", how).empty());
    const auto& asked = here.server.requests.front().head.fields;
    CHECK(asked.all("Accept") == std::vector<std::string_view>{"text/plain"});
    CHECK(asked.all("X") == std::vector<std::string_view>{"1", "2"});
    CHECK_FALSE(asked.contains("User-Agent"));
}

TEST_CASE("http::client: a body that comes too slowly, and one that may not come faster")
{
    const std::string body(100'000, 'x');
    world here([&](const http::request_head& asked) -> http_reply {
        return asked.target == "/slow" ? http_reply("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx") : http_reply(http_response(body));
    });
    http::request_options how;
    SECTION("too slowly")
    {
        how.speed.least = 10;
        how.speed.window = 5s;
        const time_point begin = here.own.now();
        const std::string failure = here.get("http://one.test/slow", how);
        CHECK(failure.find("fewer than 10 bytes a second") != failure.npos);
        CHECK(here.own.now() - begin == 5s);
    }
    SECTION("no faster")
    {
        how.speed.most = 20'000;
        const time_point begin = here.own.now();
        CHECK(here.get("http://one.test/", how).empty());
        CHECK(here.got.body == body);
        CHECK(here.own.now() - begin >= 4500ms);
        CHECK(here.own.now() - begin <= 5s);
    }
}

TEST_CASE("http::client: a server that says nothing is waited for as long as asked, and no connection stays")
{
    world here([](const http::request_head&) { return http_reply(""); });
    http::client_options options;
    options.timeout = 7s;
    const time_point begin = here.own.now();
    CHECK(here.get("http://one.test/", {}, std::move(options)).find("timed out") != std::string::npos);
    CHECK(here.own.now() - begin == 7s);
}

TEST_CASE("http::client: a server that calls every nonce stale is answered twice and no more")
{
    world here([](const http::request_head&) {
        return http_response("no", "WWW-Authenticate: Digest realm=\"x\", nonce=\"n\", stale=true\r\n", "401 Unauthorized");
    });
    CHECK(here.get("http://one.test/", with_login(http::authentication::digest)).empty());
    CHECK(here.got.status == 401);
    CHECK(here.server.requests.size() == 3);
}

TEST_CASE("http::client: while a bomb is decoded others have their turn, and can end it")
{
    std::string bomb;
    for (int i = 0; i < 20'000; ++i)
        bomb += thousand_in_gzip;
    world here([&](const http::request_head&) { return http_response(bomb, "Content-Encoding: gzip\r\n"); });
    here.run([&]() -> task<> {
        http::client with;
        co_await scope([&](task_group& group) -> task<> {
            http::request_options how;
            how.decode = true;
            const auto ask = [&]() -> task<> { (void)co_await with.get(url("http://one.test/"), std::move(how), here.got); };
            group.spawn(ask());
            while (here.got.body.empty())
                co_await yield();
            group.cancel();
        });
    });
    CHECK(here.got.body.size() < 1'000'000); // of twenty million
    CHECK_FALSE(here.got.ended);
}
