// with_deadline, as_result, shield, sleep_for, yield: to the tick, on a clock that the tests move.
#include "catch.hpp"
#include "support/run_in_memory.hpp"

#include <portico/core/channel.hpp>
#include <portico/core/deadline.hpp>
#include <portico/core/event.hpp>
#include <portico/core/when.hpp>
#include <portico/net/connection.hpp>
#include <stdexcept>
#include <type_traits>
#include <vector>

using namespace portico;
using test::run_in_memory;
using namespace std::chrono_literals;

namespace {

constexpr duration tick = duration(1);

task<> waits_for(event& awaited)
{
    co_await awaited.wait();
}

task<int> number_after(duration length, int value)
{
    co_await sleep_for(length);
    co_return value;
}

task<int> fails_with(errc code)
{
    throw error(code, "do a thing");
    co_return 0;
}

} // namespace

TEST_CASE("sleep_for ends at its instant: not a tick before, not a tick after")
{
    const duration length = GENERATE(duration(1ns), duration(999'999ns), duration(5s), duration(8760h * 40));
    run_in_memory([=](context& own, memory_backend& outside) -> task<> {
        co_await scope([&](task_group& group) -> task<> {
            bool awake = false;
            group.spawn([&]() -> task<> {
                const time_point begin = own.now();
                co_await sleep_for(length);
                CHECK(own.now() - begin == length);
                awake = true;
            });
            outside.advance(length - tick);
            co_await outside.settle();
            CHECK_FALSE(awake);
            outside.advance(tick);
            co_await outside.settle();
            CHECK(awake);
        });
    });
}

TEST_CASE("sleeping for no time or less completes at once, sleepers wake in the order of their instants")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        co_await sleep_for(0s);
        co_await sleep_for(-1h);
        outside.advance_when_idle();
        std::vector<int> order;
        co_await scope([&](task_group& group) -> task<> {
            for (const int seconds : {7, 3, 9, 1})
                group.spawn([&, seconds]() -> task<> {
                    co_await sleep_for(std::chrono::seconds(seconds));
                    order.push_back(seconds);
                });
            co_return;
        });
        CHECK(order == std::vector{1, 3, 7, 9});
    });
}

TEST_CASE("a sleep has a deadline and a cancellation like every operation")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        outside.advance_when_idle();
        const time_point begin = own.now();
        const auto late = co_await as_result(with_deadline(2s, sleep_for(5s)));
        CHECK(late.error().code() == errc::timed_out);
        CHECK(own.now() - begin == 2s);
        const auto in_time = co_await as_result(with_deadline(5s, sleep_for(2s)));
        CHECK(in_time.has_value());
        CHECK(own.now() - begin == 4s);
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([]() -> task<> { co_await sleep_for(no_timeout); });
            group.cancel();
            co_return;
        });
        CHECK(own.now() - begin == 4s);
    });
}

TEST_CASE("an operation with a deadline is late at its instant exactly, and the shorter of two deadlines wins")
{
    const duration outer = GENERATE(5s, 7s);
    const duration inner = 12s - outer;
    run_in_memory([=](context&, memory_backend& outside) -> task<> {
        event never;
        int late = 0;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                auto wait = never.wait();
                wait.expires_after(inner);
                const auto outcome = co_await as_result(with_deadline(outer, std::move(wait)));
                CHECK(outcome.error().code() == errc::timed_out);
                ++late;
            });
            outside.advance(5s - tick);
            co_await outside.settle();
            CHECK(late == 0);
            outside.advance(tick);
            co_await outside.settle();
            CHECK(late == 1);
        });
    });
}

TEST_CASE("a connection's own timeout and with_deadline: the shorter holds, and says which direction was late")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        outside.link({.capacity = 10});
        auto link = outside.make_link();
        connection here(own, std::move(link.first)), there(own, std::move(link.second));
        outside.advance_when_idle();
        const time_point begin = own.now();
        here.timeout(3s);
        const auto own_timeout = co_await as_result(with_deadline(5s, here.read_some()));
        CHECK(own.now() - begin == 3s);
        CHECK(own_timeout.error().phase() == phase::read);
        const auto shorter = co_await as_result(with_deadline(1s, here.read_line()));
        CHECK(own.now() - begin == 4s);
        CHECK(shorter.error().phase() == phase::read);
        const auto write = co_await as_result(here.write("more than ten bytes"));
        CHECK(own.now() - begin == 7s);
        CHECK(write.error().code() == errc::timed_out);
        CHECK(write.error().phase() == phase::write);
    });
}

