// drain: what becomes of sessions when a server comes to its end, to the tick of a clock that the test moves.
#include "support/servers.hpp"

#include <atomic>
#include <future>
#include <portico/core/run_on_thread.hpp>
#include <portico/core/when.hpp>
#include <portico/server/session_info.hpp>

using namespace portico;
using namespace test;

namespace {

/// Goes on although it is cancelled, for ever.
task<> ignore_cancellation(connection&)
{
    for (;;)
        (void)co_await as_result(shield(1h, sleep_for(1h)));
}

/// Answers lines until there are no more, or the server drains.
task<> answer_lines(connection& peer)
{
    while (!peer.is_draining()) {
        auto next = co_await when_any(peer.read_line(), peer.wait_draining());
        const auto* const line = std::get_if<0>(&next);
        if (line == nullptr || !*line)
            co_return;
        co_await peer.write("answer\n");
    }
}

/// Runs a server and a task beside it, and drains the server when that sets `begin`.
class draining_world : public memory_world {
public:
    template <class Body>
    void run(server& which, duration soft, duration hard, const Body& body)
    {
        const auto drain = [&]() -> task<> {
            co_await begin.wait();
            report = co_await which.drain(soft, hard);
            drained = true;
        };
        const auto test = [&](endpoints where) -> task<> {
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(drain());
                co_await body(where);
            });
        };
        own.run(while_serving(which, test));
    }

    event begin;
    bool drained = false;
    drain_report report;
};

} // namespace

TEST_CASE("a drain stops accepting, and ends when the last session has ended by itself")
{
    draining_world world;
    server which(anywhere, hold);
    world.run(which, 10s, 20s, [&](endpoints where) -> task<> {
        connection first = co_await connect(where.front());
        connection second = co_await connect(where.front());
        co_await world.memory.settle();
        world.begin.set();
        co_await world.memory.settle();
        CHECK_FALSE(world.drained);
        auto refused = co_await as_result(connect(where.front()));
        CHECK_FALSE(refused.has_value());
        co_await expect_service(first);
        world.memory.advance(10s - 1us);
        co_await world.memory.settle();
        CHECK_FALSE(world.drained);
        co_await expect_service(second);
        first.close();
        second.close();
        co_await world.memory.settle();
        CHECK(world.drained);
    });
    CHECK(world.report.finished == 2);
    CHECK(world.report.cancelled + world.report.aborted == 0);
    CHECK(which.statistics().served == 2);
}

TEST_CASE("at the soft limit of a drain, and not before, sessions are cancelled")
{
    draining_world world;
    server which(anywhere, hold);
    world.run(which, 10s, 20s, [&](endpoints where) -> task<> {
        connection client = co_await connect(where.front());
        co_await world.memory.settle();
        world.begin.set();
        co_await world.memory.settle();
        world.memory.advance(10s - 1ns);
        co_await world.memory.settle();
        CHECK(which.statistics().open == 1);
        world.memory.advance(1ns);
        co_await world.memory.settle();
        CHECK(which.statistics().open == 0);
        CHECK(world.drained);
    });
    CHECK(world.report.cancelled == 1);
    CHECK(which.statistics().cancelled == 1);
    CHECK(world.reports.empty());
}

TEST_CASE("at the hard limit of a drain, and not before, handlers that go on are destroyed and their peers see a reset")
{
    draining_world world;
    server which(anywhere, ignore_cancellation);
    std::vector<session_end> ends;
    which.on_close([&](const closed_session& session) { ends.push_back(session.how); });
    world.run(which, 1s, 5s, [&](endpoints where) -> task<> {
        connection client = co_await connect(where.front());
        co_await world.memory.settle();
        world.begin.set();
        co_await world.memory.settle();
        world.memory.advance(5s - 1ns);
        co_await world.memory.settle();
        CHECK(which.statistics().open == 1);
        world.memory.advance(1ns);
        co_await world.memory.settle();
        CHECK(world.drained);
        const auto got = co_await as_result(client.read_some());
        REQUIRE_FALSE(got.has_value());
        CHECK(got.error().code() == std::errc::connection_reset);
    });
    CHECK(world.report.aborted == 1);
    CHECK(world.report.finished + world.report.cancelled == 0);
    CHECK(which.statistics().aborted == 1);
    CHECK(ends == std::vector{session_end::aborted});
}

