// resolve: literal addresses, names, and what cannot be resolved.
#include "support/run_in_memory.hpp"
#include "support/streams.hpp"

#include <netdb.h>

using namespace portico;
using namespace test;
using namespace std::string_literals;

namespace {

using family = resolve_query::family;

task<error> failure_of(address where, family only = family::any)
{
    const auto found = co_await as_result(resolve(where, only));
    REQUIRE_FALSE(found);
    co_return found.error();
}

std::error_code resolver_code(int number)
{
    return {number, resolver_category()};
}

task<std::vector<endpoint>> look_up(std::string host)
{
    co_return co_await resolve(tcp(host, 80));
}

template <class Body>
void on_both(const Body& body)
{
    for (const bool in_memory : {false, true}) {
        CAPTURE(in_memory);
        std::unique_ptr<backend> outside = make_os_backend();
        if (in_memory) {
            auto made = std::make_unique<memory_backend>();
            made->add_service("http", 80);
            outside = std::move(made);
        }
        context own(std::move(outside));
        own.run(with_deadline(patience, body()));
    }
}

} // namespace

TEST_CASE("an address in text form needs no look-up: it is resolved where no name is known")
{
    context own(std::make_unique<memory_backend>());
    CHECK(own.run(look_up("127.0.0.1")) == std::vector{endpoint::ipv4({127, 0, 0, 1}, 80)});
    std::array<std::uint8_t, 16> octets{0xfe, 0x80};
    octets.back() = 1;
    CHECK(own.run(look_up("fe80::1%3")) == std::vector{endpoint::ipv6(octets, 80, 3)});
}

TEST_CASE("localhost resolves to loopback addresses, each once, with the port that was asked for")
{
    context own;
    const auto found = own.run(look_up("localhost"));
    REQUIRE_FALSE(found.empty());
    for (const endpoint& each : found) {
        CHECK(each.port() == 80);
        CHECK((to_string(each) == "127.0.0.1:80" || to_string(each) == "[::1]:80"));
        CHECK(std::count(found.begin(), found.end(), each) == 1);
    }
}

TEST_CASE("an IPv6 zone may be the name of an interface, and needs no look-up either")
{
    run_in_memory([](context& own, memory_backend&) -> task<> { // where there is one interface, number 1
        const auto found = co_await resolve(tcp("fe80::1%memory", 80));
        CHECK(to_string(found.front()) == "[fe80::1%1]:80");
        const error unknown = co_await failure_of(tcp("fe80::1%eth9", 80));
        CHECK(std::string(unknown.what()) == "resolve fe80::1%eth9: there is no interface of this name");
        CHECK(unknown.code() == std::errc::no_such_device);
        REQUIRE(interfaces(own).size() == 1);
        CHECK(interfaces(own).front().name == "memory");
        CHECK(host_name(own) == "localhost");
    });
    context own;
    const auto found = own.run(look_up("fe80::1%lo"));
    REQUIRE(found.size() == 1);
    const auto all = interfaces(own);
    const auto is_loopback = [&](const network_interface& each) { return each.index == found.front().scope_id(); };
    REQUIRE(std::any_of(all.begin(), all.end(), is_loopback));
    CHECK(std::find_if(all.begin(), all.end(), is_loopback)->name == "lo");
    CHECK_FALSE(host_name(own).empty());
}

TEST_CASE("only the addresses of one family, where one is asked for")
{
    on_both([]() -> task<> {
        for (const family only : {family::ipv4, family::ipv6}) {
            const auto found = co_await resolve(tcp("localhost", 80), only);
            REQUIRE(found.size() == 1);
            CHECK(to_string(found.front()) == (only == family::ipv4 ? "127.0.0.1:80" : "[::1]:80"));
        }
        const error other = co_await failure_of(tcp("127.0.0.1", 80), family::ipv6);
        CHECK(other.code() == resolver_code(EAI_ADDRFAMILY));
        const error also = co_await failure_of(tcp("::1", 80), family::ipv4);
        CHECK(also.code() == resolver_code(EAI_ADDRFAMILY));
    });
}

