// channel: bounded, fair, and never losing a value.
#include "catch.hpp"
#include "support/run_in_memory.hpp"

#include <memory>
#include <portico/core/channel.hpp>
#include <portico/core/deadline.hpp>
#include <portico/core/event.hpp>
#include <portico/core/when.hpp>
#include <vector>

using namespace portico;
using test::run_in_memory;
using namespace std::chrono_literals;

namespace {

task<> send_range(channel<int>& target, int begin, int end)
{
    for (int i = begin; i < end; ++i)
        co_await target.send(i);
}

task<> receive_one(channel<int>& source, std::vector<int>& into)
{
    const std::optional<int> got = co_await source.receive();
    into.push_back(got.value_or(-1));
}

task<> send_one(channel<int>& target, int value, int& sent)
{
    co_await target.send(value);
    ++sent;
}

} // namespace

TEST_CASE("a channel holds as many values as its capacity, then senders wait")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        channel<int> values(2);
        std::vector<int> got;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(send_range(values, 0, 5));
            co_await outside.settle();
            CHECK(values.size() == 2);
            CHECK(group.size() == 1);
            for (int i = 0; i < 5; ++i) {
                CHECK(values.size() <= 2);
                co_await receive_one(values, got);
            }
        });
        CHECK(got == std::vector{0, 1, 2, 3, 4});
        CHECK(values.size() == 0);
    });
}

TEST_CASE("a channel without room for a value is refused")
{
    CHECK_THROWS_AS(channel<int>(0), misuse);
}

TEST_CASE("senders and receivers are served in the order in which they came")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        channel<int> values(1);
        std::vector<int> order;
        co_await scope([&](task_group& group) -> task<> {
            for (int i = 0; i < 4; ++i)
                group.spawn([&, i]() -> task<> {
                    const std::optional<int> got = co_await values.receive();
                    CHECK(got == i);
                    order.push_back(i);
                });
            for (int i = 0; i < 4; ++i)
                group.spawn(send_range(values, i, i + 1));
            co_await outside.settle();
        });
        CHECK(order == std::vector{0, 1, 2, 3});
    });
}

TEST_CASE("a value that waits belongs to the receiver that came first, not to one that comes now")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        channel<int> values(1);
        std::vector<int> first, second;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(receive_one(values, first));
            CHECK(values.try_send(1));
            CHECK_FALSE(values.try_receive());
            group.spawn(receive_one(values, second));
            co_await outside.settle();
            CHECK(first == std::vector{1});
            CHECK(second.empty());
            CHECK(values.try_send(2));
        });
        CHECK(second == std::vector{2});
    });
}

TEST_CASE("room belongs to the sender that came first: try_send does not overtake it")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        channel<int> values(1);
        int sent = 0;
        co_await scope([&](task_group& group) -> task<> {
            CHECK(values.try_send(1));
            CHECK_FALSE(values.try_send(9));
            group.spawn(send_one(values, 2, sent));
            CHECK(values.try_receive() == 1);
            CHECK_FALSE(values.try_send(9));
            co_await outside.settle();
            CHECK(sent == 1);
            CHECK(values.try_receive() == 2);
            CHECK_FALSE(values.try_receive());
        });
    });
}

TEST_CASE("try_send leaves a value that it cannot send with the caller")
{
    channel<std::unique_ptr<int>> values(1);
    auto one = std::make_unique<int>(1), two = std::make_unique<int>(2);
    CHECK(values.try_send(std::move(one)));
    CHECK_FALSE(values.try_send(std::move(two)));
    REQUIRE(two);
    values.close();
    CHECK_FALSE(values.try_send(std::move(two)));
    CHECK(*two == 2);
}

TEST_CASE("a closed channel gives what is left and then none, senders fail")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        channel<int> values(1);
        std::vector<int> got;
        co_await scope([&](task_group& group) -> task<> {
            CHECK(values.try_send(1));
            int failed = 0;
            for (int i = 0; i < 2; ++i)
                group.spawn([&]() -> task<> {
                    const auto outcome = co_await as_result(values.send(2));
                    CHECK_FALSE(outcome);
                    CHECK(outcome.error().code() == errc::closed);
                    ++failed;
                });
            values.close();
            values.close();
            CHECK(values.is_closed());
            co_await outside.settle();
            CHECK(failed == 2);
            const auto later = co_await as_result(values.send(3));
            CHECK(later.error().code() == errc::closed);
            for (int i = 0; i < 3; ++i)
                co_await receive_one(values, got);
        });
        CHECK(got == std::vector{1, -1, -1});
    });
}

TEST_CASE("closing an empty channel wakes every receiver that waits")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        channel<int> values(1);
        std::vector<int> got;
        co_await scope([&](task_group& group) -> task<> {
            for (int i = 0; i < 3; ++i)
                group.spawn(receive_one(values, got));
            values.close();
            co_return;
        });
        CHECK(got == std::vector{-1, -1, -1});
    });
}

TEST_CASE("a receive that is late has taken nothing, and its error says that it was a read")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        channel<int> values(1);
        outside.advance_when_idle();
        const auto outcome = co_await as_result(with_deadline(5s, values.receive()));
        CHECK(outcome.error().code() == errc::timed_out);
        CHECK(outcome.error().phase() == phase::read);
        co_await values.send(1);
        const std::optional<int> got = co_await values.receive();
        CHECK(got == 1);
    });
}

