// connect through a SOCKS5 proxy: conversations over memory streams, whole and byte by byte, and every way in which
// they go wrong.
#include "support/run_in_memory.hpp"
#include "support/streams.hpp"

#include <netdb.h>

using namespace portico;
using namespace test;
using namespace std::string_literals;

namespace {

/// What the proxy reads, and what it answers.
struct step {
    std::string request, reply;
};
using script = std::vector<step>;

const std::string no_authentication = "\x05\x01\x00"s, accepted = "\x05\x00"s;
const std::string to_host = "\x05\x01\x00\x03\x09host.test\x00\x50"s;
const std::string connected = "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"s;

script plain(std::string reply)
{
    return {{no_authentication, accepted}, {to_host, std::move(reply)}};
}

enum class afterwards { goes_on, closes, is_silent };

task<> play(acceptor& source, const script& steps, afterwards then)
{
    connection peer = co_await source.accept();
    for (const step& each : steps) {
        const bytes request = co_await peer.read_exactly(each.request.size());
        CHECK(request.text() == each.request);
        co_await peer.write(each.reply);
    }
    if (then == afterwards::closes)
        co_return;
    for (;;) { // what the destination would do: it echoes
        const bytes data = co_await peer.read_some();
        if (data.empty())
            co_return;
        CHECK(then == afterwards::goes_on);
        co_await peer.write(data);
    }
}

struct outcome {
    std::optional<error> failure;
    duration elapsed{};
    std::string echoed; ///< what the connection then reads, where it says "ping"
};

task<> converse(acceptor& source, const script& steps, afterwards then, address to, connect_options options,
                outcome& seen)
{
    const auto ask = [&]() -> task<> {
        context& own = co_await this_context();
        const time_point begin = own.now();
        auto made = co_await as_result(connect(to, options));
        seen.elapsed = own.now() - begin;
        if (!made) {
            seen.failure = made.error();
            co_return;
        }
        CHECK((*made).remote_endpoint() == source.local_endpoints().front());
        co_await (*made).write("ping");
        (*made).shutdown_write().value();
        const bytes all = co_await (*made).read_all(100);
        seen.echoed = std::string(all);
    };
    co_await scope([&](task_group& group) -> task<> {
        group.spawn(play(source, steps, then));
        group.spawn(ask());
        co_return;
    });
}

outcome talk(const script& steps, afterwards then = afterwards::goes_on, address to = tcp("host.test", 80),
             std::string user = {}, std::string password = "secret", std::size_t most_a_read = SIZE_MAX)
{
    auto outside = std::make_unique<memory_backend>();
    memory_link link;
    link.most_a_read = most_a_read;
    outside->link(link);
    outside->advance_when_idle();
    outside->add_service("http", 80);
    context own(std::move(outside));
    outcome seen;
    own.run([&]() -> task<> {
        acceptor source = co_await listen(tcp("127.0.0.1", 1080));
        connect_options options;
        options.socks5.emplace(tcp("127.0.0.1", 1080), user, user.empty() ? std::string() : password);
        co_await converse(source, steps, then, to, options, seen);
    }());
    return seen;
}

void check_failure(const script& steps, std::error_code code, const std::string& text, std::string user = {})
{
    const outcome seen = talk(steps, afterwards::is_silent, tcp("host.test", 80), user);
    REQUIRE(seen.failure);
    CHECK(seen.failure->code() == code);
    CHECK(seen.failure->target() == "host.test:80");
    CHECK(std::string(seen.failure->what()) == "connect to host.test:80: the proxy 127.0.0.1:1080: " + text);
    CHECK(seen.elapsed == 0ms);
}

std::error_code code_of(std::errc which)
{
    return std::make_error_code(which);
}

} // namespace

