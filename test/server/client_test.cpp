// client: connecting, the handler's outcome, and its limits.
#include "support/servers.hpp"

using namespace portico;
using namespace test;

namespace {

task<> say_nothing(connection& peer)
{
    (void)co_await peer.read_some();
}

task<error> failure_of(task<> run)
{
    auto outcome = co_await as_result(std::move(run));
    REQUIRE_FALSE(outcome);
    co_return outcome.error();
}

} // namespace

TEST_CASE("a client fails with what its handler throws, and its connection is closed")
{
    memory_world world;
    const auto test = []() -> task<> {
        acceptor source = co_await listen(tcp("127.0.0.1", 0));
        client which(tcp("127.0.0.1", source.local_endpoints().front().port()), [](connection&) -> task<> {
            throw std::runtime_error("no");
            co_return;
        });
        bool thrown = false;
        try {
            co_await which.run();
        } catch (const std::runtime_error& failure) {
            thrown = std::string(failure.what()) == "no";
        }
        CHECK(thrown);
        connection far = co_await source.accept();
        const auto end = co_await far.read_some();
        CHECK(end.empty());
    };
    world.own.run(test());
}

TEST_CASE("a client that cannot connect fails with the reason, and its handler is not called")
{
    memory_world world;
    const auto test = []() -> task<> {
        client which(tcp("127.0.0.1", 1), [](connection&) -> task<> {
            FAIL("called without a connection");
            co_return;
        });
        const error failure = co_await failure_of(which.run());
        CHECK(std::string(failure.what()) == "connect to 127.0.0.1:1: Connection refused");
    };
    world.own.run(test());
}

TEST_CASE("the timeout of a client is that of each operation until its handler sets another")
{
    memory_world world;
    world.memory.advance_when_idle();
    const auto test = [&]() -> task<> {
        acceptor source = co_await listen(tcp("127.0.0.1", 0));
        const address where = tcp("127.0.0.1", source.local_endpoints().front().port());
        client_options options;
        options.timeout = 3s;
        client waits(where, say_nothing, options);
        const time_point begin = world.own.now();
        const error failure = co_await failure_of(waits.run());
        CHECK(failure.code() == errc::timed_out);
        CHECK(failure.phase() == phase::read);
        CHECK(world.own.now() - begin == 3s);
        client sets_its_own(where, [](connection& peer) -> task<> {
            CHECK(peer.timeout() == 3s);
            peer.timeout(7s);
            (void)co_await peer.read_some();
        }, options);
        const time_point second_begin = world.own.now();
        (void)co_await failure_of(sets_its_own.run());
        CHECK(world.own.now() - second_begin == 7s);
    };
    world.own.run(test());
}

TEST_CASE("a client that is cancelled ends, and its connection with it")
{
    memory_world world;
    const auto test = []() -> task<> {
        acceptor source = co_await listen(tcp("127.0.0.1", 0));
        client which(tcp("127.0.0.1", source.local_endpoints().front().port()), say_nothing);
        std::optional<connection> far;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(which.run());
            far.emplace(co_await source.accept());
            group.cancel();
        });
        const auto end = co_await far->read_some();
        CHECK(end.empty());
    };
    world.own.run(test());
}
