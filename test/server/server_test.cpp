// server: its sessions, their handlers, and its end.
#include "support/servers.hpp"

using namespace portico;
using namespace test;

TEST_CASE("a handler that throws ends its own connection alone, and is reported with its peer")
{
    memory_world world;
    server which(anywhere, [](connection& peer) -> task<> {
        const auto line = co_await peer.read_line();
        if (line && *line == "fail")
            throw std::runtime_error("as it was told");
        if (line && *line == "strange")
            throw 42;
        co_await peer.write("served\n");
    });
    const auto test = [&](endpoints where) -> task<> {
        connection good = co_await connect(where.front());
        connection bad = co_await connect(where.front());
        connection strange = co_await connect(where.front());
        const std::string bad_peer = to_string(bad.local_endpoint());
        const std::string strange_peer = to_string(strange.local_endpoint());
        co_await bad.write("fail\n");
        co_await strange.write("strange\n");
        co_await world.memory.settle();
        CHECK(which.statistics().handler_errors == 2);
        CHECK(which.statistics().open == 1);
        CHECK(world.reports == std::vector{"connection from " + bad_peer + ": as it was told",
                                           "connection from " + strange_peer + ": an exception of an unknown type"});
        const auto end = co_await bad.read_some();
        CHECK(end.empty());
        co_await expect_service(good);
        connection later = co_await connect(where.front());
        co_await expect_service(later);
    };
    world.own.run(while_serving(which, test));
    CHECK(which.statistics().accepted == 4);
    CHECK(which.statistics().open == 0);
}

TEST_CASE("hooks that throw are as harmless as handlers that do")
{
    memory_world world;
    server which(anywhere, hold);
    int seen = 0;
    which.on_accept([&](const connection& peer) {
        CHECK(peer.remote_endpoint().port() != 0);
        if (++seen == 1)
            throw std::runtime_error("not this one");
    });
    const auto test = [&](endpoints where) -> task<> {
        connection refused = co_await connect(where.front()), accepted = co_await connect(where.front());
        const auto end = co_await refused.read_some();
        CHECK(end.empty());
        co_await expect_service(accepted);
    };
    world.own.run(while_serving(which, test));
    CHECK(seen == 2);
    CHECK(world.reports.size() == 1);
}

TEST_CASE("cancelling a server cancels its sessions, and it ends when they have ended")
{
    memory_world world;
    int cancellations = 0, farewells = 0;
    server which(anywhere, [&](connection& peer) -> task<> {
        bool ending = false;
        try {
            (void)co_await peer.read_line();
        } catch (const cancelled&) {
            ++cancellations;
            ending = true;
        }
        if (ending) {
            co_await shield(1s, peer.write("bye\n"));
            ++farewells;
        }
        (void)co_await peer.read_line();
        FAIL("a cancelled task went on");
    });
    std::vector<connection> clients;
    const auto test = [&](endpoints where) -> task<> {
        clients = co_await connect_several(where, 10);
        co_await world.memory.settle();
        CHECK(which.statistics().open == 10);
    };
    world.own.run(while_serving(which, test));
    CHECK(cancellations == 10);
    CHECK(farewells == 10);
    CHECK(which.statistics().open == 0);
    CHECK(which.statistics().handler_errors == 0);
    CHECK(world.reports.empty());
    const auto read_the_end = [&]() -> task<> {
        for (connection& each : clients) {
            const auto line = co_await each.read_line();
            REQUIRE(line);
            CHECK(line->text() == "bye");
            const auto end = co_await each.read_some();
            CHECK(end.empty());
            const auto refused = co_await as_result(connect(each.remote_endpoint()));
            CHECK_FALSE(refused);
        }
    };
    world.own.run(read_the_end());
    clients.clear();
}

TEST_CASE("a server can run again after it was cancelled")
{
    memory_world world;
    server which(anywhere, hold);
    const auto test = [&](endpoints where) -> task<> {
        connection client = co_await connect(where.front());
        co_await expect_service(client);
    };
    world.own.run(while_serving(which, test));
    world.own.run(while_serving(which, test));
    CHECK(which.statistics().accepted == 2);
}

