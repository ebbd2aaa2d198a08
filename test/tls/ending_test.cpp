// How a TLS stream ends, and what a read or a write leaves behind that is late or cancelled.
#include "support/run_in_memory.hpp"
#include "support/servers.hpp"

#include <algorithm>

using namespace portico;
using namespace test;

namespace {

std::vector<stream_kind> secured_kinds()
{
    std::vector<stream_kind> kinds = stream_kinds();
    std::erase_if(kinds, [](const stream_kind& each) { return !each.secured; });
    return kinds;
}

template <class Body>
void on_every_secured_stream(const Body& body)
{
    for (const stream_kind& kind : secured_kinds())
        run_with_connections(kind, body);
}

task<> count_up_to(unsigned& count, unsigned most, task_group& group)
{
    while (count < most) {
        ++count;
        co_await yield();
    }
    group.cancel();
}

} // namespace

TEST_CASE("TLS: after finish the peer sees the end, and after close that the stream was cut off")
{
    on_every_secured_stream([](connection& near, connection& far) -> task<> {
        const auto end = [](connection& from) -> task<> {
            const bytes nothing = co_await from.read_some();
            CHECK(nothing.empty());
            from.close();
        };
        co_await when_all(far.finish(), end(near));
    });
    on_every_secured_stream([](connection& near, connection& far) -> task<> {
        co_await far.write("half a li");
        far.close();
        for (int round = 0; round < 2; ++round) {
            const auto line = co_await as_result(near.read_line());
            REQUIRE_FALSE(line);
            CHECK(line.error().code() == errc::truncated);
            const std::string what = line.error().what();
            CHECK(what.find("without TLS's close_notify") != std::string::npos);
        }
        const bytes rest = co_await near.read_some();
        CHECK(rest == "half a li");
        const auto more = co_await as_result(near.read_some());
        CHECK((!more && more.error().code() == errc::truncated));
    });
}

