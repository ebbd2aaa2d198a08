// resolve: literal addresses, names, and what cannot be resolved.
#include "support/streams.hpp"

using namespace portico;
using namespace test;

namespace {

task<std::vector<endpoint>> look_up(std::string host)
{
    co_return co_await resolve(tcp(host, 80));
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

TEST_CASE("an IPv6 zone may be the name of an interface")
{
    context own;
    const auto found = own.run(look_up("fe80::1%lo"));
    REQUIRE(found.size() == 1);
    CHECK(found.front().scope_id() != 0);
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

TEST_CASE("a look-up that is late or cancelled is abandoned, and its answer goes nowhere")
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