TEST_CASE("localhost and every name that ends with it are the loopback addresses, whatever the system says")
{
    context own;
    own.run([]() -> task<> {
        for (const char* const host : {"localhost", "LocalHost.", "a.b.localhost"}) {
            INFO(host);
            const auto found = co_await resolve(tcp(host, 80));
            REQUIRE(found.size() == 2);
            CHECK(to_string(found[0]) == "[::1]:80");
            CHECK(to_string(found[1]) == "127.0.0.1:80");
        }
    }());
}

TEST_CASE("the name of a service becomes a port, of names and of addresses in text form")
{
    on_both([]() -> task<> {
        for (const char* const host : {"localhost", "127.0.0.1"}) {
            const auto found = co_await resolve(tcp(host, "http"), family::ipv4);
            REQUIRE_FALSE(found.empty());
            CHECK(to_string(found.front()) == "127.0.0.1:80");
        }
        const auto with_zone = co_await resolve(tcp("fe80::1%1", "http"));
        REQUIRE(with_zone.size() == 1);
        CHECK(to_string(with_zone.front()) == "[fe80::1%1]:80");
        const error unknown = co_await failure_of(tcp("127.0.0.1", "nosuch"));
        CHECK(unknown.code() == resolver_code(EAI_SERVICE));
        const error cut = co_await failure_of(tcp("127.0.0.1", "http\0x"s));
        CHECK(cut.code() == errc::malformed);
    });
}

TEST_CASE("what cannot be a name is nobody asked for")
{
    const auto check_refused = [](const std::string& host, const std::string& text) {
        run_in_memory([&](context&, memory_backend& outside) -> task<> {
            outside.add_host(host, {endpoint::ipv4({10, 0, 0, 1}, 0)}); // it would be found
            const error failure = co_await failure_of(tcp(host, 80));
            CHECK(failure.code() == errc::malformed);
            CHECK(failure.operation() == "resolve");
            CHECK(std::string(failure.what()).ends_with(": " + text));
        });
    };
    check_refused("evil.test\0.example"s, "a name has no control characters");
    check_refused("two\nlines", "a name has no control characters");
    for (const std::string& each : {"."s, ".host"s, "host..test"s, "host.."s, std::string(64, 'a') + ".test"})
        check_refused(each, "the parts of a name between its dots have 1 to 63 bytes");
    std::string longest;
    for (int i = 0; i < 127; ++i)
        longest += i == 0 ? "a" : ".a"; // 253 bytes
    check_refused(longest + "aa", "a name has at most 253 bytes");
    run_in_memory([&](context&, memory_backend& outside) -> task<> {
        for (const std::string& each : {longest, longest + ".", std::string(63, 'a'), "host.test."s, "a_b.c-d"s}) {
            outside.add_host(each, {endpoint::ipv4({10, 0, 0, 1}, 0)});
            const auto found = co_await resolve(tcp(each, 80));
            CHECK(found.size() == 1);
        }
    });
}

TEST_CASE("a Unix socket needs no look-up, a path that is too long is an error")
{
    on_both([]() -> task<> {
        const auto found = co_await resolve(local("/run/x.sock"));
        CHECK(found == std::vector{endpoint::local("/run/x.sock")});
        const error failure = co_await failure_of(local("/" + std::string(200, 'x')));
        CHECK(failure.code() == errc::malformed);
    });
}

TEST_CASE("the names of an address: the host's and the service's, or numbers")
{
    on_both([]() -> task<> {
        const resolved_names names = co_await resolve_names(endpoint::ipv4({127, 0, 0, 1}, 50001));
        CHECK_FALSE(names.host.empty());
        CHECK(names.service == "50001");
        const auto unix_socket = co_await as_result(resolve_names(endpoint::local("/run/x.sock")));
        REQUIRE_FALSE(unix_socket);
        CHECK(std::string(unix_socket.error().what())
              == "resolve the names of unix:/run/x.sock: Address family not supported by protocol");
    });
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        outside.add_host("host.test", {endpoint::ipv4({10, 0, 0, 1}, 0)});
        const resolved_names names = co_await resolve_names(endpoint::ipv4({10, 0, 0, 1}, 80));
        CHECK(names.host == "host.test");
        const resolved_names numbers = co_await resolve_names(endpoint::ipv4({10, 0, 0, 2}, 80));
        CHECK(numbers.host == "10.0.0.2");
    });
}

