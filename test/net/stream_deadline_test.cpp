// Stream conformance: deadlines and cancellation of every operation, with nothing lost, on every transport.
#include "support/streams.hpp"

#include <array>
#include <functional>

using namespace portico;
using namespace test;

namespace {

/// An operation that waits for more than "part", and a name for it.
struct waiting_read {
    const char* name;
    std::function<task<>(connection&)> run;
    std::function<task<>(connection&, duration)> run_with_deadline;
};

template <class Make>
waiting_read waiting(const char* name, Make make)
{
    const auto run = [make](connection& from) -> task<> { co_await make(from); };
    const auto run_with_deadline = [make](connection& from, duration timeout) -> task<> {
        co_await with_deadline(timeout, make(from));
    };
    return {name, run, run_with_deadline};
}

std::vector<waiting_read> reads_of_more_than_a_part()
{
    return {waiting("read_exactly", [](connection& from) { return from.read_exactly(5); }),
            waiting("read_until", [](connection& from) { return from.read_until("--", 100); }),
            waiting("read_line", [](connection& from) { return from.read_line(); }),
            waiting("read_all", [](connection& from) { return from.read_all(100); }),
            waiting("peek", [](connection& from) { return from.peek(5); })};
}

std::vector<waiting_read> reads_of_anything()
{
    static std::array<char, 10> memory;
    return {waiting("read_some", [](connection& from) { return from.read_some(); }),
            waiting("read_into", [](connection& from) { return from.read_into(memory); }),
            waiting("wait_readable", [](connection& from) { return from.wait_readable(); })};
}

task<> expect_timeout(task<> work, phase during)
{
    auto outcome = co_await as_result(std::move(work));
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code() == errc::timed_out);
    CHECK(outcome.error().phase() == during);
}

// Lets one wait be late by the connection's timeout, one by a deadline of its own, and cancels one.
task<> let_it_fail(const waiting_read& read, connection& from)
{
    from.timeout(1ms);
    CHECK(from.timeout() == 1ms);
    co_await expect_timeout(read.run(from), phase::read);
    co_await expect_timeout(read.run_with_deadline(from, 1h), phase::read);
    from.timeout(no_timeout);
    co_await expect_timeout(read.run_with_deadline(from, 1ms), phase::read);
    co_await scope([&](task_group& group) -> task<> {
        group.spawn(read.run(from));
        group.cancel();
        CHECK_THROWS_AS(from.read_some(), misuse); // it is there until its task has seen the cancellation
        co_return;
    });
}

task<> expect_all(connection& from, std::string_view data)
{
    const auto all = co_await from.read_all(data.size());
    CHECK((all.text() == data));
}

} // namespace

TEST_CASE("a read that is late or cancelled has taken no bytes, and the next one gets them all")
{
    for (const waiting_read& read : reads_of_more_than_a_part()) {
        INFO(read.name);
        on_every_stream([&](connection& near, connection& far) -> task<> {
            co_await near.write("part");
            co_await let_it_fail(read, far);
            co_await when_all(send_and_end(near, " and rest"), expect_all(far, "part and rest"));
        });
    }
    for (const waiting_read& read : reads_of_anything()) {
        INFO(read.name);
        on_every_stream([&](connection& near, connection& far) -> task<> {
            co_await let_it_fail(read, far);
            co_await when_all(send_and_end(near, "all"), expect_all(far, "all"));
        });
    }
}

