// Reading and writing without waiting, waiting without reading, and looking ahead, over every transport.
#include "support/streams.hpp"

using namespace portico;
using namespace test;

TEST_CASE("a try to read finds nothing, then what has come, then the end")
{
    on_every_stream([](connection& near, connection& far) -> task<> {
        CHECK_FALSE(near.try_read_some());
        co_await far.write("hello");
        std::string got;
        while (got.size() < 5) {
            co_await near.wait_readable();
            const auto some = near.try_read_some(2);
            if (some)
                got += some->text();
        }
        CHECK(got == "hello");
        CHECK_FALSE(near.try_read_some());
        far.shutdown_write().value();
        std::optional<bytes> end;
        while (!end) {
            co_await near.wait_readable();
            end = near.try_read_some();
        }
        CHECK(end->empty());
    });
}

TEST_CASE("a try to write takes what there is room for, and the wait ends when the peer has made room")
{
    on_every_stream([](connection& near, connection& far) -> task<> {
        const std::string block = pattern(64 * 1024);
        std::string sent, received;
        for (;;) {
            const std::size_t count = near.try_write(block);
            if (count == 0)
                break;
            sent += block.substr(0, count);
        }
        auto late = co_await as_result(with_deadline(1ms, near.wait_writable()));
        CHECK_FALSE(late);
        while (received.size() < sent.size()) {
            const bytes some = co_await far.read_some();
            received += some.text();
        }
        CHECK(received == sent);
        co_await near.wait_writable();
        CHECK(near.try_write("x") == 1);
    });
}

TEST_CASE("a peek leaves the bytes to be read, and gets fewer where the stream ends")
{
    on_every_stream([](connection& near, connection& far) -> task<> {
        co_await far.write("GET /\n");
        const bytes first = co_await near.peek(3);
        CHECK(first == bytes("GET"));
        const bytes again = co_await near.peek(6);
        CHECK(again == bytes("GET /\n"));
        const auto line = co_await near.read_line();
        REQUIRE(line);
        CHECK(line->text() == "GET /");
        co_await far.write("ab");
        far.shutdown_write().value();
        const bytes rest = co_await near.peek(100);
        CHECK(rest == bytes("ab"));
        const bytes all = co_await near.read_all(10);
        CHECK(all == bytes("ab"));
        const bytes none = co_await near.peek(1);
        CHECK(none.empty());
    });
}

TEST_CASE("a wait for bytes ends at once where some are buffered, is late in time, and can be cancelled")
{
    on_every_stream([](connection& near, connection& far) -> task<> {
        auto late = co_await as_result(with_deadline(1ms, near.wait_readable()));
        REQUIRE_FALSE(late);
        CHECK(late.error().code() == errc::timed_out);
        CHECK(late.error().phase() == phase::read);
        co_await far.write("1\n2\n");
        (void)co_await near.read_line();
        (void)co_await near.peek(2);
        co_await near.wait_readable();
        CHECK(near.try_read_some(2) == bytes("2\n"));
        bool cancelled_there = false;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                try {
                    co_await near.wait_readable();
                } catch (const cancelled&) {
                    cancelled_there = true;
                    throw;
                }
            });
            group.cancel();
            co_return;
        });
        CHECK(cancelled_there);
    });
}

TEST_CASE("a try on a closed connection fails, and one beside a pending operation is a misuse")
{
    on_every_stream([](connection& near, connection&) -> task<> {
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> { (void)co_await near.read_some(); });
            CHECK_THROWS_AS(near.try_read_some(), misuse);
            group.cancel();
            co_return;
        });
        near.close();
        CHECK_THROWS_AS(near.try_read_some(), error);
        CHECK_THROWS_AS(near.try_write("x"), error);
    });
}