TEST_CASE("SOCKS5: the proxy gets the name and the connection goes on behind its reply, whatever is in it")
{
    const std::size_t most_a_read = GENERATE(1u, 2u, 3u, 1000u);
    const auto talk_of = [&](const std::string& reply) {
        return talk(plain(reply), afterwards::goes_on, tcp("host.test", 80), {}, {}, most_a_read);
    };
    for (const std::string& reply : {
             "\x05\x00\x00\x01\x0a\x00\x00\x01\x04\x38"s,
             "\x05\x00\x00\x04"s + std::string(16, 'x') + "\x04\x38",
             "\x05\x00\x00\x03\x0cgate.example\x04\x38"s,
             "\x05\x00\x00\x03\x00\x04\x38"s,
         }) {
        const outcome seen = talk_of(reply);
        CHECK_FALSE(seen.failure);
        CHECK(seen.echoed == "ping");
        const outcome early = talk_of(reply + "hello, ");
        CHECK_FALSE(early.failure);
        CHECK(early.echoed == "hello, ping");
    }
}

TEST_CASE("SOCKS5: addresses in text form and services: the proxy gets octets and a port")
{
    const auto check = [](address to, std::string request) {
        const script steps{{no_authentication, accepted}, {std::move(request), connected}};
        const outcome seen = talk(steps, afterwards::goes_on, to);
        CHECK_FALSE(seen.failure);
        CHECK(seen.echoed == "ping");
    };
    check(tcp("10.0.0.1", 8080), "\x05\x01\x00\x01\x0a\x00\x00\x01\x1f\x90"s);
    check(tcp("2001:db8::1", 443), "\x05\x01\x00\x04\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01\x01\xbb"s);
    check(tcp("host.test", "http"), to_host);
    check(tcp(std::string(63, 'a') + ".test", 80), "\x05\x01\x00\x03\x44"s + std::string(63, 'a') + ".test\x00\x50"s);
    const outcome unknown = talk({}, afterwards::is_silent, tcp("host.test", "nosuch"));
    REQUIRE(unknown.failure);
    CHECK(unknown.failure->code() == std::error_code(EAI_SERVICE, resolver_category()));
    CHECK(std::string(unknown.failure->what()).starts_with("resolve the service nosuch: "));
}

TEST_CASE("SOCKS5: connect(endpoint) goes through the proxy too")
{
    context own(std::make_unique<memory_backend>());
    own.run([]() -> task<> {
        acceptor source = co_await listen(tcp("127.0.0.1", 1080));
        const script steps{{no_authentication, accepted}, {"\x05\x01\x00\x01\x0a\x00\x00\x01\x00\x50"s, connected}};
        const auto ask = []() -> task<> {
            connect_options options;
            options.socks5.emplace(tcp("127.0.0.1", 1080));
            connection made = co_await connect(endpoint::ipv4({10, 0, 0, 1}, 80), options);
            CHECK_THROWS_AS(co_await connect(local("/run/x.sock"), options), misuse);
            CHECK_THROWS_AS(co_await connect(endpoint::local("/run/x.sock"), options), misuse);
        };
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(play(source, steps, afterwards::goes_on));
            group.spawn(ask());
            co_return;
        });
    }());
}

TEST_CASE("SOCKS5: a user is offered where there is one, and the password is sent where the proxy asks for it")
{
    const std::size_t most_a_read = GENERATE(1u, 1000u);
    const std::string both = "\x05\x02\x00\x02"s;
    const script asked{{both, "\x05\x02"s}, {"\x01\x04" "user\x06secret"s, "\x01\x00"s}, {to_host, connected}};
    const script not_asked{{both, accepted}, {to_host, connected}};
    for (const script& steps : {asked, not_asked}) {
        const outcome seen = talk(steps, afterwards::goes_on, tcp("host.test", 80), "user", "secret", most_a_read);
        CHECK_FALSE(seen.failure);
        CHECK(seen.echoed == "ping");
    }
    const std::string longest(255, 'u');
    const script steps{{both, "\x05\x02"s}, {"\x01\xff"s + longest + "\x00"s, "\x01\x00"s}, {to_host, connected}};
    const outcome seen = talk(steps, afterwards::goes_on, tcp("host.test", 80), longest, "");
    CHECK_FALSE(seen.failure);
}