TEST_CASE("a name that does not exist fails with the resolver's reason, and names it")
{
    context own;
    try {
        (void)own.run(look_up("no-such-host.invalid"));
        FAIL("it was resolved");
    } catch (const error& failure) {
        CHECK(failure.code().category() == resolver_category());
        CHECK(std::string(failure.what()).starts_with("resolve no-such-host.invalid: "));
        CHECK(std::string(failure.what()) != "resolve no-such-host.invalid: ");
    }
}

TEST_CASE("a look-up that is late or cancelled is abandoned, and its answer goes nowhere", "[threads]")
{
    for (int round = 0; round < 20; ++round) {
        context own;
        const auto abandon = [&]() -> task<> {
            const auto late = co_await as_result(with_deadline(0ms, resolve(tcp("localhost", 80))));
            if (!late) { // else the answer was faster
                CHECK(late.error().code() == errc::timed_out);
                CHECK(late.error().phase() == phase::resolve);
                CHECK(std::string(late.error().what()) == "resolve localhost: timed out");
            }
            const auto ask = []() -> task<> { (void)co_await resolve(tcp("localhost", 80)); };
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(ask());
                group.cancel();
                co_return;
            });
        };
        own.run(abandon());
    } // the context goes while look-ups may run
}

TEST_CASE("in memory a name resolves to what the test has added, and no other does")
{
    auto outside = std::make_unique<memory_backend>();
    memory_backend& memory = *outside;
    context own(std::move(outside));
    memory.add_host("several.example", {endpoint::ipv4({10, 0, 0, 1}, 0), endpoint::ipv4({10, 0, 0, 2}, 0)});
    const auto found = own.run(look_up("several.example"));
    CHECK(found == std::vector{endpoint::ipv4({10, 0, 0, 1}, 80), endpoint::ipv4({10, 0, 0, 2}, 80)});
    CHECK_THROWS_AS(own.run(look_up("unknown.example")), error);
}

TEST_CASE("a look-up that is never answered is late at its deadline, and can be cancelled, so can that of names")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        outside.advance_when_idle();
        outside.delay_answers("slow.test", family::any, no_timeout);
        const time_point begin = own.now();
        const auto late = co_await as_result(with_deadline(5s, resolve(tcp("slow.test", 80))));
        REQUIRE_FALSE(late);
        CHECK(late.error().phase() == phase::resolve);
        CHECK(std::string(late.error().what()) == "resolve slow.test: timed out");
        CHECK(own.now() - begin == 5s);

        int stopped = 0;
        const auto until_cancelled = [&](task<> asking) -> task<> {
            try {
                co_await std::move(asking);
            } catch (const cancelled&) {
                ++stopped;
            }
        };
        const auto ask = []() -> task<> { (void)co_await resolve(tcp("slow.test", 80)); };
        const auto ask_names = []() -> task<> { (void)co_await resolve_names(endpoint::ipv4({10, 0, 0, 1}, 80)); };
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(until_cancelled(ask()));
            group.spawn(until_cancelled(ask_names()));
            group.cancel();
            co_return;
        });
        CHECK(stopped == 2);
        const auto names = co_await as_result(with_deadline(0ms, resolve_names(endpoint::ipv4({10, 0, 0, 1}, 80))));
        CHECK(names); // the answer was there first
    });
}

TEST_CASE("more look-ups at the same time than there are threads are all answered", "[threads]")
{
    context own;
    int answered = 0;
    const auto ask = [&]() -> task<> {
        const auto found = co_await resolve(tcp("localhost", 80));
        answered += !found.empty();
    };
    const auto ask_often = [&]() -> task<> {
        co_await scope([&](task_group& group) -> task<> {
            for (int i = 0; i < 100; ++i)
                group.spawn(ask());
            co_return;
        });
    };
    own.run(with_deadline(patience, ask_often()));
    CHECK(answered == 100);
}
