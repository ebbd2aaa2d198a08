// server: what a program is asked and told: verify, on_accept, on_close, on_error, every.
#include "support/servers.hpp"

#include <portico/server/session_info.hpp>

using namespace portico;
using namespace test;

TEST_CASE("a connection that verify refuses is closed before its handler, and the other hooks hear nothing of it")
{
    memory_world world;
    server which(anywhere, hold);
    std::vector<std::string> events;
    which.verify([&](const connection& peer) {
        CHECK(peer.buffered() + peer.bytes_read() == 0);
        events.emplace_back("verify");
        return events.size() > 1;
    });
    which.on_accept([&](const connection&) { events.emplace_back("accept"); });
    which.on_close([&](const closed_session&) { events.emplace_back("close"); });
    const auto test = [&](endpoints where) -> task<> {
        connection refused = co_await connect(where.front());
        const auto end = co_await refused.read_some();
        CHECK(end.empty());
        connection served = co_await connect(where.front());
        co_await expect_service(served);
        served.close();
        co_await world.memory.settle();
        CHECK(which.statistics().refused.by_verify == 1);
        CHECK(which.statistics().open == 0);
    };
    world.own.run(while_serving(which, test));
    CHECK(events == std::vector<std::string>{"verify", "verify", "accept", "close"});
}

TEST_CASE("on_close is told of each end with its kind, its bytes, its length and what the handler threw")
{
    struct ended {
        session_end how;
        duration length;
        std::uint64_t in, out;
        bool failure;
        bool operator==(const ended&) const = default;
    };
    memory_world world;
    server_options options;
    options.timeout = 5s;
    options.session_timeout = 1min;
    server which(anywhere, [](connection& peer) -> task<> {
        const auto line = co_await peer.read_line();
        if (line && *line == "fail")
            throw std::runtime_error("as it was told");
        if (line && *line == "wait")
            co_await sleep_for(1h);
        co_await peer.write("served\n");
    }, options);
    std::vector<ended> told;
    which.on_close([&](const closed_session& session) {
        CHECK(session.remote.is_loopback());
        const bool failed = session.failure != nullptr;
        told.push_back({session.how, session.length, session.bytes_read, session.bytes_written, failed});
    });
    const auto test = [&](endpoints where) -> task<> {
        connection served = co_await connect(where.front());
        world.memory.advance(1s);
        co_await expect_service(served);
        served.close();
        co_await world.memory.settle();
        connection failing = co_await connect(where.front());
        co_await failing.write("fail\n");
        co_await world.memory.settle();
        connection idle = co_await connect(where.front());
        co_await world.memory.settle();
        world.memory.advance(5s);
        co_await world.memory.settle();
        connection lost = co_await connect(where.front());
        co_await world.memory.settle();
        lost.abort();
        co_await world.memory.settle();
        connection late = co_await connect(where.front());
        co_await late.write("wait\n");
        co_await world.memory.settle();
        world.memory.advance(1min - 1ns);
        co_await world.memory.settle();
        CHECK(told.size() == 4);
        world.memory.advance(1ns);
        co_await world.memory.settle();
        connection last = co_await connect(where.front());
        co_await world.memory.settle();
    };
    world.own.run(while_serving(which, test));
    CHECK(told == std::vector<ended>{{session_end::served, 1s, 4, 7, false},
                                     {session_end::failed, 0s, 5, 0, true},
                                     {session_end::timed_out, 5s, 0, 0, true},
                                     {session_end::lost, 0s, 0, 0, true},
                                     {session_end::timed_out, 1min, 5, 0, false},
                                     {session_end::cancelled, 0s, 0, 0, false}});
    const server_statistics all = which.statistics();
    CHECK(all.accepted == 6);
    CHECK(all.served == 1);
    CHECK(all.handler_errors == 1);
    CHECK(all.timed_out == 2);
    CHECK(all.lost == 1);
    CHECK(all.cancelled == 1);
    CHECK(all.bytes_read == 14);
    CHECK(all.bytes_written == 7);
    CHECK(all.durations.counts[0] == 3);
    CHECK(all.durations.counts[5] == 1); // 256 ms to 1.024 s
    CHECK(all.durations.counts[7] == 1); // to 16.384 s
    CHECK(all.durations.counts[8] == 1); // to 65.536 s
    REQUIRE(world.reports.size() == 1);
}

