// server::handshake: what is done before the handler, and who is told where it fails. The handshake here is a line.
#include "support/servers.hpp"

#include <portico/net/network.hpp>
#include <portico/server/session_info.hpp>

using namespace portico;
using namespace test;

namespace {

/// A handshake: the peer says hello, in a line.
task<> greet(connection& peer)
{
    const auto line = co_await peer.read_line();
    if (!line || *line != "hello")
        throw protocol_error(errc::malformed, "greet", "it did not say hello", to_string(peer.remote_endpoint()));
}

struct refusal {
    endpoint remote;
    duration length;
    std::uint64_t in;
    session_end how;
    std::string why;
};

/// What the hooks of a server were told, in order.
struct record {
    std::vector<std::string> events;
    std::vector<refusal> refusals;

    void watch(server& which)
    {
        which.verify([this](const connection&) {
            events.emplace_back("verify");
            return true;
        });
        which.handshake([this](connection& peer) {
            events.emplace_back("handshake");
            return greet(peer);
        });
        which.on_accept([this](const connection&) { events.emplace_back("accept"); });
        which.on_close([this](const closed_session&) { events.emplace_back("close"); });
        which.on_handshake_failed([this](const closed_session& ended) {
            events.emplace_back("failed");
            REQUIRE(ended.failure != nullptr);
            refusals.push_back({ended.remote, ended.length, ended.bytes_read, ended.how, what_of(ended.failure)});
        });
    }
};

} // namespace

TEST_CASE("the handshake comes after verify and before all that is told of a connection")
{
    memory_world world;
    server which(anywhere, hold);
    record told;
    told.watch(which);
    const auto test = [&](endpoints where) -> task<> {
        connection client = co_await connect(where.front());
        co_await world.memory.settle();
        CHECK(told.events == std::vector<std::string>{"verify", "handshake"});
        const std::vector<session_info> found = co_await which.connections();
        REQUIRE(found.size() == 1);
        CHECK(found[0].waits.size() == 1);
        co_await client.write("hello\n");
        co_await expect_service(client);
        client.close();
        co_await world.memory.settle();
    };
    world.own.run(while_serving(which, test));
    CHECK(told.events == std::vector<std::string>{"verify", "handshake", "accept", "close"});
    CHECK(which.statistics().served == 1);
    CHECK(which.statistics().refused.by_handshake == 0);
}

TEST_CASE("a handshake that fails refuses the connection, and one is told who, why, for how long and of how many bytes")
{
    memory_world world;
    server which(anywhere, hold);
    record told;
    told.watch(which);
    endpoint who;
    const auto test = [&](endpoints where) -> task<> {
        connection client = co_await connect(where.front());
        who = client.local_endpoint();
        co_await world.memory.settle();
        world.memory.advance(2s);
        co_await client.write("goodbye\n");
        const auto end = co_await as_result(client.read_some());
        CHECK((!end || end->empty()));
    };
    world.own.run(while_serving(which, test));
    CHECK(told.events == std::vector<std::string>{"verify", "handshake", "failed"});
    REQUIRE(told.refusals.size() == 1);
    const refusal& one = told.refusals.front();
    CHECK(one.remote == who);
    CHECK(one.length == 2s);
    CHECK(one.in == 8);
    CHECK(one.how == session_end::refused);
    CHECK(one.why.find("it did not say hello") != std::string::npos);
    CHECK(which.statistics().refused.by_handshake == 1);
    CHECK(which.statistics().handler_errors == 0);
    CHECK(world.reports.empty());
}

TEST_CASE("a handshake that takes too long is refused, to the tick, whatever it waits for")
{
    memory_world world;
    server_options options;
    options.handshake_timeout = 3s;
    server which(anywhere, hold, options);
    record told;
    told.watch(which);
    const auto test = [&](endpoints where) -> task<> {
        connection client = co_await connect(where.front());
        co_await world.memory.settle();
        world.memory.advance(2s);
        co_await client.write("hel"); // which gives it no more time
        co_await world.memory.settle();
        world.memory.advance(1s - 1ns);
        co_await world.memory.settle();
        CHECK(which.statistics().open == 1);
        world.memory.advance(1ns);
        co_await world.memory.settle();
        CHECK(which.statistics().open == 0);
    };
    world.own.run(while_serving(which, test));
    REQUIRE(told.refusals.size() == 1);
    CHECK(told.refusals.front().length == 3s);
    CHECK(told.refusals.front().why.find("handshake with " + to_string(told.refusals.front().remote) + ": ") == 0);
    CHECK(told.refusals.front().why.find("timed out") != std::string::npos);
}

TEST_CASE("a header of a proxy that is wrong is told as a handshake that failed, and one from elsewhere is not told")
{
    memory_world world;
    server which(anywhere, hold);
    record told;
    told.watch(which);
    std::vector<network> trusted;
    trusted.push_back(network::parse("127.0.0.1"));
    which.trust_proxies(std::move(trusted));
    const auto test = [&](endpoints where) -> task<> {
        for (const std::uint8_t last : {std::uint8_t(1), std::uint8_t(2)}) {
            connect_options how;
            how.source = endpoint::ipv4({127, 0, 0, last}, 0);
            connection client = co_await connect(where.front(), how);
            (void)co_await as_result(client.write("GET / HTTP/1.1\r\n\r\n"));
            const auto end = co_await as_result(client.read_some());
            CHECK((!end || end->empty()));
        }
    };
    world.own.run(while_serving(which, test));
    CHECK(told.events == std::vector<std::string>{"failed"});
    CHECK(which.statistics().refused.by_handshake == 1);
    CHECK(which.statistics().refused.untrusted == 1);
}

TEST_CASE("at max_handshakes accepting pauses, until one has ended, well or not")
{
    memory_world world;
    server_options options;
    options.max_handshakes = 2;
    server which(anywhere, hold, options);
    record told;
    told.watch(which);
    const auto test = [&](endpoints where) -> task<> {
        std::vector<connection> clients = co_await connect_several(where, 5);
        co_await world.memory.settle();
        CHECK(which.statistics().accepted == 2);
        co_await clients[0].write("hello\n");
        co_await world.memory.settle();
        CHECK(which.statistics().accepted == 3); // one is served, two shake hands
        co_await clients[1].write("goodbye\n");
        co_await world.memory.settle();
        CHECK(which.statistics().accepted == 4);
        clients[2].close();
        co_await world.memory.settle();
        CHECK(which.statistics().accepted == 5);
        for (const std::size_t index : {3u, 4u}) {
            co_await clients[index].write("hello\n");
            co_await expect_service(clients[index]);
        }
        co_await expect_service(clients[0]);
    };
    world.own.run(while_serving(which, test));
    CHECK(told.refusals.size() == 2);
}

TEST_CASE("a drain cancels handshakes at its soft limit, and they are not told as failures")
{
    memory_world world;
    server which(anywhere, hold);
    record told;
    told.watch(which);
    const auto test = [&](endpoints where) -> task<> {
        connection client = co_await connect(where.front());
        co_await world.memory.settle();
        world.memory.advance_when_idle();
        const drain_report report = co_await which.drain(1s, 2s);
        CHECK(report.cancelled == 1);
    };
    world.own.run(while_serving(which, test));
    CHECK(told.events == std::vector<std::string>{"verify", "handshake"});
    CHECK(which.statistics().refused.by_handshake == 0);
}
