// Stream conformance: a connection as an object, on every transport: misuse, moving, endpoints, error texts.
#include "support/streams.hpp"

using namespace portico;
using namespace test;

TEST_CASE("a second read, a second write, and moving the connection are misuse while one is pending")
{
    for (const stream_kind& kind : stream_kinds()) {
        const std::string data = pattern(kind.much);
        run_with_connections(kind, [&](connection& near, connection& far) -> task<> {
            std::error_code closed;
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(expect_failure(read_line_from(near), closed));
                CHECK_THROWS_AS((void)near.read_some(), misuse);
                CHECK_THROWS_AS(connection(std::move(near)), misuse);
                CHECK_THROWS_AS(far = std::move(near), misuse);
                CHECK_THROWS_AS(near = std::move(far), misuse);
                near.close();
                co_return;
            });
            std::error_code reset;
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(expect_failure(write_to(far, data), reset));
                if (reset) // the close above came first
                    co_return;
                CHECK_THROWS_AS((void)far.write("x"), misuse);
                CHECK_THROWS_AS(connection(std::move(far)), misuse);
                far.close();
            });
        });
    }
}

TEST_CASE("a connection may be moved with unread bytes in it, and what it left behind is closed")
{
    on_every_stream([](connection& near, connection& far) -> task<> {
        co_await when_all(send_and_end(near, "line\nrest"), read_line_from(far));
        connection moved = std::move(far);
        CHECK_FALSE(far.is_open());
        far.close();
        const auto late = co_await as_result(far.read_some());
        CHECK((!late && late.error().code() == errc::closed));
        CHECK(far.remote_endpoint() == endpoint());
        const auto rest = co_await moved.read_all(10);
        CHECK(rest == "rest");
        CHECK(moved.bytes_read() == 9);
        far = std::move(moved);
        co_await send_and_end(far, "back");
        const auto back = co_await near.read_all(10);
        CHECK(back == "back");
    });
}

TEST_CASE("using a connection in a task of another context is misuse")
{
    on_every_stream([](connection& near, connection&) -> task<> {
        context other(std::make_unique<memory_backend>());
        const auto read = [](connection& from) -> task<> { co_await from.read_some(); };
        const auto read_as_result = [](connection& from) -> task<> { (void)co_await as_result(from.read_some()); };
        const auto write = [](connection& to) -> task<> { co_await to.write("x"); };
        CHECK_THROWS_AS(other.run(read(near)), misuse);
        CHECK_THROWS_AS(other.run(read_as_result(near)), misuse);
        CHECK_THROWS_AS(other.run(write(near)), misuse);
        CHECK_THROWS_AS(other.run(near.finish()), misuse);
        CHECK(near.bytes_written() == 0);
        co_return;
    });
}

TEST_CASE("both ends know each other's endpoints, and the remote one after closing too")
{
    on_every_stream([](connection& near, connection& far) -> task<> {
        CHECK(near.local_endpoint() == far.remote_endpoint());
        CHECK(near.remote_endpoint() == far.local_endpoint());
        CHECK((near.local_endpoint().port() != 0 || !near.local_endpoint().is_ip()));
        const endpoint remote = near.remote_endpoint();
        near.close();
        CHECK(near.remote_endpoint() == remote);
        co_return;
    });
}

TEST_CASE("an error of a read or a write says what was attempted, with whom and why")
{
    on_every_stream([](connection& near, connection&) -> task<> {
        const std::string peer = to_string(near.remote_endpoint());
        near.close();
        const auto read = co_await as_result(near.read_some());
        REQUIRE_FALSE(read);
        CHECK(std::string(read.error().what()) == "read from " + peer + ": closed on this side");
        const auto written = co_await as_result(near.write("x"));
        REQUIRE_FALSE(written);
        CHECK(std::string(written.error().what()) == "write to " + peer + ": closed on this side");
    });
}