TEST_CASE("SOCKS5: every reply that is no success has an error of its own")
{
    const auto check = [](char reply, std::error_code code, const std::string& text) {
        check_failure(plain("\x05"s + reply + "\x00\x01\x00\x00\x00\x00\x00\x00"s), code, text);
    };
    check(1, errc::refused, "general failure");
    check(2, code_of(std::errc::permission_denied), "its rules do not allow the connection");
    check(3, code_of(std::errc::network_unreachable), "network unreachable");
    check(4, code_of(std::errc::host_unreachable), "host unreachable");
    check(5, code_of(std::errc::connection_refused), "connection refused by the destination host");
    check(6, code_of(std::errc::host_unreachable), "TTL expired on the way to the destination");
    check(7, code_of(std::errc::operation_not_supported), "it does not support CONNECT");
    check(8, code_of(std::errc::address_family_not_supported), "it does not support such an address");
    check(9, errc::refused, "reply 9, which RFC 1928 does not know");
}

TEST_CASE("SOCKS5: a proxy that does not agree on who asks, or that speaks something else")
{
    const std::string both = "\x05\x02\x00\x02"s, login = "\x01\x04" "user\x06secret"s;
    const std::error_code denied = code_of(std::errc::permission_denied);
    check_failure({{no_authentication, "\x05\xff"s}}, denied, "it wants to know who asks");
    check_failure({{both, "\x05\xff"s}}, denied, "it accepts neither nobody nor a user with a password", "user");
    check_failure({{both, "\x05\x02"s}, {login, "\x01\x01"s}}, denied, "it refuses the user or the password", "user");
    check_failure({{no_authentication, "\x05\x02"s}}, errc::malformed, "it chose method 2, which it was not offered");
    check_failure({{no_authentication, "HT"}}, errc::malformed, "it does not speak SOCKS5, but version 72");
    check_failure({{both, "\x05\x02"s}, {login, "\x05\x00"s}}, errc::malformed, "version 5 of its reply to a password",
                  "user");
    check_failure(plain("\x04\x00\x00\x01"s), errc::malformed, "version 4 of its reply");
    check_failure(plain("\x05\x00\x00\x02"s), errc::malformed, "an address of type 2");
}

namespace {

/// A successful conversation of which the proxy says only the first `count` bytes; fewer steps where it says less.
script cut(const script& whole, std::size_t count)
{
    script some;
    for (const step& each : whole) {
        const std::size_t said = std::min(count, each.reply.size());
        some.push_back({each.request, each.reply.substr(0, said)});
        count -= said;
        if (said < each.reply.size())
            break;
    }
    return some;
}

const script authenticated{{"\x05\x02\x00\x02"s, "\x05\x02"s},
                           {"\x01\x04" "user\x06secret"s, "\x01\x00"s},
                           {to_host, "\x05\x00\x00\x03\x04gate\x04\x38"s}};
constexpr std::size_t said_in_all = 15;

} // namespace

TEST_CASE("SOCKS5: a proxy that closes inside of its replies")
{
    for (std::size_t count = 0; count < said_in_all; ++count) {
        CAPTURE(count);
        const outcome seen = talk(cut(authenticated, count), afterwards::closes, tcp("host.test", 80), "user");
        REQUIRE(seen.failure);
        CHECK(seen.failure->code() == errc::truncated);
        CHECK(std::string(seen.failure->what())
              == "connect to host.test:80: the proxy 127.0.0.1:1080: it closed the connection inside of its reply");
    }
}

TEST_CASE("SOCKS5: a proxy that falls silent costs the timeout, at every byte of its replies")
{
    for (std::size_t count = 0; count < said_in_all; ++count) {
        CAPTURE(count);
        const outcome seen = talk(cut(authenticated, count), afterwards::is_silent, tcp("host.test", 80), "user");
        REQUIRE(seen.failure);
        CHECK(seen.failure->code() == errc::timed_out);
        CHECK(seen.failure->phase() == phase::handshake);
        CHECK(seen.elapsed == 30s);
    }
}

