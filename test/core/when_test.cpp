// when_all and when_any: tasks and operations side by side.
#include "catch.hpp"
#include "support/run_in_memory.hpp"

#include <memory>
#include <portico/core/channel.hpp>
#include <portico/core/event.hpp>
#include <portico/core/when.hpp>
#include <portico/net/connection.hpp>
#include <stdexcept>
#include <string>
#include <vector>

using namespace portico;
using namespace std::chrono_literals;
using test::run_in_memory;

namespace {

task<int> number_after(duration length, int value)
{
    co_await sleep_for(length);
    co_return value;
}

task<std::unique_ptr<int>> pointer_after(duration length, int value)
{
    co_await sleep_for(length);
    co_return std::make_unique<int>(value);
}

task<int> fails_after(duration length)
{
    co_await sleep_for(length);
    throw std::runtime_error("failed");
}

task<> stops(int& stopped)
{
    try {
        co_await sleep_for(1h);
    } catch (const cancelled&) {
        ++stopped;
        throw;
    }
}

} // namespace

TEST_CASE("when_all gives the values of all, in their places, when the last has ended")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        outside.advance_when_idle();
        const time_point begin = own.now();
        auto [number, nothing, pointer] =
            co_await when_all(number_after(3s, 1), sleep_for(7s), pointer_after(5s, 2));
        CHECK(own.now() - begin == 7s);
        CHECK(number == 1);
        CHECK(nothing == std::monostate());
        CHECK(*pointer == 2);
        const auto none = co_await when_all();
        CHECK(std::tuple_size_v<decltype(none)> == 0);
    });
}

TEST_CASE("the first failure in when_all cancels the others and is thrown when they have ended")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        outside.advance_when_idle();
        const time_point begin = own.now();
        int stopped = 0;
        std::string caught;
        try {
            (void)co_await when_all(stops(stopped), fails_after(2s), stops(stopped));
        } catch (const std::runtime_error& failure) {
            caught = failure.what();
        }
        CHECK(caught == "failed");
        CHECK(stopped == 2);
        CHECK(own.now() - begin == 2s);
    });
}

TEST_CASE("when_any gives the value of the first that ends, in its place, and cancels the others")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        outside.advance_when_idle();
        const time_point begin = own.now();
        int stopped = 0;
        auto first = co_await when_any(stops(stopped), pointer_after(2s, 7), sleep_for(1h));
        CHECK(own.now() - begin == 2s);
        CHECK(stopped == 1);
        REQUIRE(first.index() == 1);
        CHECK(*std::get<1>(first) == 7);
        const auto alone = co_await when_any(number_after(1s, 1));
        CHECK(std::get<0>(alone) == 1);
    });
}

TEST_CASE("when one is ready at once, when_any does not start those behind it")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        bool started = false;
        const auto late = [&]() -> task<> {
            started = true;
            co_return;
        };
        const auto first = co_await when_any(sleep_for(0s), late());
        CHECK(first.index() == 0);
        CHECK_FALSE(started);
    });
}

TEST_CASE("an exception that comes first is what when_any throws")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        outside.advance_when_idle();
        int stopped = 0;
        bool caught = false;
        try {
            (void)co_await when_any(stops(stopped), fails_after(1s));
        } catch (const std::runtime_error&) {
            caught = true;
        }
        CHECK(caught);
        CHECK(stopped == 1);
    });
}

TEST_CASE("the value of the first stands although a loser fails on its way out, and that failure is reported")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        outside.advance_when_idle();
        std::vector<std::string> reports;
        own.on_report([&](const report& each) { reports.push_back(each.text); });
        const auto loser = []() -> task<int> {
            try {
                co_await sleep_for(1h);
            } catch (const cancelled&) {
                throw std::runtime_error("clean-up failed");
            }
            co_return 0;
        };
        const auto first = co_await when_any(loser(), number_after(1s, 7));
        own.on_report({});
        REQUIRE(first.index() == 1);
        CHECK(std::get<1>(first) == 7);
        CHECK(reports == std::vector<std::string>{"clean-up failed"});
    });
}

TEST_CASE("of a value and a deadline at the same instant the one that comes first wins, whatever the other would say")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        event never;
        co_await scope([&](task_group& group) -> task<> {
            bool done = false;
            group.spawn([&]() -> task<> {
                const auto first = co_await when_any(sleep_for(5s), with_deadline(5s, never.wait()));
                CHECK(first.index() == 0);
                done = true;
            });
            outside.advance(5s);
            co_await outside.settle();
            CHECK(done);
        });
    });
}

TEST_CASE("an operation that loses a race has moved no bytes and taken no value")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        auto link = outside.make_link();
        connection here(own, std::move(link.first)), there(own, std::move(link.second));
        channel<int> values(1);
        outside.advance_when_idle();
        for (int round = 0; round < 3; ++round) {
            const auto first = co_await when_any(sleep_for(1s), here.read_exactly(5), values.receive());
            CHECK(first.index() == 0);
            if (round == 0)
                co_await there.write("abc"); // not enough: the next race reads in vain too
        }
        co_await there.write("de");
        const bytes got = co_await here.read_exactly(5);
        CHECK(got.text() == "abcde");
        CHECK(values.try_send(1));
        const auto second = co_await when_any(here.read_some(), values.receive());
        CHECK(std::get<1>(second) == 1);
    });
}

TEST_CASE("when_all and when_any have deadlines, and are cancelled with the scope that they are in")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        outside.advance_when_idle();
        const time_point begin = own.now();
        int stopped = 0;
        const auto all = co_await as_result(with_deadline(2s, when_all(stops(stopped), sleep_for(1s))));
        CHECK(all.error().code() == errc::timed_out);
        const auto any = co_await as_result(with_deadline(2s, when_any(stops(stopped), sleep_for(1h))));
        CHECK(any.error().code() == errc::timed_out);
        CHECK(own.now() - begin == 4s);
        CHECK(stopped == 2);
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> { (void)co_await when_all(stops(stopped), stops(stopped)); });
            group.spawn([&]() -> task<> { (void)co_await when_any(stops(stopped), stops(stopped)); });
            group.cancel();
            co_return;
        });
        CHECK(stopped == 6);
    });
}

TEST_CASE("what has won a race is not lost when a cancellation from outside comes while the losers end")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        channel<int> values(1);
        event release;
        int won = 0;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                const auto slow = [&]() -> task<> {
                    try {
                        co_await sleep_for(1h);
                    } catch (const cancelled&) {
                    }
                    co_await shield(1h, release.wait());
                };
                const auto first = co_await when_any(slow(), values.receive());
                won = std::get<1>(first).value();
            });
            CHECK(values.try_send(42));
            co_await outside.settle();
            group.cancel();
            release.set();
        });
        CHECK(won == 42);
    });
}
