// Stream conformance: half-close, close, finish and abort, as both sides see them, on every transport.
#include "support/streams.hpp"

#include <array>

using namespace portico;
using namespace test;

namespace {

// Writes until that fails.
task<std::error_code> write_failure(connection& to)
{
    const std::string data(1024, 'x');
    for (;;) {
        auto outcome = co_await as_result(to.write(bytes(data)));
        if (!outcome)
            co_return outcome.error().code();
        co_await yield();
    }
}

task<std::error_code> read_failure(connection& from)
{
    for (;;) {
        auto outcome = co_await as_result(from.read_some());
        if (!outcome)
            co_return outcome.error().code();
        REQUIRE_FALSE(outcome->empty());
    }
}

bool is_reset(std::error_code code)
{
    return code == std::errc::connection_reset || code == std::errc::broken_pipe;
}

} // namespace

TEST_CASE("after a half-close the other direction goes on, and no more can be written")
{
    on_every_stream([](connection& near, connection& far) -> task<> {
        co_await send_and_end(near, "ask");
        const auto question = co_await far.read_all(10);
        CHECK(question == "ask");
        co_await send_and_end(far, "answer");
        const auto answer = co_await near.read_all(10);
        CHECK(answer == "answer");
        auto more = co_await as_result(near.write("more"));
        REQUIRE_FALSE(more);
        CHECK(more.error().code() == std::errc::broken_pipe);
    });
}

TEST_CASE("closing ends pending operations of other tasks with errc::closed, and later ones at once")
{
    for (const bool abort : {false, true})
        for (const stream_kind& kind : stream_kinds()) {
            const std::string data = pattern(kind.much);
            run_with_connections(kind, [&](connection& near, connection&) -> task<> {
                std::error_code read, written;
                co_await scope([&](task_group& group) -> task<> {
                    group.spawn(expect_failure(read_line_from(near), read));
                    group.spawn(expect_failure(write_to(near, data), written));
                    CHECK(near.is_open());
                    abort ? near.abort() : near.close();
                    co_return;
                });
                CHECK(read == errc::closed);
                CHECK(written == errc::closed);
                CHECK_FALSE(near.is_open());
                near.close();
                near.abort();
                CHECK(near.native_handle() == -1);
                CHECK(near.shutdown_write().error().code() == errc::closed);
                const auto later = co_await as_result(near.read_some());
                CHECK((!later && later.error().code() == errc::closed));
                const auto late_write = co_await as_result(near.write("x"));
                CHECK((!late_write && late_write.error().code() == errc::closed));
            });
        }
}

TEST_CASE("the peer sees an abort as a reset, and goes on to see it")
{
    on_every_stream_that_resets([](connection& near, connection& far) -> task<> {
        std::error_code pending;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(expect_failure(read_line_from(near), pending));
            far.abort();
            co_return;
        });
        CHECK(pending == std::errc::connection_reset);
        const auto again = co_await read_failure(near);
        CHECK(is_reset(again));
        const auto writing = co_await write_failure(near);
        CHECK(is_reset(writing));
        const auto third = co_await read_failure(near);
        CHECK(is_reset(third));
    });
}

TEST_CASE("the peer of a Unix connection sees an abort as the end")
{
    for (const stream_kind& kind : stream_kinds())
        if (kind.is_unix() && !kind.secured)
            run_with_connections(kind, [](connection& near, connection& far) -> task<> {
                far.abort();
                const bytes end = co_await near.read_some();
                CHECK(end.empty());
            });
}

TEST_CASE("a write that was told of a reset does not make the next read take it for a good end")
{
    on_every_stream_that_resets([](connection& near, connection& far) -> task<> {
        far.abort();
        const auto writing = co_await write_failure(near);
        CHECK(is_reset(writing));
        const auto reading = co_await read_failure(near);
        CHECK(is_reset(reading));
    });
}

TEST_CASE("writing to a peer that has closed is an error and no signal")
{
    on_every_plain_stream([](connection& near, connection& far) -> task<> {
        far.close();
        const auto end = co_await near.read_some();
        CHECK(end.empty());
        const auto code = co_await write_failure(near);
        CHECK(is_reset(code));
    });
}

TEST_CASE("a write that waits for room fails when the peer resets")
{
    for (const stream_kind& kind : stream_kinds()) {
        const std::string data = pattern(kind.much);
        run_with_connections(kind, [&](connection& near, connection& far) -> task<> {
            std::error_code code;
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(expect_failure(write_to(near, data), code));
                far.abort();
                co_return;
            });
            CHECK(is_reset(code));
        });
    }
}

TEST_CASE("a plain close with unread input resets the connection")
{
    on_every_plain_stream([](connection& near, connection& far) -> task<> {
        co_await near.write("xy");
        std::array<char, 1> first;
        const auto count = co_await far.read_into(first);
        CHECK(count == 1);
        far.close();
        const auto code = co_await read_failure(near);
        CHECK(code == std::errc::connection_reset);
    });
}

TEST_CASE("finish delivers the last bytes although the peer has sent what nobody read")
{
    const auto read = [](connection& peer) -> task<> {
        const auto answer = co_await peer.read_all(100);
        CHECK(answer == "the answer");
    };
    const auto ask = [&](connection& peer) -> task<> {
        co_await when_all(peer.write("a line that nobody reads\r\n"), read(peer));
        peer.close();
    };
    const auto serve = [](connection& peer) -> task<> {
        co_await peer.write("the answer");
        co_await peer.finish();
        CHECK_FALSE(peer.is_open());
    };
    for (int round = 0; round < 100; ++round)
        on_every_stream(
            [&](connection& near, connection& far) -> task<> { co_await when_all(serve(far), ask(near)); });
}

TEST_CASE("finish waits for a peer that stays no longer than its limit of time")
{
    on_every_stream([](connection& near, connection& far) -> task<> {
        finish_limits limits;
        limits.time = 2ms;
        co_await far.finish(limits);
        CHECK_FALSE(far.is_open());
        const auto end = co_await near.read_some();
        CHECK(end.empty());
    });
}

TEST_CASE("finish drops no more than its limit of bytes, and ends with a peer that never stops sending")
{
    on_every_stream([](connection& near, connection& far) -> task<> {
        finish_limits limits;
        limits.bytes = 10'000;
        limits.time = patience;
        std::error_code code;
        const auto send = [](connection& to, std::error_code& failure) -> task<> {
            failure = co_await write_failure(to);
        };
        co_await when_all(send(near, code), far.finish(limits));
        CHECK(is_reset(code));
        CHECK(near.bytes_written() >= 10'000);
    });
}

TEST_CASE("finish of a connection that is closed, reset or at its end returns at once")
{
    on_every_stream([](connection& near, connection& far) -> task<> {
        co_await send_and_end(near, "x");
        const auto all = co_await far.read_all(1);
        CHECK(all == "x");
        finish_limits unbounded;
        unbounded.time = no_timeout;
        co_await far.finish(unbounded); // the end has been read: nothing can come
        co_await far.finish(unbounded);
        near.abort();
        co_await near.finish(unbounded);
    });
}

TEST_CASE("a connection that is closed by another task while it finishes ends at once")
{
    on_every_stream([](connection&, connection& far) -> task<> {
        finish_limits unbounded;
        unbounded.time = no_timeout;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(far.finish(unbounded));
            far.close();
            co_return;
        });
        CHECK_FALSE(far.is_open());
    });
}
