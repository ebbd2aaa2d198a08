// connections: what a server says of the sessions that live.
#include "support/servers.hpp"

#include <algorithm>
#include <portico/server/session_info.hpp>

using namespace portico;
using namespace test;

namespace {

task<> read_request(connection& peer)
{
    (void)co_await peer.read_line();
}

task<> serve_slowly(connection& peer)
{
    co_await peer.write("ready\n");
    co_await with_deadline(10s, read_request(peer));
    co_await scope([&](task_group& group) -> task<> {
        group.spawn([]() -> task<> { co_await sleep_for(1h); });
        co_await peer.read_some();
    });
}

} // namespace

TEST_CASE("a session shows its peer, age, bytes, what it waits for, since when, until when, and where")
{
    memory_world world;
    server_options options;
    options.timeout = 1min;
    server which(anywhere, serve_slowly, options);
    const auto test = [&](endpoints where) -> task<> {
        connection client = co_await connect(where.front());
        co_await world.memory.settle();
        world.memory.advance(4s);
        std::vector<session_info> found = co_await which.connections();
        REQUIRE(found.size() == 1);
        CHECK(found[0].remote == client.local_endpoint());
        CHECK(found[0].local == where.front());
        CHECK(found[0].age == 4s);
        CHECK(found[0].bytes_read == 0);
        CHECK(found[0].bytes_written == 6);
        REQUIRE(found[0].waits.size() == 1);
        CHECK(found[0].waits[0].what == "read from " + to_string(client.local_endpoint()));
        CHECK(found[0].waits[0].since == 4s);
        CHECK(found[0].waits[0].remaining == 6s); // the earlier of two deadlines
        const std::string text = to_string(found[0]);
        INFO(text);
        CHECK(text.starts_with(to_string(client.local_endpoint()) + " at " + to_string(where.front())
                               + ": 4.000 s old, 0 bytes read, 6 written\n"));
        CHECK(text.find(", for 4.000 s, 6.000 s left\n") != text.npos);
        CHECK(text.find("read_request at inspection_test.cpp:14\n") != text.npos);
        CHECK(text.find("serve_slowly at inspection_test.cpp:20\n") != text.npos);

        co_await client.write("request\n");
        co_await world.memory.settle();
        world.memory.advance(2s);
        found = co_await which.connections();
        REQUIRE(found.size() == 1);
        CHECK(found[0].bytes_read == 8);
        REQUIRE(found[0].waits.size() == 2); // what it has spawned is a part of it
        for (const session_wait& each : found[0].waits)
            CHECK(each.since == 2s);
        CHECK(std::min(found[0].waits[0].remaining, found[0].waits[1].remaining) == 58s);
        CHECK(std::max(found[0].waits[0].remaining, found[0].waits[1].remaining) == no_timeout);
        client.close();
        co_await world.memory.settle();
        found = co_await which.connections();
        CHECK(found.empty());
    };
    CHECK_NOTHROW(world.own.run(while_serving(which, test)));
}

TEST_CASE("a server that does not run has no sessions and no sockets")
{
    memory_world world;
    server which(anywhere, hold);
    CHECK(world.own.run(which.connections()).empty());
    CHECK(which.native_handles().empty());
}

TEST_CASE("the ends of sessions have names")
{
    CHECK(to_string(session_end::timed_out) == "timed_out");
    CHECK(to_string(session_end::aborted) == "aborted");
}

TEST_CASE("the bounds of durations are powers of 4 of a millisecond, and the last has none")
{
    CHECK(duration_histogram::bound(0) == 1ms);
    CHECK(duration_histogram::bound(5) == 1024ms);
    CHECK(duration_histogram::bound(duration_histogram::size - 1) == no_timeout);
}