TEST_CASE("an operation that completes in time is not hurt by its deadline, nor is the one after it")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        channel<int> values(1);
        co_await scope([&](task_group& group) -> task<> {
            std::vector<int> got;
            group.spawn([&]() -> task<> {
                const std::optional<int> first = co_await with_deadline(5s, values.receive());
                got.push_back(first.value());
                const std::optional<int> second = co_await values.receive(); // with no deadline
                got.push_back(second.value());
                const std::optional<int> third = co_await with_deadline(5s, values.receive());
                got.push_back(third.value());
            });
            outside.advance(5s - tick);
            CHECK(values.try_send(1));
            co_await outside.settle();
            outside.advance(1h);
            co_await outside.settle();
            CHECK(got == std::vector{1});
            CHECK(values.try_send(2));
            co_await outside.settle();
            outside.advance(5s - tick); // counted from when this one began to wait
            CHECK(values.try_send(3));
            co_await outside.settle();
            CHECK(got == std::vector{1, 2, 3});
            CHECK(group.size() == 0);
        });
        CHECK(own.backend().now() > time_point());
    });
}

TEST_CASE("a deadline of no time at all still lets an operation complete that is ready")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        channel<int> values(1);
        CHECK(values.try_send(1));
        const auto ready = co_await as_result(with_deadline(0s, values.receive()));
        CHECK(ready.value() == 1);
        const auto not_ready = co_await as_result(with_deadline(0s, values.receive()));
        CHECK(not_ready.error().code() == errc::timed_out);
        const auto past = co_await as_result(with_deadline(-1h, values.receive()));
        CHECK(past.error().code() == errc::timed_out);
    });
}

TEST_CASE("no_timeout waits for ever, and so does a time too long to be counted")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        event happened;
        int woken = 0;
        co_await scope([&](task_group& group) -> task<> {
            for (const duration timeout : {no_timeout, no_timeout - 1h})
                group.spawn([&, timeout]() -> task<> {
                    co_await with_deadline(timeout, happened.wait());
                    ++woken;
                });
            outside.advance(8760h * 100);
            co_await outside.settle();
            CHECK(woken == 0);
            happened.set();
        });
        CHECK(woken == 2);
    });
}

TEST_CASE("being late is an error, being cancelled is not: neither is taken for the other")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        event never;
        int late = 0, stopped = 0;
        const auto wait = [&](duration timeout) -> task<> {
            try {
                co_await with_deadline(timeout, never.wait());
            } catch (const error& failure) {
                CHECK(failure.code() == errc::timed_out);
                CHECK(failure.code() != std::errc::timed_out);
                ++late;
            } catch (const cancelled&) {
                ++stopped;
                throw;
            }
        };
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(wait(5s));
            group.spawn(wait(6s));
            outside.advance(5s);
            group.cancel(); // one is late already, though it has not run yet
            co_return;
        });
        CHECK(late == 1);
        CHECK(stopped == 1);
    });
}

TEST_CASE("a deadline on a task cancels everything in it, and the error says that it was the whole that was late")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        event never;
        int unwound = 0;
        outside.advance_when_idle();
        const time_point begin = own.now();
        const auto work = [&]() -> task<int> {
            try {
                co_await scope([&](task_group& group) -> task<> {
                    group.spawn(waits_for(never));
                    co_await sleep_for(1h);
                });
            } catch (const cancelled&) {
                ++unwound;
                throw;
            }
            co_return 1;
        };
        const auto outcome = co_await as_result(with_deadline(5s, work()));
        CHECK(own.now() - begin == 5s);
        CHECK(unwound == 1);
        CHECK(outcome.error().code() == errc::timed_out);
        CHECK(outcome.error().phase() == phase::total);
        co_await sleep_for(1s); // what follows is not cancelled
    });
}

