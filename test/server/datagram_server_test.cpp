// datagram_server: handlers and their memory, limits and failures, in memory with a clock that the test moves.
#include "support/datagrams.hpp"
#include "support/servers.hpp"

#include <algorithm>
#include <cerrno>
#include <portico/core/channel.hpp>
#include <portico/server/datagram_server.hpp>
#include <stdexcept>

using namespace portico;
using namespace test;

namespace {

const address any_port = udp("127.0.0.1", 0);

/// Runs `which` while `body(client, where)`, a task, runs, with a socket and the server's endpoint; then cancels it.
template <class Body>
task<> while_receiving(datagram_server& which, const Body& body)
{
    event listening;
    std::vector<endpoint> where;
    which.on_listening([&](const std::vector<endpoint>& endpoints) {
        where = endpoints;
        listening.set();
    });
    co_await scope([&](task_group& group) -> task<> {
        group.spawn(which.run());
        co_await listening.wait();
        datagram_socket client = co_await open_datagram(any_port);
        co_await body(client, where.front());
        group.cancel();
    });
}

task<> echo(packet& request)
{
    co_await request.reply(request.data());
}

task<> fail_to_serve(packet& request)
{
    if (request.data().text() == "number")
        throw 7;
    throw std::runtime_error("cannot be served");
    co_return;
}

} // namespace

TEST_CASE("a datagram server answers each packet, from every address of its host, until it is cancelled")
{
    for (const bool in_memory : {true, false}) {
        const datagram_kind kind{"localhost", udp("localhost", 0), in_memory, 0};
        context own(open_backend(kind));
        datagram_server which(kind.where, echo);
        std::vector<endpoint> where;
        event listening;
        which.on_listening([&](const std::vector<endpoint>& endpoints) {
            where = endpoints;
            listening.set();
        });
        own.run(with_deadline(patience, scope([&](task_group& group) -> task<> {
            group.spawn(which.run());
            co_await listening.wait();
            for (const endpoint& each : where) {
                datagram_socket client = co_await connect_datagram(each);
                for (const char* const data : {"one", "", "three"}) {
                    co_await client.send(data);
                    co_await expect_packet(client, data);
                }
            }
            group.cancel();
        })));
        REQUIRE_FALSE(where.empty());
        CHECK(which.statistics().received == 3 * where.size());
        CHECK(which.statistics().replies == 3 * where.size());
        CHECK(which.statistics().open == 0);
    }
}