TEST_CASE("the report of a drain adds up when sessions finish, are cancelled and are aborted")
{
    draining_world world;
    server which(anywhere, [](connection& peer) -> task<> {
        const auto line = co_await peer.read_line();
        if (line && *line == "stay")
            co_await ignore_cancellation(peer);
        if (line && *line == "wait")
            co_await peer.read_line();
    });
    world.run(which, 1s, 2s, [&](endpoints where) -> task<> {
        std::vector<connection> clients = co_await connect_several(where, 9);
        for (std::size_t i = 0; i < 9; ++i) {
            const std::string_view line = i < 2 ? "stay\n" : i < 5 ? "wait\n" : "leave later\n";
            if (i < 5)
                co_await clients[i].write(line);
        }
        co_await world.memory.settle();
        world.begin.set();
        co_await world.memory.settle();
        for (std::size_t i = 5; i < 9; ++i)
            co_await clients[i].write("leave\n");
        while (clients.size() > 5)
            clients.pop_back(); // which closes it
        co_await world.memory.settle();
        world.memory.advance(1s);
        co_await world.memory.settle();
        world.memory.advance(1s);
        co_await world.memory.settle();
        CHECK(world.drained);
    });
    CHECK(world.report.aborted == 2);
    CHECK(world.report.cancelled == 3);
    CHECK(world.report.finished == 4);
    CHECK(which.statistics().open == 0);
}

TEST_CASE("handlers are told of a drain, and come to an end between two requests")
{
    draining_world world;
    server which(anywhere, answer_lines);
    world.run(which, 1h, 2h, [&](endpoints where) -> task<> {
        connection client = co_await connect(where.front());
        for (int i = 0; i < 3; ++i) {
            co_await client.write("question\n");
            const auto answer = co_await client.read_line();
            CHECK((answer && *answer == "answer"));
        }
        world.begin.set();
        const auto end = co_await client.read_line();
        CHECK_FALSE(end.has_value());
        client.close();
        co_await world.memory.settle();
        CHECK(world.drained);
    });
    CHECK(world.report.finished == 1);
}

TEST_CASE("a second drain shortens the limits of the first, and both report the same")
{
    draining_world world;
    server which(anywhere, ignore_cancellation);
    world.run(which, 1h, 2h, [&](endpoints where) -> task<> {
        connection client = co_await connect(where.front());
        co_await world.memory.settle();
        world.begin.set();
        co_await world.memory.settle();
        CHECK_FALSE(world.drained);
        const auto [hurried] = co_await when_all(which.drain(0s, 0s));
        CHECK(hurried.aborted == 1);
        co_await world.memory.settle();
        CHECK(world.drained);
    });
    CHECK(world.report.aborted == 1);
}

TEST_CASE("who waits in the backlog when a drain begins is served")
{
    draining_world world;
    server_options options;
    options.max_connections = 2;
    server which(anywhere, hold, options);
    world.run(which, 10s, 20s, [&](endpoints where) -> task<> {
        connection first = co_await connect(where.front());
        co_await world.memory.settle();
        world.memory.fail_accepts(EMFILE, 1); // so that the next one waits
        connection waiting = co_await connect(where.front());
        co_await world.memory.settle();
        CHECK(which.statistics().accepted == 1);
        world.begin.set();
        co_await world.memory.settle();
        CHECK(which.statistics().accepted == 2);
        co_await expect_service(waiting);
        co_await expect_service(first);
    });
    CHECK(world.report.finished == 2);
}

TEST_CASE("at the hard limit a handler that waits for a thread is destroyed when that has ended", "[threads]")
{
    context own;
    std::promise<void> release;
    std::atomic<bool> running = false, ended = false;
    server which(anywhere, [&](connection& peer) -> task<> {
        const std::string held(100, 'x'); // what the thread uses
        const auto call = [&] {
            running = true;
            release.get_future().wait();
            ended = held == std::string(100, 'x');
        };
        co_await run_on_thread(call);
        co_await ignore_cancellation(peer);
    });
    const auto test = [&](endpoints where) -> task<> {
        connection client = co_await connect(where.front());
        while (!running)
            co_await sleep_for(1ms);
        drain_report report;
        bool drained = false;
        const auto drain = [&]() -> task<> {
            report = co_await which.drain(0s, 0s);
            drained = true;
        };
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(drain());
            const auto got = co_await as_result(client.read_some()); // the reset comes with the hard limit
            CHECK_FALSE(got.has_value());
            CHECK_FALSE(drained);
            CHECK(which.statistics().open == 1);
            release.set_value();
        });
        CHECK(ended);
        CHECK(report.aborted == 1);
    };
    own.run(with_deadline(patience, while_serving(which, test)));
}

TEST_CASE("clients that come again and again do not keep a server from draining")
{
    memory_world world;
    server_options options;
    options.backlog = 50;
    server which(anywhere, [](connection& peer) -> task<> { co_await peer.write("served\n"); }, options);
    const auto test = [&](endpoints where) -> task<> {
        const auto come_again = [&]() -> task<> {
            for (;;) {
                auto client = co_await as_result(connect(where.front()));
                if (!client)
                    co_return;
                (void)co_await as_result(client->read_all(1000));
            }
        };
        std::uint64_t before = 0;
        co_await scope([&](task_group& group) -> task<> {
            for (int i = 0; i < 20; ++i)
                group.spawn(come_again());
            while (which.statistics().served < 1000)
                co_await yield();
            before = which.statistics().accepted;
            const drain_report report = co_await which.drain(1h, 2h);
            CHECK(report.cancelled + report.aborted == 0);
        });
        CHECK(which.statistics().accepted - before <= 50 + 20);
    };
    world.own.run(while_serving(which, test));
}

