// event: who is woken, when, and what a deadline or a cancellation leaves.
#include "catch.hpp"
#include "support/run_in_memory.hpp"

#include <portico/core/deadline.hpp>
#include <portico/core/event.hpp>
#include <vector>

using namespace portico;
using test::run_in_memory;
using namespace std::chrono_literals;

TEST_CASE("waiting for an event that is set completes at once, and again, until it is reset")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        event happened;
        CHECK_FALSE(happened.is_set());
        happened.set();
        co_await happened.wait();
        co_await happened.wait();
        happened.reset();
        CHECK_FALSE(happened.is_set());
        const auto outcome = co_await as_result(with_deadline(0s, happened.wait()));
        CHECK_FALSE(outcome);
    });
}

TEST_CASE("setting an event wakes every task that waits, in the order in which they came, and none that comes later")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        event happened;
        std::vector<int> order;
        co_await scope([&](task_group& group) -> task<> {
            for (int i = 0; i < 3; ++i)
                group.spawn([&, i]() -> task<> {
                    co_await happened.wait();
                    order.push_back(i);
                });
            happened.set();
            happened.reset();      // those that waited are woken all the same
            CHECK(order.empty()); // not inside set()
            bool late = false;
            group.spawn([&]() -> task<> {
                co_await happened.wait();
                late = true;
            });
            co_await outside.settle();
            CHECK(order == std::vector{0, 1, 2});
            CHECK_FALSE(late);
            happened.set();
            co_await outside.settle();
            CHECK(late);
        });
    });
}

TEST_CASE("a wait for an event that is late or cancelled leaves the others in place")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        event happened;
        int woken = 0, late = 0, stopped = 0;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                co_await happened.wait();
                ++woken;
            });
            group.spawn([&]() -> task<> {
                const auto outcome = co_await as_result(with_deadline(5s, happened.wait()));
                CHECK_FALSE(outcome);
                CHECK(outcome.error().code() == errc::timed_out);
                CHECK(outcome.error().phase() == phase::total);
                ++late;
            });
            co_await scope([&](task_group& inner) -> task<> {
                inner.spawn([&]() -> task<> {
                    try {
                        co_await happened.wait();
                    } catch (const cancelled&) {
                        ++stopped;
                        throw;
                    }
                });
                inner.cancel();
                co_return;
            });
            CHECK(stopped == 1);
            outside.advance(5s);
            co_await outside.settle();
            CHECK(late == 1);
            CHECK(woken == 0);
            happened.set();
        });
        CHECK(woken == 1);
    });
}