TEST_CASE("a slow handler keeps its packet intact while others come and go")
{
    for (const datagram_kind& kind : datagram_kinds()) {
        INFO(kind.name);
        context own(open_backend(kind));
        event may_go_on;
        const auto serve = [&](packet& request) -> task<> {
            const bytes data = request.data(); // a view
            if (data.text().starts_with("slow"))
                co_await may_go_on.wait();
            co_await request.reply(data);
        };
        datagram_server which(kind.where, serve);
        std::vector<std::string> sent, answers;
        const auto test = [&](datagram_socket&, const endpoint& where) -> task<> {
            datagram_socket client = co_await open_datagram(kind.where);
            for (std::uint32_t i = 0; i < 200; ++i) {
                const std::string fast = "fast" + pattern(i * 7 % 1'000, i);
                co_await client.send_to(fast, where);
                co_await expect_packet(client, fast);
                if (i % 4 == 0) {
                    sent.push_back("slow" + pattern(i * 31 % 2'000, i));
                    co_await client.send_to(sent.back(), where);
                }
            }
            while (which.statistics().open != sent.size())
                co_await yield();
            may_go_on.set();
            while (answers.size() < sent.size()) { // in any order: a full queue makes handlers wait
                const datagram each = co_await client.receive_from();
                answers.emplace_back(each.data.text());
            }
        };
        own.run(with_deadline(patience, while_receiving(which, test)));
        CHECK(std::ranges::is_permutation(answers, sent));
        CHECK(which.statistics().open == 0);
        CHECK(which.statistics().replies == 200 + sent.size());
    }
}

TEST_CASE("coalesced packets are served one by one, and slow handlers of one batch keep theirs")
{
    memory_world world;
    event may_go_on;
    const auto serve = [&](packet& request) -> task<> {
        co_await may_go_on.wait();
        co_await request.reply(request.data());
    };
    datagram_server which(any_port, serve);
    const auto test = [&](datagram_socket& client, const endpoint& where) -> task<> {
        co_await client.send_segments("aabbccddeef", 2, where);
        co_await world.memory.settle();
        CHECK(which.statistics().open == 6);
        may_go_on.set();
        for (const char* const each : {"aa", "bb", "cc", "dd", "ee", "f"})
            co_await expect_packet(client, each);
    };
    world.own.run(while_receiving(which, test));
}

TEST_CASE("at its limit of handlers or of memory receiving pauses, and goes on when a handler ends")
{
    for (const bool by_memory : {false, true}) {
        memory_world world;
        datagram_server_options options;
        options.max_handlers = by_memory ? 1'000'000 : 3;
        options.max_bytes = by_memory ? 1 : SIZE_MAX; // what is kept of one packet is more already
        options.handler_timeout = no_timeout;
        const std::size_t most = by_memory ? 1 : 3;
        std::size_t most_open = 0;
        channel<int> permits(100);
        datagram_server* server = nullptr;
        const auto serve = [&](packet& request) -> task<> {
            most_open = std::max(most_open, server->statistics().open);
            (void)co_await permits.receive();
            co_await request.reply(request.data());
        };
        datagram_server which(any_port, serve, options);
        server = &which;
        const auto test = [&](datagram_socket& client, const endpoint& where) -> task<> {
            for (int i = 0; i < 20; ++i)
                co_await client.send_to("wait", where);
            co_await world.memory.settle();
            CHECK(which.statistics().open == most);
            CHECK(which.statistics().received == most + 1); // one waits for room
            CHECK(which.statistics().pauses == 1);
            for (int i = 0; i < 20; ++i) {
                co_await permits.send(1);
                co_await expect_packet(client, "wait");
            }
        };
        world.own.run(while_receiving(which, test));
        CHECK(most_open == most);
        CHECK(which.statistics().replies == 20);
    }
}

TEST_CASE("a handler that takes too long is cancelled, counted, and its place is free")
{
    memory_world world;
    datagram_server_options options;
    options.max_handlers = 1;
    options.handler_timeout = 10s;
    event never;
    bool was_cancelled = false;
    const auto serve = [&](packet& request) -> task<> {
        if (request.data().text() == "fast")
            co_return co_await request.reply("done");
        try {
            co_await never.wait();
        } catch (const cancelled&) {
            was_cancelled = true;
            throw;
        }
    };
    datagram_server which(any_port, serve, options);
    const auto test = [&](datagram_socket& client, const endpoint& where) -> task<> {
        co_await client.send_to("slow", where);
        co_await client.send_to("fast", where);
        co_await world.memory.settle();
        world.memory.advance(10s - 1ns);
        co_await world.memory.settle();
        CHECK_FALSE(was_cancelled);
        world.memory.advance(1ns);
        co_await expect_packet(client, "done");
        CHECK(was_cancelled);
        CHECK(which.statistics().timed_out == 1);
        world.memory.advance(1h); // no timer is left of it
        co_await client.send_to("fast", where);
        co_await expect_packet(client, "done");
        CHECK(which.statistics().timed_out == 1);
    };
    world.own.run(while_receiving(which, test));
    CHECK(world.reports.empty());
}

TEST_CASE("an exception ends the handling of one packet, and is reported")
{
    memory_world world;
    datagram_server which(any_port, fail_to_serve);
    std::string from;
    const auto test = [&](datagram_socket& client, const endpoint& where) -> task<> {
        from = to_string(client.local_endpoint());
        co_await client.send_to("first", where);
        co_await client.send_to("number", where);
        co_await world.memory.settle();
    };
    world.own.run(while_receiving(which, test));
    CHECK(which.statistics().handler_errors == 2);
    CHECK(which.statistics().received == 2);
    CHECK(which.statistics().open == 0);
    REQUIRE(world.reports.size() == 2);
    CHECK(world.reports[0] == "packet from " + from + ": cannot be served");
    CHECK(world.reports[1] == "packet from " + from + ": an exception of an unknown type");
}

TEST_CASE("an answer that has nowhere to go is counted and not reported")
{
    memory_world world;
    datagram_server which(local("@service"), echo);
    const auto test = [&](datagram_socket&, const endpoint& where) -> task<> {
        {
            datagram_socket gone = co_await open_datagram(local(""));
            CHECK(gone.try_send_to("hello", where));
        }
        co_await world.memory.settle();
    };
    world.own.run(while_receiving(which, test));
    CHECK(which.statistics().received == 1);
    CHECK(which.statistics().lost == 1);
    CHECK(which.statistics().handler_errors == 0);
    CHECK(world.reports.empty());
}

TEST_CASE("a failing receive pauses, 5 ms doubling to 1 s, is reported once a second, and loses no packet")
{
    memory_world world;
    datagram_server which(any_port, echo);
    const auto test = [&](datagram_socket& client, const endpoint& where) -> task<> {
        world.memory.fail_receives(ENOMEM, 10);
        co_await client.send_to("patient", where);
        co_await world.memory.settle();
        std::uint64_t errors = 1;
        CHECK(which.statistics().receive_errors == errors);
        REQUIRE(world.reports.size() == 1);
        CHECK(world.reports[0] == "receive at " + to_string(where)
                                      + ": Cannot allocate memory (receiving pauses; "
                                      + "1 failures since the last report)");
        const std::vector<duration> pauses{5ms, 10ms, 20ms, 40ms, 80ms, 160ms, 320ms, 640ms, 1s};
        for (const duration pause : pauses) {
            world.memory.advance(pause - 1us);
            co_await world.memory.settle();
            CHECK(which.statistics().receive_errors == errors);
            world.memory.advance(1us);
            co_await world.memory.settle();
            CHECK(which.statistics().receive_errors == ++errors);
        }
        CHECK(world.reports.size() == 3);
        CHECK(which.statistics().received == 0);
        world.memory.advance(1s);
        co_await expect_packet(client, "patient");
    };
    world.own.run(while_receiving(which, test));
}

TEST_CASE("a packet that is larger than the server takes is told to its handler, and counted")
{
    memory_world world;
    datagram_server_options options;
    options.socket.max_size = 4;
    const auto serve = [](packet& request) -> task<> {
        const bytes answer = request.truncated() ? "too large" : request.data();
        co_await request.reply(answer);
    };
    datagram_server which(any_port, serve, options);
    const auto test = [&](datagram_socket& client, const endpoint& where) -> task<> {
        co_await client.send_to("12345", where);
        co_await expect_packet(client, "too large");
        co_await client.send_to("1234", where);
        co_await expect_packet(client, "1234");
    };
    world.own.run(while_receiving(which, test));
    CHECK(which.statistics().truncated == 1);
}

TEST_CASE("handlers in memory hear broadcast and the groups that they joined, and answer from an own address")
{
    memory_world world;
    const endpoint group = endpoint::ipv4({239, 1, 2, 3}, 0);
    const auto serve = [&](packet& request) -> task<> {
        if (request.data().text() == "join")
            request.socket().join_group(group).value();
        co_await request.reply(to_string(request.local_endpoint()));
    };
    datagram_server which(udp("0.0.0.0", 0), serve);
    const auto test = [&](datagram_socket& client, endpoint where) -> task<> {
        const std::uint16_t port = where.port();
        where = endpoint::ipv4({127, 0, 0, 2}, port);
        endpoint members = group;
        members.port(port);
        co_await client.send_to("not yet", members);
        co_await client.send_to("join", where);
        const datagram joined = co_await client.receive_from();
        CHECK(joined.data.text() == to_string(where));
        CHECK(joined.from == where);
        co_await client.send_to("now", members);
        const datagram got = co_await client.receive_from();
        CHECK(got.data.text() == to_string(members));
        CHECK(got.from == endpoint::ipv4({127, 0, 0, 1}, port));

        const auto everybody = endpoint::ipv4({255, 255, 255, 255}, port);
        const auto refused = co_await as_result(client.send_to("all", everybody));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == std::errc::permission_denied);
        datagram_options may;
        may.broadcast = true;
        datagram_socket allowed = co_await open_datagram(any_port, may);
        co_await allowed.send_to("all", everybody);
        co_await expect_packet(allowed, to_string(everybody));
        CHECK(which.statistics().received == 3);
    };
    world.own.run(while_receiving(which, test));
    CHECK(world.reports.empty());
}

TEST_CASE("limits of 0 leave one handler at a time")
{
    for (const bool by_memory : {false, true}) {
        memory_world world;
        datagram_server_options options;
        (by_memory ? options.max_bytes : options.max_handlers) = 0;
        datagram_server which(any_port, echo, options);
        const auto test = [&](datagram_socket& client, const endpoint& where) -> task<> {
            co_await client.send_to("one", where);
            co_await client.send_to("two", where);
            co_await world.memory.settle();
            CHECK(which.statistics().replies == 2);
        };
        world.own.run(while_receiving(which, test));
    }
}

TEST_CASE("a server's sockets are opened as its options say, and each is seen before the first packet")
{
    memory_world world;
    const auto everybody = endpoint::ipv4({255, 255, 255, 255}, 9);
    const auto serve = [&](packet& request) -> task<> {
        co_await request.socket().send_to("all", everybody);
        co_await request.reply("sent");
    };
    datagram_server_options options;
    options.socket.broadcast = true;
    datagram_server which(udp("0.0.0.0", 0), serve, options);
    endpoint group = endpoint::ipv4({239, 1, 2, 3}, 0);
    std::vector<endpoint> opened;
    which.on_open([&](datagram_socket& each) {
        opened.push_back(each.local_endpoint());
        each.join_group(group).value();
    });
    const auto test = [&](datagram_socket& client, const endpoint& where) -> task<> {
        CHECK(opened == std::vector{where});
        group.port(where.port());
        co_await client.send_to("to the group", group);
        co_await world.memory.settle();
        const auto got = client.try_receive_from();
        REQUIRE(got);
        CHECK(got->data.text() == "sent");
    };
    world.own.run(while_receiving(which, test));
    CHECK(world.reports.empty());
}