TEST_CASE("a drain of a server that does not run has nothing to do")
{
    memory_world world;
    server which(anywhere, hold);
    const drain_report report = world.own.run(which.drain(1s, 2s));
    CHECK(report.finished + report.cancelled + report.aborted == 0);
}

TEST_CASE("a server that is cancelled while it drains ends, and can run again afterwards")
{
    memory_world world;
    server which(anywhere, hold);
    const auto test = [&](endpoints where) -> task<> {
        connection client = co_await connect(where.front());
        co_await world.memory.settle();
        (void)co_await as_result(with_deadline(1s, which.drain(1h, 2h)));
        CHECK(which.statistics().open == 1);
    };
    world.memory.advance_when_idle();
    world.own.run(while_serving(which, test));
    CHECK(which.statistics().open == 0);
    const auto again = [&](endpoints where) -> task<> {
        connection client = co_await connect(where.front());
        co_await expect_service(client);
    };
    world.own.run(while_serving(which, again));
}

TEST_CASE("after a drain on the system the address is free, and run has returned")
{
    context own;
    server which(anywhere, hold);
    const auto body = [&]() -> task<> {
        event listening;
        endpoint where;
        bool returned = false;
        which.on_listening([&](const std::vector<endpoint>& at) {
            where = at.front();
            listening.set();
        });
        const auto run = [&]() -> task<> {
            co_await which.run();
            returned = true;
        };
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(run());
            co_await listening.wait();
            connection client = co_await connect(where);
            co_await expect_service(client);
            const drain_report report = co_await which.drain(10s, 10s);
            CHECK(report.finished <= 1);
        });
        CHECK(returned);
        acceptor again = listen(own, where);
        CHECK(again.local_endpoints().front() == where);
    };
    own.run(with_deadline(patience, body()));
}

TEST_CASE("under load a drain cuts no session before its soft limit, and its numbers add up", "[threads]")
{
    constexpr std::size_t clients = 200;
    context own;
    server_options options;
    options.threads = 2;
    server which(anywhere, [](connection& peer) -> task<> {
        for (;;) {
            auto line = co_await peer.read_line();
            if (!line)
                co_return;
            co_await peer.write("answer\n");
        }
    }, options);
    const auto body = [&]() -> task<> {
        event listening;
        endpoint where;
        which.on_listening([&](const std::vector<endpoint>& at) {
            where = at.front();
            listening.set();
        });
        std::size_t answered = 0, ended = 0, refused = 0;
        const auto ask = [&](std::size_t questions) -> task<> {
            connection client = co_await connect(where);
            for (std::size_t i = 0; i < questions; ++i) {
                co_await client.write("question\n");
                const auto line = co_await client.read_line();
                REQUIRE((line && *line == "answer"));
                ++answered;
            }
            ++ended;
        };
        const auto flood = [&]() -> task<> { // as long as somebody listens
            for (;;) {
                auto made = co_await as_result(connect(where));
                if (!made)
                    break;
                const auto end = co_await as_result(made->write("question\n"));
                (void)co_await as_result(made->read_line());
                refused += !end.has_value();
            }
        };
        drain_report report;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(which.run());
            co_await listening.wait();
            for (std::size_t i = 0; i < clients; ++i)
                group.spawn(ask(20 + i));
            group.spawn(flood());
            while (answered < clients * 5)
                co_await yield();
            report = co_await which.drain(1min, 2min);
        });
        CHECK(ended == clients);
        CHECK(refused == 0);
        CHECK(report.finished > 0);
        CHECK(report.cancelled + report.aborted == 0);
        const server_statistics all = which.statistics();
        CHECK(all.open == 0);
        CHECK(all.accepted == all.served + all.lost);
        CHECK(all.served >= clients);
    };
    own.run(with_deadline(patience, body()));
}

TEST_CASE("a server may be destroyed when run has returned, although a drain is yet to say so")
{
    memory_world world;
    std::optional<drain_report> report;
    const auto test = [&]() -> task<> {
        auto which = std::make_unique<server>(anywhere, hold);
        const auto drain = [&]() -> task<> {
            co_await yield(); // until it listens
            report = co_await which->drain(1s, 1s);
        };
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(drain());
            co_await which->run();
            which.reset();
            CHECK_FALSE(report);
        });
    };
    world.own.run(test());
    CHECK(report);
}
