// Datagram conformance: deadlines, cancellation, closing and misuse, with nothing lost, on every kind of socket.
#include "support/datagrams.hpp"
#include "support/servers.hpp"

#include <array>

using namespace portico;
using namespace test;

namespace {

task<> expect_late(task<> work, phase during)
{
    auto outcome = co_await as_result(std::move(work));
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code() == errc::timed_out);
    CHECK(outcome.error().phase() == during);
}

task<> receive_within(datagram_socket& at, duration timeout)
{
    (void)co_await with_deadline(timeout, at.receive_from());
}

task<> peek_within(datagram_socket& at, duration timeout)
{
    (void)co_await with_deadline(timeout, at.peek_from());
}

task<> receive_into_within(datagram_socket& at, duration timeout)
{
    std::array<char, 10> memory;
    (void)co_await with_deadline(timeout, at.receive_into(memory));
}

} // namespace

TEST_CASE("a receive that is late or cancelled has taken no packet, and the next one gets it")
{
    on_every_datagram([](datagram_socket& near, datagram_socket& far) -> task<> {
        far.timeout(1ms);
        CHECK(far.timeout() == 1ms);
        co_await expect_late(receive_once(far), phase::read);
        co_await expect_late(receive_within(far, 1h), phase::read);
        far.timeout(no_timeout);
        for (const auto each : {receive_within, peek_within, receive_into_within})
            co_await expect_late(each(far, 1ms), phase::read);
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(receive_once(far));
            group.cancel();
            CHECK_THROWS_AS(far.receive_from(), misuse); // it is there until its task has seen the cancellation
            CHECK_THROWS_AS(far.try_receive_from(), misuse);
            co_return;
        });
        co_await when_all(expect_packet(far, "all"), send_once(near, far.local_endpoint(), "all"));
    });
}

TEST_CASE("closing a socket ends what waits for it, and nothing can be done with it any more")
{
    on_every_datagram([](datagram_socket& near, datagram_socket& far) -> task<> {
        std::error_code code;
        const endpoint there = near.local_endpoint();
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(expect_failure(receive_once(far), code));
            far.close();
            co_return;
        });
        CHECK(code == errc::closed);
        CHECK_FALSE(far.is_open());
        CHECK(far.local_endpoint() == endpoint());
        CHECK(far.native_handle() == -1);
        CHECK(far.release() == -1);
        co_await expect_failure(receive_once(far), code);
        CHECK(code == errc::closed);
        co_await expect_failure(send_once(far, there, "x"), code);
        CHECK(code == errc::closed);
        CHECK_FALSE(far.connect(there));
        CHECK_FALSE(far.disconnect());
        CHECK_FALSE(far.join_group(endpoint::ipv4({239, 1, 2, 3}, 0)));
        far.close();
    });
}

TEST_CASE("a socket is moved only while nothing is under way, and takes its packets with it")
{
    on_every_datagram([](datagram_socket& near, datagram_socket& far) -> task<> {
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(receive_once(far));
            CHECK_THROWS_AS(datagram_socket(std::move(far)), misuse);
            CHECK_THROWS_AS(near = std::move(far), misuse);
            group.cancel();
            co_return;
        });
        co_await near.send_segments("abcdef", 2, far.local_endpoint());
        co_await expect_packet(far, "ab");
        datagram_socket moved = std::move(far);
        co_await expect_packet(moved, "cd");
        far = std::move(moved);
        co_await expect_packet(far, "ef");
        CHECK_THROWS_AS(near.send("to whom?"), misuse);
        CHECK_THROWS_AS(near.send_segments("abc", 0, far.local_endpoint()), misuse);
        CHECK_THROWS_AS(near.send_segments("abc", 1), misuse);
    });
}

TEST_CASE("a send to a Unix socket with a full queue waits, may be late, cancelled or closed, and arrives in the end")
{
    for (const datagram_kind& kind : datagram_kinds()) {
        if (!kind.is_local())
            continue;
        run_with_sockets(kind, [](datagram_socket& near, datagram_socket& far) -> task<> {
            const endpoint there = far.local_endpoint();
            std::size_t queued = 0;
            while (near.try_send_to("queued", there))
                ++queued;
            CHECK(queued > 0);
            near.timeout(5ms);
            co_await expect_late(send_once(near, there, "late"), phase::write);
            near.timeout(no_timeout);
            co_await scope([&](task_group& group) -> task<> {
                for (int i = 0; i < 3; ++i)
                    group.spawn(send_once(near, there, "cancelled"));
                co_await yield();
                group.cancel();
            });
            const auto drain = [&]() -> task<> {
                co_await sleep_for(3ms);
                for (std::size_t i = 0; i < queued; ++i)
                    co_await expect_packet(far, "queued");
                for (int i = 0; i < 3; ++i)
                    co_await expect_packet(far, "patient");
            };
            co_await scope([&](task_group& group) -> task<> {
                for (int i = 0; i < 3; ++i)
                    group.spawn(send_once(near, there, "patient"));
                group.spawn(drain());
                co_return;
            });
            CHECK_FALSE(far.try_receive_from());
            while (near.try_send_to("queued", there)) {
            }
            std::vector<std::error_code> codes(2);
            co_await scope([&](task_group& group) -> task<> {
                for (std::error_code& each : codes)
                    group.spawn(expect_failure(send_once(near, there, "closed"), each));
                near.close();
                co_return;
            });
            for (const std::error_code& each : codes)
                CHECK(each == errc::closed);
        });
    }
}

TEST_CASE("a send of segments that made progress looks for room again at once, and then every 1 ms")
{
    memory_world world;
    world.own.run([](memory_backend& memory) -> task<> {
        datagram_socket near = co_await open_datagram(local("")), far = co_await open_datagram(local(""));
        const endpoint there = far.local_endpoint();
        while (near.try_send_to("xx", there)) { // as large as a segment: where one goes, one has room
        }
        co_await scope([&](task_group& group) -> task<> {
            auto sending = near.send_segments("aabb", 2, there);
            const auto send = [&]() -> task<> { co_await std::move(sending); };
            group.spawn(send());
            for (duration pause = 1ms; pause <= 64ms; pause *= 2) {
                co_await memory.settle();
                memory.advance(pause);
            }
            co_await memory.settle();
            CHECK(sending.sent() == 0);
            co_await expect_packet(far, "xx");
            memory.advance(64ms);
            co_await memory.settle();
            CHECK(sending.sent() == 2);
            co_await expect_packet(far, "xx");
            memory.advance(1ms);
            co_await memory.settle();
            CHECK(sending.sent() == 4);
            group.cancel();
        });
    }(world.memory));
}