TEST_CASE("SOCKS5: a conversation can be cancelled at every byte, and the proxy then sees the end")
{
    for (std::size_t count = 0; count < said_in_all; ++count) {
        CAPTURE(count);
        run_in_memory([&](context&, memory_backend& outside) -> task<> {
            acceptor source = co_await listen(tcp("127.0.0.1", 1080));
            const script steps = cut(authenticated, count);
            bool stopped = false;
            const auto ask = [&]() -> task<> {
                connect_options options;
                options.socks5.emplace(tcp("127.0.0.1", 1080), "user", "secret");
                try {
                    (void)co_await connect(tcp("host.test", 80), options);
                } catch (const cancelled&) {
                    stopped = true;
                }
            };
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(play(source, steps, afterwards::is_silent)); // ends when it reads the end
                co_await scope([&](task_group& inner) -> task<> {
                    inner.spawn(ask());
                    co_await outside.settle();
                    CHECK_FALSE(stopped);
                    inner.cancel();
                });
            });
            CHECK(stopped);
        });
    }
}

TEST_CASE("SOCKS5: the timeout is for all of it, the look-up of the proxy and the connecting included")
{
    auto outside = std::make_unique<memory_backend>();
    memory_backend& memory = *outside;
    context own(std::move(outside));
    memory.advance_when_idle();
    const endpoint proxy = endpoint::ipv4({10, 0, 0, 9}, 1080);
    memory.add_host("proxy.test", {proxy});
    memory.delay_answers("proxy.test", resolve_query::family::ipv4, 300ms);
    memory.delay_connects(proxy, 300ms);
    own.run([&]() -> task<> {
        acceptor source = co_await listen(tcp("10.0.0.9", 1080));
        const time_point begin = own.now();
        connect_options options;
        options.timeout = 1s;
        options.socks5.emplace(tcp("proxy.test", 1080));
        const auto silent = co_await as_result(connect(tcp("host.test", 80), options));
        REQUIRE_FALSE(silent);
        CHECK(silent.error().phase() == phase::handshake);
        CHECK(own.now() - begin == 1s);

        options.timeout = 400ms;
        const auto unanswered = co_await as_result(connect(tcp("host.test", 80), options));
        REQUIRE_FALSE(unanswered);
        CHECK(unanswered.error().phase() == phase::connect);
        CHECK(std::string(unanswered.error().what())
              == "connect through a proxy to host.test:80: connect to proxy.test:1080: "
                 "connect to 10.0.0.9:1080: timed out");
        CHECK(own.now() - begin == 1400ms);

        options.socks5.emplace(tcp("127.0.0.1", 1));
        const auto refused = co_await as_result(connect(tcp("host.test", 80), options));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == std::errc::connection_refused);
        CHECK(std::string(refused.error().what())
              == "connect through a proxy to host.test:80: connect to 127.0.0.1:1: Connection refused");
    }());
}

TEST_CASE("SOCKS5: what the protocol cannot say is an error before anything is sent")
{
    const auto check = [](address to, const std::string& user, const std::string& text, const std::string& password = "") {
        run_in_memory([&](context&, memory_backend& outside) -> task<> {
            connect_options options;
            options.socks5.emplace(tcp("127.0.0.1", 1080), user, password);
            const auto made = co_await as_result(connect(to, options));
            REQUIRE_FALSE(made);
            CHECK(made.error().code() == errc::malformed);
            CHECK(std::string(made.error().what()).ends_with(": " + text));
            CHECK(outside.connects().empty());
        });
    };
    check(tcp(std::string(256, 'a'), 80), "", "a name has at most 253 bytes");
    check(tcp("host..test", 80), "", "the parts of a name between its dots have 1 to 63 bytes");
    check(tcp("", 80), "", "the parts of a name between its dots have 1 to 63 bytes");
    check(tcp("host\0test"s, 80), "", "a name has no control characters");
    check(tcp("fe80::1%1", 80), "", "a SOCKS5 proxy is given a name or an address without a zone");
    check(tcp("fe80::1%eth0", 80), "", "a SOCKS5 proxy is given a name or an address without a zone");
    check(tcp("host.test", 80), std::string(256, 'u'),
          "the user and the password for a SOCKS5 proxy have at most 255 bytes each");
    check(tcp("host.test", 80), "", "a password for a SOCKS5 proxy needs a user", "secret");
}
