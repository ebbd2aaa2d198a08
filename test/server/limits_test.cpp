// server: limits of time and number, and want of descriptors, in memory with a clock that the test moves.
#include "support/servers.hpp"

#include <algorithm>
#include <cerrno>

using namespace portico;
using namespace test;

TEST_CASE("connections that are lost or idle for too long are counted, free their slot and are not reported")
{
    memory_world world;
    server_options options;
    options.max_connections = 1;
    options.timeout = 10s;
    server which(anywhere, hold, options);
    const auto test = [&](endpoints where) -> task<> {
        connection idle = co_await connect(where.front());
        connection resets = co_await connect(where.front());
        connection next = co_await connect(where.front());
        co_await world.memory.settle();
        CHECK(which.statistics().accepted == 1);
        world.memory.advance(9'999ms);
        co_await world.memory.settle();
        CHECK(which.statistics().timed_out == 0);
        world.memory.advance(1ms);
        co_await world.memory.settle();
        CHECK(which.statistics().timed_out == 1);
        CHECK(which.statistics().lost == 0);
        CHECK(which.statistics().accepted == 2);
        const auto end = co_await idle.read_some();
        CHECK(end.empty());
        resets.abort();
        co_await expect_service(next);
        CHECK(which.statistics().lost == 1);
    };
    world.own.run(while_serving(which, test));
    CHECK(world.reports.empty());
    CHECK(which.statistics().handler_errors == 0);
}

TEST_CASE("at its limit of connections a server pauses, and clients wait until there is room")
{
    for (const std::size_t addresses : {1U, 3U}) {
        memory_world world;
        server_options options;
        options.max_connections = 2;
        std::size_t most_open = 0;
        server which(std::vector<address>(addresses, tcp("localhost", 0)), hold, options);
        which.on_accept([&](const connection&) { most_open = std::max(most_open, which.statistics().open); });
        const auto test = [&](endpoints where) -> task<> {
            CHECK(where.size() == 2 * addresses);
            std::vector<connection> clients = co_await connect_several(where, 20);
            co_await world.memory.settle();
            CHECK(which.statistics().accepted == 2);
            world.memory.advance(1h);
            co_await world.memory.settle();
            CHECK(which.statistics().accepted == 2 + 2); // the first two were idle for too long
            std::size_t served = 0;
            const auto ask = [&](connection& client) -> task<> {
                (void)co_await as_result(client.write("now\n"));
                const auto line = co_await client.read_line();
                served += line && *line == "served";
                client.close();
            };
            co_await scope([&](task_group& group) -> task<> {
                for (connection& each : clients)
                    group.spawn(ask(each));
                co_return;
            });
            CHECK(served == 18);
        };
        world.own.run(while_serving(which, test));
        CHECK(most_open == 2);
        CHECK(which.statistics().timed_out == 2);
    }
}

TEST_CASE("while descriptors are short accepting pauses, 5 ms doubling to 1 s, and says so once a second at most")
{
    memory_world world;
    server which(anywhere, hold);
    const auto test = [&](endpoints where) -> task<> {
        world.memory.fail_accepts(EMFILE, 14);
        connection waiting = co_await connect(where.front());
        co_await world.memory.settle();
        CHECK(which.statistics().accept_errors.total() == 1);
        REQUIRE(world.reports.size() == 1);
        CHECK(world.reports[0] == "accept at " + to_string(where.front()) + ": Too many open files "
                                      + "(accepting pauses, clients wait; 1 failures since the last report)");
        std::uint64_t errors = 1;
        const time_point begin = world.own.now();
        const std::vector<duration> pauses{5ms, 10ms, 20ms, 40ms, 80ms, 160ms, 320ms, 640ms, 1s, 1s, 1s, 1s};
        for (const duration pause : pauses) {
            world.memory.advance(pause - 1us);
            co_await world.memory.settle();
            CHECK(which.statistics().accept_errors.total() == errors);
            world.memory.advance(1us);
            co_await world.memory.settle();
            CHECK(which.statistics().accept_errors.total() == ++errors);
            CHECK(world.reports.size() <= static_cast<std::size_t>((world.own.now() - begin) / 1s) + 1);
        }
        CHECK(world.reports.size() == 6);
        CHECK(which.statistics().accepted == 0);
        world.memory.advance(1s);
        co_await world.memory.settle();
        world.memory.advance(1s);
        co_await expect_service(waiting); // it waited all the time, and is served
        CHECK(which.statistics().accept_errors.total() == 14);

        world.memory.fail_accepts(EMFILE, 1);
        connection next = co_await connect(where.front());
        co_await world.memory.settle();
        CHECK(which.statistics().accept_errors.total() == 15);
        world.memory.advance(5ms); // a success has ended the doubling
        co_await expect_service(next);
    };
    world.own.run(while_serving(which, test));
}

TEST_CASE("a pause for want of descriptors ends as soon as a connection closes")
{
    memory_world world;
    server which(anywhere, hold);
    const auto test = [&](endpoints where) -> task<> {
        connection open = co_await connect(where.front());
        co_await world.memory.settle();
        world.memory.fail_accepts(ENFILE, 1);
        connection waiting = co_await connect(where.front());
        co_await world.memory.settle();
        CHECK(which.statistics().accepted == 1);
        CHECK(which.statistics().accept_errors.total() == 1);
        co_await expect_service(open);
        open.close();
        co_await expect_service(waiting); // the clock has not moved
        CHECK(which.statistics().accepted == 2);
    };
    world.own.run(while_serving(which, test));
}

TEST_CASE("accept errors of single connections are passed over at once, and neither counted nor reported")
{
    memory_world world;
    server which(anywhere, hold);
    const auto test = [&](endpoints where) -> task<> {
        world.memory.fail_accepts(ECONNABORTED, 40);
        connection client = co_await connect(where.front());
        co_await expect_service(client);
    };
    world.own.run(while_serving(which, test));
    CHECK(which.statistics().accept_errors.total() == 0);
    CHECK(world.reports.empty());
}

TEST_CASE("an address has so many connections at a time, one more is closed at once, and others have theirs")
{
    memory_world world;
    server_options options;
    options.max_connections_per_address = 2;
    server which(anywhere, hold, options);
    const auto from = [](endpoint source) {
        connect_options made;
        made.source = std::move(source);
        return made;
    };
    const auto test = [&](endpoints where) -> task<> {
        connect_options here = from(endpoint::ipv4({127, 0, 0, 1}, 0)), there = from(endpoint::ipv4({127, 0, 0, 2}, 0));
        connection first = co_await connect(where.front(), here);
        connection second = co_await connect(where.front(), here);
        connection refused = co_await connect(where.front(), here);
        connection other = co_await connect(where.front(), there);
        const auto end = co_await refused.read_some();
        CHECK(end.empty());
        CHECK(which.statistics().refused.by_address_limit == 1);
        CHECK(which.statistics().open == 3);
        co_await expect_service(first);
        co_await expect_service(other);
        first.close();
        co_await world.memory.settle();
        connection next = co_await connect(where.front(), here); // in the place of the first
        co_await expect_service(next);
        co_await expect_service(second);
    };
    world.own.run(while_serving(which, test));
    CHECK(which.statistics().accepted == 5);
    CHECK(world.reports.empty());
}

TEST_CASE("what connections hold beyond a first buffer each is limited, and small requests are served all the same")
{
    memory_world world;
    server_options options;
    options.max_buffered = 256 * 1024;
    server which(anywhere, [](connection& peer) -> task<> {
        const auto line = co_await peer.read_line(1024 * 1024);
        if (line)
            co_await peer.write("served\n");
    }, options);
    std::vector<std::string> failures;
    which.on_error([&](const connection&, const std::exception_ptr& failure) {
        try {
            std::rethrow_exception(failure);
        } catch (const error& each) {
            if (each.code() == std::errc::no_buffer_space)
                failures.emplace_back(each.what());
        }
    });
    const auto test = [&](endpoints where) -> task<> {
        const std::string part(60'000, 'x'); // needs a buffer of 64 KiB or so, and the end of the line does not come
        std::vector<connection> holding = co_await connect_several(where, 8);
        for (connection& each : holding)
            (void)co_await as_result(each.write(part));
        co_await world.memory.settle();
        CHECK(failures.size() >= 4);
        CHECK(failures.size() < 8);
        connection good = co_await connect(where.front());
        co_await expect_service(good);
        holding.clear();
        co_await world.memory.settle();
        connection large = co_await connect(where.front()); // there is room again
        co_await large.write(part);
        co_await expect_service(large);
    };
    world.own.run(while_serving(which, test));
}
