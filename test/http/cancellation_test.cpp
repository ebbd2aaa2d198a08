// http::client that is cancelled at every turn: no connection is lost, and the next request is served.
#include "catch.hpp"
#include "support/http_server.hpp"

#include <portico/core/deadline.hpp>
#include <portico/http/client.hpp>
#include <string>

using namespace portico;
using namespace std::chrono_literals;
using test::http_reply, test::http_response, test::http_server;

namespace {

class keeping final : public http::receiver {
public:
    void on_head(const http::response_head&) override {}
    void on_data(bytes data) override { body += data.text(); }
    void on_end(const fields&) override { ended = true; }
    std::string body;
    bool ended = false;
};

const std::string challenge = "Authenticate: Digest realm=\"x\", nonce=\"n\", qop=\"auth\"\r\n";

/// Leads from /first through two hosts, asks who it is at /secret, and proxies too where it is one.
http_reply answer(const http::request_head& asked)
{
    const std::string target = asked.target.substr(asked.target.starts_with("http://") ? asked.target.find('/', 7) : 0);
    const auto knows = [&](const char* field) { return asked.fields.contains(field); };
    if (asked.method == "CONNECT")
        return knows("Proxy-Authorization") ? http_reply("HTTP/1.1 200 Connected\r\n\r\n")
                                            : http_reply(http_response("", "Proxy-" + challenge, "407 Who?"), true);
    if (asked.target != target && !knows("Proxy-Authorization"))
        return http_response("who?", "Proxy-" + challenge, "407 Who?");
    if (target == "/first")
        return http_response("moved", "Location: http://two.test/second\r\n", "302 Found");
    if (target == "/second")
        return {http_response("moved", "Location: //one.test:8080/secret\r\n", "307 Temporary"), true};
    if (target == "/secret" && !knows("Authorization"))
        return http_response("who?", "WWW-" + challenge, "401 Who?");
    if (target == "/closed")
        return {http_response("here"), true};
    return http_response(target == "/large" ? std::string(300'000, 'x') : "here");
}

/// What is asked for and how, and what else is under way at the time.
struct way {
    explicit way(const char* what, std::string where) : name(what), from(std::move(where)) {}
    const char* name;
    std::string from;
    http::request_options how;
    std::string proxy;
    std::string before; // has been asked for, so that there is a connection that is kept
    int others = 0;     // are in line for the only connection, in front of it
};

http::request_options known()
{
    http::request_options how;
    how.login = http::login("Aladdin", "open sesame");
    how.scheme = http::authentication::digest;
    how.proxy_scheme = http::authentication::digest;
    how.trust_redirects = true;
    return how;
}

std::vector<way> ways()
{
    std::vector<way> all;
    all.emplace_back("plain", "http://one.test/");
    all.emplace_back("a large body", "http://one.test/large");
    all.emplace_back("a challenge", "http://one.test/secret").how = known();
    all.emplace_back("redirects that end at a challenge", "http://one.test/first").how = known();
    all.emplace_back("a kept connection", "http://one.test/").before = "http://one.test/";
    all.emplace_back("a kept connection that is closed", "http://one.test/").before = "http://one.test/closed";
    all.emplace_back("a line for the connection", "http://one.test/large").others = 3;
    way proxied("a proxy", "http://one.test/first");
    proxied.how = known();
    proxied.proxy = "http://me:secret@proxy.test:8080";
    all.push_back(proxied);
    proxied.name = "a tunnel";
    proxied.how.tunnel = true;
    all.push_back(proxied);
    return all;
}

class cancelling {
public:
    cancelling(const way& chosen, int turns) : chosen_(chosen), turns_(turns), server_(answer)
    {
        world_.memory.advance_when_idle();
        for (const char* const name : {"one.test", "two.test", "proxy.test"})
            world_.memory.add_host(name, {*parse_ip("127.0.0.1")});
    }

    /// Whether it was complete before it was cancelled.
    bool run()
    {
        world_.own.run(serve());
        CHECK(others_served_ == chosen_.others);
        CHECK(world_.reports.empty());
        return complete_;
    }

private:
    task<> serve()
    {
        const std::vector<std::uint16_t> ports{80, 8080};
        co_await while_serving(server_, ports, [this] { return cancel(); });
    }

    task<> cancel()
    {
        http::client_options options;
        options.connections = 1; // one that is lost is missed
        if (!chosen_.proxy.empty())
            options.proxies.use(chosen_.proxy);
        http::client with(std::move(options));
        if (!chosen_.before.empty())
            co_await get(with, chosen_.before, {});
        co_await scope([&](task_group& around) -> task<> {
            for (int i = 0; i < chosen_.others; ++i)
                around.spawn(get_another(with));
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(get_it(with));
                for (int i = 0; i < turns_; ++i)
                    co_await yield();
                group.cancel();
            });
            CHECK(with.connections() <= 1);
        });
        CHECK(with.connections() <= 1);
        co_await get(with, "http://two.test/secret", known());
        with.close_idle();
        CHECK(with.connections() == 0);
    }

    task<> get_it(http::client& with)
    {
        co_await get(with, chosen_.from, chosen_.how);
        complete_ = true;
    }
    task<> get_another(http::client& with)
    {
        co_await get(with, "http://one.test/large", {});
        ++others_served_;
    }

    /// Fails where it would wait for ever.
    static task<> get(http::client& with, std::string from, http::request_options how)
    {
        keeping into;
        (void)co_await with_deadline(1h, with.get(url(from), std::move(how), into));
        REQUIRE(into.ended);
        REQUIRE(into.body == (from.ends_with("/large") ? std::string(300'000, 'x') : "here"));
    }

    const way& chosen_;
    int turns_, others_served_ = 0;
    bool complete_ = false;
    test::memory_world world_;
    http_server server_;
};

} // namespace

TEST_CASE("http::client: whenever a request is cancelled, no connection is lost and the next one is served")
{
    for (const way& each : ways()) {
        CAPTURE(each.name);
        int turns = 0;
        for (bool complete = false; !complete; ++turns) {
            CAPTURE(turns);
            REQUIRE(turns < 1000);
            complete = cancelling(each, turns).run();
        }
        CHECK(turns >= 3);
    }
}