TEST_CASE("reads that are cancelled again and again while data comes lose none of it")
{
    for (const stream_kind& kind : stream_kinds()) {
        const std::string data = pattern(std::min<std::size_t>(kind.much, 300'000));
        run_with_connections(kind, [&](connection& near, connection& far) -> task<> {
            std::string got;
            const auto read_a_part = [&](std::size_t size) -> task<> {
                const auto part = co_await far.read_exactly(size);
                got += part.text();
            };
            const auto receive = [&]() -> task<> {
                std::size_t round = 0;
                while (got.size() < data.size()) {
                    const std::size_t size = std::min<std::size_t>(1 + round++ * 7 % 4000, data.size() - got.size());
                    co_await scope([&](task_group& group) -> task<> {
                        group.spawn(read_a_part(size));
                        if (round % 4 != 0)
                            co_await yield();
                        group.cancel();
                    });
                    co_await yield();
                }
            };
            co_await when_all(near.write(bytes(data)), receive());
            CHECK((got == data));
        });
    }
}

TEST_CASE("a write that is late says how much it has sent, and the peer gets just that")
{
    for (const stream_kind& kind : stream_kinds()) {
        const std::string data = pattern(kind.much);
        run_with_connections(kind, [&](connection& near, connection& far) -> task<> {
            near.timeout(1ms);
            const auto write = [&]() -> task<> { co_await near.write(bytes(data)); };
            co_await expect_timeout(write(), phase::write);
            near.timeout(no_timeout);
            const auto write_with_deadline = [&]() -> task<> {
                co_await with_deadline(1ms, near.write(bytes(data).subview(near.bytes_written())));
            };
            co_await expect_timeout(write_with_deadline(), phase::write);
            const auto sent = near.bytes_written();
            CHECK(sent > 0);
            CHECK(sent < data.size());
            near.shutdown_write().value();
            co_await expect_all(far, std::string_view(data).substr(0, sent));
        });
    }
}

TEST_CASE("a read that is late does not disturb a pending write")
{
    for (const stream_kind& kind : stream_kinds()) {
        const std::string data = pattern(kind.much);
        run_with_connections(kind, [&](connection& near, connection& far) -> task<> {
            const auto read = [](connection& from) -> task<> { co_await with_deadline(1ms, from.read_some()); };
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(send_and_end(near, data));
                co_await expect_timeout(read(near), phase::read);
                co_await expect_all(far, data);
            });
        });
    }
}

TEST_CASE("a write that is late or cancelled does not disturb a pending read")
{
    for (const stream_kind& kind : stream_kinds()) {
        const std::string data = pattern(kind.much);
        run_with_connections(kind, [&](connection& near, connection& far) -> task<> {
            const auto write = [&](duration timeout) -> task<> {
                co_await with_deadline(timeout, near.write(bytes(data)));
            };
            const auto read = [](connection& from) -> task<> {
                const auto line = co_await from.read_line();
                REQUIRE(line);
                CHECK(line->text() == "a line");
            };
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(read(near));
                co_await expect_timeout(write(1ms), phase::write);
                co_await scope([&](task_group& inner) -> task<> {
                    inner.spawn(write(1h));
                    inner.cancel();
                    co_return;
                });
                co_await far.write("a line\n");
            });
        });
    }
}

TEST_CASE("a timeout counts for each operation, and one that completes in time leaves no expiry behind")
{
    on_every_stream([](connection& near, connection& far) -> task<> {
        far.timeout(patience / 2);
        const auto read = [](connection& from) -> task<> {
            const auto line = co_await from.read_line();
            REQUIRE(line);
        };
        co_await when_all(read(far), near.write("a line\n"));
        far.timeout(no_timeout);
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(read(far));
            co_await sleep_for(2ms);
            co_await near.write("a line\n");
        });
    });
}

TEST_CASE("an operation whose data is there completes even with a timeout of zero")
{
    on_every_stream([](connection& near, connection& far) -> task<> {
        co_await near.write("12");
        std::array<char, 1> first;
        const auto count = co_await far.read_into(first); // both have arrived
        CHECK(count == 1);
        far.timeout(0ms);
        const auto second = co_await far.read_some();
        CHECK(second == "2");
    });
}

TEST_CASE("in a cancelled scope every operation throws cancelled, and shield lets one through")
{
    on_every_stream([](connection& near, connection& far) -> task<> {
        int thrown = 0;
        const auto go_on = [&](connection& own) -> task<> {
            for (int i = 0; i < 3; ++i)
                try {
                    co_await own.write("x");
                } catch (const cancelled&) {
                    ++thrown;
                }
            try {
                co_await own.read_some();
            } catch (const cancelled&) {
                ++thrown;
            }
            co_await shield(1s, own.write("bye"));
        };
        co_await scope([&](task_group& group) -> task<> {
            group.cancel();
            group.spawn(go_on(near));
            co_return;
        });
        CHECK(thrown == 4);
        const auto bye = co_await far.read_exactly(3);
        CHECK(bye == "bye");
        CHECK(near.bytes_written() == 3);
    });
}