TEST_CASE("on_error gets the exceptions of handlers in place of the reports")
{
    memory_world world;
    std::vector<std::string> told;
    server which(anywhere, [](connection&) -> task<> {
        co_await yield();
        throw std::runtime_error("broken");
    });
    which.on_error([&](const connection& peer, const std::exception_ptr& failure) {
        CHECK(peer.remote_endpoint().is_loopback());
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& each) {
            told.emplace_back(each.what());
        }
    });
    const auto test = [&](endpoints where) -> task<> {
        connection client = co_await connect(where.front());
        (void)co_await as_result(client.read_some());
        co_await world.memory.settle();
    };
    world.own.run(while_serving(which, test));
    CHECK(told == std::vector<std::string>{"broken"});
    CHECK(world.reports.empty());
}

TEST_CASE("hooks and handlers that throw at once end their own connection alone")
{
    memory_world world;
    int accepted = 0;
    server which(anywhere, [](connection& peer) -> task<> {
        if (peer.remote_endpoint().family() == endpoint::family::none)
            throw std::logic_error("no peer");
        return hold(peer);
    });
    which.verify([&](const connection&) {
        if (accepted++ == 0)
            throw std::runtime_error("verify");
        return true;
    });
    which.on_accept([&](const connection&) {
        if (accepted == 2)
            throw std::runtime_error("on_accept");
    });
    const auto test = [&](endpoints where) -> task<> {
        connection first = co_await connect(where.front());
        connection second = co_await connect(where.front());
        connection third = co_await connect(where.front());
        co_await expect_service(third);
        const auto end = co_await first.read_some();
        CHECK(end.empty());
    };
    world.own.run(while_serving(which, test));
    CHECK(which.statistics().handler_errors == 2);
    CHECK(world.reports.size() == 2);
}

TEST_CASE("actions run at their interval while the server runs, and what one throws ends it")
{
    memory_world world;
    server which(anywhere, hold);
    int seconds = 0, minutes = 0;
    which.every(1s, [&] { ++seconds; });
    which.every(1min, [&] {
        if (++minutes == 2)
            throw std::runtime_error("enough");
    });
    const auto test = [&](endpoints) -> task<> {
        for (int i = 0; i < 60; ++i) {
            CHECK(seconds == i);
            world.memory.advance(1s);
            co_await world.memory.settle();
        }
        CHECK(minutes == 1);
        world.memory.advance_when_idle();
        co_await sleep_for(1h);
    };
    CHECK_THROWS_AS(world.own.run(while_serving(which, test)), std::runtime_error);
    CHECK(minutes == 2);
}

TEST_CASE("a server that runs is not run a second time")
{
    memory_world world;
    server which(anywhere, hold);
    const auto test = [&](endpoints where) -> task<> {
        bool refused = false;
        try {
            co_await which.run();
        } catch (const misuse&) {
            refused = true;
        }
        CHECK(refused);
        connection client = co_await connect(where.front());
        co_await expect_service(client);
    };
    world.own.run(while_serving(which, test));
}

TEST_CASE("a handler may move its connection to where it outlives the server")
{
    memory_world world;
    std::optional<connection> kept;
    {
        server which(anywhere, [&](connection& peer) -> task<> {
            (void)co_await peer.read_line();
            kept.emplace(std::move(peer));
        });
        const auto test = [&](endpoints where) -> task<> {
            connection client = co_await connect(where.front());
            co_await client.write("first\n");
            co_await world.memory.settle();
            REQUIRE(kept);
            CHECK(which.statistics().open == 0);
            CHECK(which.statistics().served == 1);
            CHECK(which.statistics().bytes_read == 0); // they went with the connection
            CHECK(kept->bytes_read() == 6);
            co_await client.write("hello\n");
            const auto line = co_await kept->read_line();
            CHECK((line && *line == "hello"));
        };
        world.own.run(while_serving(which, test));
    }
    CHECK_FALSE(kept->is_draining());
    kept.reset();
}