TEST_CASE("a send that is late has sent nothing, and its error says that it was a write")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        channel<int> values(1);
        outside.advance_when_idle();
        co_await values.send(1);
        const auto outcome = co_await as_result(with_deadline(5s, values.send(2)));
        CHECK(outcome.error().code() == errc::timed_out);
        CHECK(outcome.error().phase() == phase::write);
        CHECK(values.try_receive() == 1);
        CHECK_FALSE(values.try_receive());
    });
}

// The receiver in front has been told of a value and is stopped before it runs: the next one has to hear of it.
TEST_CASE("a wake-up that was meant for a receiver which is cancelled or late is passed on to the next")
{
    const bool by_deadline = GENERATE(false, true);
    CAPTURE(by_deadline);
    run_in_memory([=](context&, memory_backend& outside) -> task<> {
        channel<int> values(3);
        std::vector<int> got;
        co_await scope([&](task_group& group) -> task<> {
            co_await scope([&](task_group& inner) -> task<> {
                inner.spawn([&]() -> task<> {
                    const auto outcome = co_await as_result(with_deadline(5s, values.receive()));
                    CHECK_FALSE(outcome);
                });
                group.spawn(receive_one(values, got));
                group.spawn(receive_one(values, got));
                CHECK(values.try_send(1));
                CHECK(values.try_send(2));
                if (by_deadline)
                    outside.advance(5s);
                else
                    inner.cancel();
                co_return;
            });
            co_await outside.settle();
            CHECK(group.size() == 0);
        });
        CHECK(got == std::vector{1, 2});
    });
}

TEST_CASE("a wake-up that was meant for a sender which is cancelled or late is passed on to the next")
{
    const bool by_deadline = GENERATE(false, true);
    CAPTURE(by_deadline);
    run_in_memory([=](context&, memory_backend& outside) -> task<> {
        channel<int> values(1);
        int sent = 0;
        co_await scope([&](task_group& group) -> task<> {
            CHECK(values.try_send(0));
            co_await scope([&](task_group& inner) -> task<> {
                inner.spawn([&]() -> task<> {
                    const auto outcome = co_await as_result(with_deadline(5s, values.send(99)));
                    CHECK_FALSE(outcome);
                });
                group.spawn(send_one(values, 1, sent));
                CHECK(values.try_receive() == 0);
                if (by_deadline)
                    outside.advance(5s);
                else
                    inner.cancel();
                co_return;
            });
            co_await outside.settle();
            CHECK(sent == 1);
            CHECK(values.try_receive() == 1);
        });
    });
}

// The loser of a race keeps its operation until the race is over; nobody may have to wait behind it meanwhile.
TEST_CASE("a receiver that lost a race does not hold up the line while the race is still ending")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        channel<int> values(2);
        event start, cleaned;
        std::vector<int> got;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                const auto winner = [&]() -> task<> { co_await start.wait(); };
                const auto slow = [&]() -> task<> {
                    try {
                        co_await sleep_for(1h);
                    } catch (const cancelled&) {
                    }
                    co_await shield(1h, cleaned.wait());
                };
                const auto first = co_await when_any(winner(), values.receive(), slow());
                CHECK(first.index() == 0);
            });
            group.spawn(receive_one(values, got));
            start.set();
            CHECK(values.try_send(1)); // wakes the receiver in the race, which is cancelled before it runs
            co_await outside.settle();
            CHECK(got == std::vector{1});
            cleaned.set();
        });
    });
}

TEST_CASE("a cancelled send or receive is cancelled even where it could go on at once, and moves nothing")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        channel<int> values(2);
        CHECK(values.try_send(1));
        int thrown = 0;
        co_await scope([&](task_group& group) -> task<> {
            group.cancel();
            try {
                co_await values.send(2);
            } catch (const cancelled&) {
                ++thrown;
            }
            try {
                (void)co_await values.receive();
            } catch (const cancelled&) {
                ++thrown;
            }
        });
        CHECK(thrown == 2);
        CHECK(values.size() == 1);
        CHECK(values.try_receive() == 1);
    });
}

TEST_CASE("many senders and receivers through a narrow channel lose and repeat nothing, and keep each sender's order")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        constexpr int senders = 5, each = 200;
        channel<int> values(3);
        std::vector<int> last(senders, -1);
        int count = 0;
        co_await scope([&](task_group& outer) -> task<> {
            for (int i = 0; i < 3; ++i)
                outer.spawn([&]() -> task<> {
                    for (;;) {
                        const std::optional<int> got = co_await values.receive();
                        if (!got)
                            co_return;
                        ++count;
                        int& before = last[static_cast<std::size_t>(*got / each)];
                        CHECK(*got % each > before);
                        before = *got % each;
                    }
                });
            co_await scope([&](task_group& group) -> task<> {
                for (int i = 0; i < senders; ++i)
                    group.spawn(send_range(values, i * each, (i + 1) * each));
                co_return;
            });
            values.close();
        });
        CHECK(count == senders * each);
    });
}