TEST_CASE("TLS: finish delivers more than the system holds to a peer that is slow, with the end of the stream")
{
    on_every_secured_stream([](connection& near, connection& far) -> task<> {
        near.timeout(10s);
        const std::string data = pattern(300'000);
        std::string received;
        const auto send = [&](connection& to) -> task<> {
            co_await to.write(bytes(data));
            co_await to.finish();
        };
        const auto receive = [&](connection& from) -> task<> {
            for (int turn = 0; turn < 50; ++turn)
                co_await yield();
            co_await read_everything(from, received);
            co_await from.finish();
        };
        co_await when_all(send(near), receive(far));
        CHECK((received == data));
    });
}

TEST_CASE("TLS: the end of the stream waits behind what the peer has not read, no longer than the connection's timeout")
{
    memory_link link;
    link.capacity = 4096;
    for (const bool reads : {false, true}) {
        memory_world world;
        world.memory.link(link);
        world.own.run([](memory_world& in, bool peer_reads) -> task<> {
            auto [near, far] = connection_pair(in.own);
            co_await secure(near, far);
            near.timeout(5s);
            // Its tail is still with the transport when it gives up, and close_notify has no room.
            const std::string data = pattern(60'000);
            std::string received;
            co_await scope([&](task_group& group) -> task<> {
                const auto late = co_await as_result(with_deadline(0s, near.write(bytes(data))));
                CHECK_FALSE(late);
                group.spawn([&]() -> task<> { co_await near.finish(); });
                co_await in.memory.settle();
                CHECK(near.is_open());
                if (peer_reads) {
                    co_await read_everything(far, received);
                    far.close();
                } else {
                    in.memory.advance(5s - 1ns);
                    co_await in.memory.settle();
                    CHECK(near.is_open());
                    in.memory.advance(1ns);
                    co_await in.memory.settle();
                    in.memory.advance(1s); // what the peer may still send
                    co_await in.memory.settle();
                }
            });
            CHECK_FALSE(near.is_open());
            if (peer_reads)
                CHECK((received == std::string_view(data).substr(0, near.bytes_written())));
        }(world, reads));
    }
}

TEST_CASE("TLS: a write that is late has sent whole records, and the next one goes on behind them")
{
    for (const stream_kind& kind : secured_kinds()) {
        const std::string data = pattern(kind.much);
        run_with_connections(kind, [&](connection& near, connection& far) -> task<> {
            const auto late = co_await as_result(with_deadline(2ms, near.write(bytes(data))));
            REQUIRE_FALSE(late);
            const std::uint64_t before = near.bytes_written();
            CHECK(before < data.size());
            std::string received;
            co_await when_all(send_and_end(near, "marker"), read_everything(far, received));
            CHECK((received == data.substr(0, before) + "marker"));
        });
    }
}

TEST_CASE("TLS: what a write without waiting has left with the transport is sent while nobody writes")
{
    for (const stream_kind& kind : secured_kinds()) {
        const std::string data = pattern(kind.much);
        run_with_connections(kind, [&](connection& near, connection& far) -> task<> {
            std::size_t sent = 0;
            while (const std::size_t more = near.try_write(bytes(data).subview(sent)))
                sent += more;
            REQUIRE(sent > 0);
            const auto part = co_await far.read_exactly(sent);
            CHECK((part == bytes(data).subview(0, sent)));
        });
    }
}

TEST_CASE("TLS: a read that is late or cancelled takes nothing")
{
    on_every_secured_stream([](connection& near, connection& far) -> task<> {
        const auto late = co_await as_result(with_deadline(1ms, far.read_exactly(10)));
        CHECK_FALSE(late);
        co_await near.write("01234");
        const auto still_late = co_await as_result(with_deadline(1ms, far.read_exactly(10)));
        CHECK_FALSE(still_late);
        co_await near.write("56789");
        const auto all = co_await far.read_exactly(10);
        CHECK(all == "0123456789");
    });
}

TEST_CASE("TLS: a conversation that is cancelled at any point leaves nothing behind, and its peer hears of it")
{
    const auto talk = [](connection& near, connection& far) -> task<> {
        co_await secure(near, far);
        const std::string data = pattern(100'000);
        const auto say = [&](connection& peer) -> task<> {
            std::string received;
            co_await when_all(send_and_end(peer, data), read_everything(peer, received));
            CHECK((received == data));
            co_await peer.finish();
        };
        co_await when_all(say(near), say(far));
    };
    unsigned most = 0, cancelled_rounds = 0;
    for (bool is_complete = false; !is_complete; ++most) {
        run_in_memory([&](context& own, memory_backend& outside) -> task<> {
            outside.advance_when_idle();
            memory_link link;
            link.capacity = 10'000;
            outside.link(link);
            auto ends = connection_pair(own);
            unsigned count = 0;
            co_await scope([&](task_group& group) -> task<> {
                group.spawn([&]() -> task<> {
                    co_await talk(ends.first, ends.second);
                    is_complete = true;
                    group.cancel();
                });
                group.spawn(count_up_to(count, most, group));
                co_return;
            });
            if (!is_complete)
                ++cancelled_rounds;
            ends.first.close();
            const auto rest = co_await as_result(with_deadline(1s, ends.second.read_all(1'000'000)));
            CHECK_FALSE((!rest && rest.error().code() == errc::timed_out));
        });
    }
    CHECK(cancelled_rounds > 20);
}

TEST_CASE("TLS: the side that is cancelled at any point alone does not hold up the other one")
{
    for (const bool client_is_cancelled : {false, true}) {
        unsigned most = 0;
        for (bool is_complete = false; !is_complete; ++most) {
            run_in_memory([&](context& own, memory_backend& outside) -> task<> {
                outside.advance_when_idle();
                auto ends = connection_pair(own);
                const trusted_server& both = trusted_server::instance();
                const auto ask = [&](connection& peer) -> task<> {
                    co_await tls::handshake(peer, *both.client, "localhost");
                    co_await peer.write("question\n");
                    (void)co_await peer.read_line();
                    co_await peer.finish();
                };
                const auto answer = [&](connection& peer) -> task<> {
                    co_await tls::handshake(peer, *both.server);
                    (void)co_await peer.read_line();
                    co_await peer.write("answer\n");
                    co_await peer.finish();
                };
                const auto cancelled_one = [&](connection& peer) -> task<> {
                    unsigned count = 0;
                    co_await scope([&](task_group& group) -> task<> {
                        group.spawn([&]() -> task<> {
                            task<> work = client_is_cancelled ? ask(peer) : answer(peer);
                            co_await std::move(work);
                            is_complete = true;
                            group.cancel();
                        });
                        group.spawn(count_up_to(count, most, group));
                        co_return;
                    });
                    peer.close();
                };
                const auto other = [&](connection& peer) -> task<> {
                    task<> work = client_is_cancelled ? answer(peer) : ask(peer);
                    const auto outcome = co_await as_result(with_deadline(5s, std::move(work)));
                    CHECK((outcome || outcome.error().code() != errc::timed_out));
                };
                connection& first = client_is_cancelled ? ends.first : ends.second;
                connection& second = client_is_cancelled ? ends.second : ends.first;
                co_await when_all(cancelled_one(first), other(second));
            });
        }
        CHECK(most > 3);
    }
}