TEST_CASE("a server that cannot listen at one of its addresses fails, and says at which")
{
    memory_world world;
    const auto test = []() -> task<> {
        acceptor first = co_await listen(tcp("127.0.0.1", 0));
        const address taken = tcp("127.0.0.1", first.local_endpoints().front().port());
        server which({tcp("localhost", 0), taken}, hold);
        const auto outcome = co_await as_result(which.run());
        REQUIRE_FALSE(outcome);
        CHECK(std::string(outcome.error().what()) == "listen at " + to_string(taken) + ": Address already in use");
    };
    world.own.run(test());
}

TEST_CASE("a handler may move its connection away, which then lives on without the server")
{
    memory_world world;
    std::vector<connection> kept;
    server_options options;
    options.max_connections = 1;
    server which(anywhere, [&](connection& peer) -> task<> {
        kept.push_back(std::move(peer));
        co_return;
    }, options);
    const auto test = [&](endpoints where) -> task<> {
        std::vector<connection> clients = co_await connect_several(where, 3);
        co_await world.memory.settle();
        CHECK(which.statistics().accepted == 3);
        CHECK(which.statistics().open == 0);
        REQUIRE(kept.size() == 3);
        for (std::size_t i = 0; i < 3; ++i) {
            co_await clients[i].write("ping");
            const auto ping = co_await kept[i].read_exactly(4);
            CHECK(ping == "ping");
        }
        kept.clear();
    };
    world.own.run(while_serving(which, test));
}

TEST_CASE("when a handler returns its client gets every byte, although it has sent what nobody read")
{
    for (const stream_kind& kind : {stream_kinds()[0], stream_kinds()[2]}) {
        INFO(kind.name);
        context own(open_backend(kind));
        const std::string data = pattern(100'000);
        server which(anywhere, [&](connection& peer) -> task<> { co_await peer.write(bytes(data)); });
        const auto test = [&](endpoints where) -> task<> {
            for (int round = 0; round < 20; ++round) {
                connection client = co_await connect(where.front());
                co_await client.write("GET / HTTP/1.1\r\n\r\n");
                const auto all = co_await client.read_all(data.size());
                CHECK((all == bytes(data)));
            }
        };
        own.run(with_deadline(patience, while_serving(which, test)));
    }
}

TEST_CASE("a server runs on a listening socket that was handed in")
{
    context own;
    server which(std::vector<address>(), hold);
    std::vector<endpoint> told;
    which.on_listening([&](const std::vector<endpoint>& endpoints) { told = endpoints; });
    own.run([](context& here, server& serving) -> task<> {
        acceptor made = listen(here, endpoint::ipv4({127, 0, 0, 1}, 0));
        const endpoint where = made.local_endpoints().front();
        acceptor handed_in = adopt_acceptor(here, made.release().front());
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(serving.run(std::move(handed_in)));
            connection client = co_await connect(where);
            co_await expect_service(client);
            group.cancel();
        });
    }(own, which));
    CHECK(told.size() == 1);
    CHECK(which.statistics().accepted == 1);
}

TEST_CASE("a server and its sessions that are destroyed unfinished leave nothing behind")
{
    for (const stream_kind& kind : {stream_kinds()[0], stream_kinds()[2]}) {
        INFO(kind.name);
        server_options options;
        options.max_connections = 3;
        server which(tcp("localhost", 0), hold, options);
        {
            context own(open_backend(kind));
            std::vector<connection> clients;
            const auto test = [&](endpoints where) -> task<> {
                clients = co_await connect_several(where, 5);
                while (which.statistics().open < 3)
                    co_await yield();
                own.backend().stop();
                co_await sleep_for(1h);
            };
            CHECK_THROWS_AS(own.run(while_serving(which, test)), misuse);
            CHECK(which.statistics().open == 0);
        }
    }
}