TEST_CASE("a task that ends in time keeps its value or its exception, and a later expiry hits nobody")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        outside.advance_when_idle();
        const int value = co_await with_deadline(5s, number_after(5s - tick, 42));
        CHECK(value == 42);
        const auto failed = co_await as_result(with_deadline(5s, fails_with(errc::refused)));
        CHECK(failed.error().code() == errc::refused);
        co_await sleep_for(1h);
    });
}

TEST_CASE("of nested deadlines on tasks the outer one ends the inner without being taken for it")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        outside.advance_when_idle();
        const time_point begin = own.now();
        bool inner_was_late = false;
        const auto middle = [&]() -> task<> {
            const auto inner = co_await as_result(with_deadline(10s, number_after(1h, 1)));
            inner_was_late = !inner;
        };
        const auto outcome = co_await as_result(with_deadline(5s, middle()));
        CHECK_FALSE(outcome);
        CHECK_FALSE(inner_was_late);
        CHECK(own.now() - begin == 5s);
    });
}

TEST_CASE("a task that ends in spite of its cancellation has ended")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        outside.advance_when_idle();
        const auto stubborn = []() -> task<int> {
            try {
                co_await sleep_for(1h);
            } catch (const cancelled&) {
            }
            co_return 7;
        };
        const int value = co_await with_deadline(5s, stubborn());
        CHECK(value == 7);
    });
}

TEST_CASE("as_result gives values and errors, and lets everything else through")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        const auto value = co_await as_result(number_after(0s, 3));
        CHECK(value.value() == 3);
        const auto nothing = co_await as_result(yield());
        CHECK(nothing.has_value());
        const auto failed = co_await as_result(fails_with(errc::malformed));
        CHECK(failed.error().code() == errc::malformed);

        bool passed = false;
        try {
            (void)co_await as_result([]() -> task<> {
                throw std::runtime_error("no error of ours");
                co_return;
            }());
        } catch (const std::runtime_error&) {
            passed = true;
        }
        CHECK(passed);

        int stopped = 0;
        co_await scope([&](task_group& group) -> task<> {
            group.cancel();
            try {
                (void)co_await as_result(yield());
            } catch (const cancelled&) {
                ++stopped;
            }
            try {
                (void)co_await as_result(number_after(1s, 1));
            } catch (const cancelled&) {
                ++stopped;
            }
        });
        CHECK(stopped == 2);
    });
}

TEST_CASE("shield lets a task finish its clean-up in a cancelled scope, but no longer than it says")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        outside.advance_when_idle();
        const time_point begin = own.now();
        event never;
        bool cleaned = false, late = false;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                std::exception_ptr leaving;
                try {
                    co_await never.wait();
                } catch (const cancelled&) {
                    leaving = std::current_exception();
                }
                const int value = co_await shield(10s, number_after(3s, 5));
                cleaned = value == 5;
                const auto outcome = co_await as_result(shield(2s, never.wait()));
                late = outcome.error().code() == errc::timed_out;
                std::rethrow_exception(leaving);
            });
            group.cancel();
            co_return;
        });
        CHECK(cleaned);
        CHECK(late);
        CHECK(own.now() - begin == 5s);
    });
}

TEST_CASE("a shield that was there before the cancellation keeps it off as well, and ends with it")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        event done;
        int reached = 0;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                co_await shield(10s, [](event& awaited) -> task<> {
                    co_await awaited.wait();
                    co_await scope([](task_group&) -> task<> { co_await yield(); });
                }(done));
                ++reached;
                co_await yield();
                ++reached;
            });
            group.cancel();
            co_await shield(1s, outside.settle());
            CHECK(group.size() == 1);
            CHECK(reached == 0);
            done.set();
        });
        CHECK(reached == 1);
    });
}

TEST_CASE("yield lets everything that is ready run first, and can be cancelled")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        std::vector<int> order;
        co_await scope([&](task_group& group) -> task<> {
            for (int i = 0; i < 3; ++i)
                group.spawn([&, i]() -> task<> {
                    order.push_back(i);
                    co_await with_deadline(1s, yield());
                    order.push_back(i + 10);
                });
            co_return;
        });
        CHECK(order == std::vector{0, 1, 2, 10, 11, 12});
        bool stopped = false;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                try {
                    co_await yield();
                } catch (const cancelled&) {
                    stopped = true;
                }
            });
            group.cancel();
            co_return;
        });
        CHECK(stopped);
    });
}
