// run_on_thread: values and failures, cancellation before and while a call runs, and the end of its task.
#include "catch.hpp"

#include <atomic>
#include <future>
#include <portico/core/deadline.hpp>
#include <portico/core/run_on_thread.hpp>
#include <portico/core/when.hpp>
#include <portico/memory/memory_backend.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace portico;
using namespace std::chrono_literals;

namespace {

task<std::string> where_and_what()
{
    const auto here = std::this_thread::get_id();
    const std::string text = "what the task holds";
    std::string copy;
    const bool elsewhere = co_await run_on_thread([&] {
        copy = text;
        return std::this_thread::get_id() != here;
    });
    co_return copy + (elsewhere ? ", on a thread" : ", here");
}

/// A call that lasts until it is released.
class long_call {
public:
    void operator()()
    {
        begun_.set_value();
        released_.get_future().wait();
        ended_ = true;
    }
    void wait_until_begun() const { begin_.wait(); }
    void release() { released_.set_value(); }
    bool has_ended() const { return ended_; }

private:
    std::promise<void> begun_, released_;
    const std::shared_future<void> begin_{begun_.get_future()};
    std::atomic<bool> ended_ = false;
};

} // namespace

TEST_CASE("a call runs on another thread, and the task goes on with its value", "[threads]")
{
    context own;
    CHECK(own.run(where_and_what()) == "what the task holds, on a thread");
}

TEST_CASE("on the memory backend the loop makes the call")
{
    context own(std::make_unique<memory_backend>());
    CHECK(own.run(where_and_what()) == "what the task holds, here");
}

TEST_CASE("what a call throws, the await throws", "[threads]")
{
    context own;
    const auto fails = []() -> task<> {
        co_await run_on_thread([] { throw std::out_of_range("on purpose"); });
    };
    CHECK_THROWS_AS(own.run(fails()), std::out_of_range);
    const auto refuses = []() -> task<> {
        const result<void> nothing = co_await as_result(run_on_thread([] { throw error(errc::refused, "work"); }));
        const result<int> number =
            co_await as_result(run_on_thread([]() -> int { throw error(errc::refused, "work"); }));
        CHECK_FALSE(nothing);
        CHECK_FALSE(number);
        (void)co_await as_result(run_on_thread([] { throw std::out_of_range("on purpose"); }));
    };
    CHECK_THROWS_AS(own.run(refuses()), std::out_of_range);
}

TEST_CASE("a call that is still to be made when its context ends in memory is dropped, with what it holds")
{
    const auto held = std::make_shared<int>(1);
    bool called = false;
    {
        context own(std::make_unique<memory_backend>());
        const auto call = [&]() -> task<> {
            auto function = [&called, held] { called = true; };
            co_await run_on_thread(std::move(function));
        };
        const auto main = [&]() -> task<> {
            own.start(call(), [](std::exception_ptr) {});
            co_await run_on_thread([&] { own.backend().stop(); }); // the other one has begun by then
        };
        CHECK_THROWS_AS(own.run(main()), misuse);
    }
    CHECK_FALSE(called);
    CHECK(held.use_count() == 1);
}

TEST_CASE("a hundred calls at a time, more than there are threads, all end", "[threads]")
{
    context own;
    std::atomic<int> calls = 0;
    const auto one = [&]() -> task<> { co_await run_on_thread([&] { ++calls; }); };
    const auto all = [&]() -> task<> {
        co_await scope([&](task_group& group) -> task<> {
            for (int i = 0; i < 100; ++i)
                group.spawn(one());
            co_return;
        });
    };
    own.run(all());
    CHECK(calls == 100);
}

TEST_CASE("a cancellation waits for a call that runs, which may use what the task holds, and then holds", "[threads]")
{
    context own;
    long_call call;
    bool went_on = false, next_threw = false;
    const auto caller = [&]() -> task<> {
        co_await run_on_thread([&] { call(); });
        went_on = true; // it has run, and so its value counts
        try {
            co_await sleep_for(0s);
        } catch (const cancelled&) {
            next_threw = true;
            throw;
        }
    };
    const auto main = [&]() -> task<> {
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(caller());
            call.wait_until_begun();
            group.cancel();
            co_await shield(1s, yield());
            CHECK_FALSE(went_on);
            call.release();
        });
    };
    own.run(main());
    CHECK(call.has_ended());
    CHECK(went_on);
    CHECK(next_threw);
}

TEST_CASE("a cancellation or a deadline takes back a call that has not begun")
{
    auto made = std::make_unique<memory_backend>();
    memory_backend& outside = *made;
    context own(std::move(made));
    bool called = false, was_cancelled = false;
    const auto call = [&]() -> task<> {
        try {
            co_await run_on_thread([&] { called = true; });
        } catch (const cancelled&) {
            was_cancelled = true;
            throw;
        }
    };
    const auto main = [&]() -> task<> {
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(call());
            group.cancel(); // the loop has not had its turn since
            co_return;
        });
        auto late = [&] { called = true; };
        auto operation = run_on_thread(late);
        operation.expires_after(1ms);
        const auto meanwhile = [&]() -> task<> {
            outside.advance(1ms);
            co_return;
        };
        const auto wait = [&]() -> task<> {
            const result<void> outcome = co_await as_result(std::move(operation));
            CHECK_FALSE(outcome);
            if (!outcome)
                CHECK(outcome.error().code() == errc::timed_out);
        };
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(wait());
            co_await meanwhile();
        });
    };
    own.run(main());
    CHECK(was_cancelled);
    CHECK_FALSE(called);
}

TEST_CASE("in a cancelled scope no call begins", "[threads]")
{
    context own;
    bool called = false;
    const auto main = [&]() -> task<> {
        co_await run_on_thread([&] { called = true; });
    };
    own.cancel();
    CHECK_THROWS_AS(own.run(main()), cancelled);
    CHECK_FALSE(called);
}

TEST_CASE("a task that is destroyed waits for the call that uses what it holds", "[threads]")
{
    long_call call;
    std::thread releasing([&] {
        call.wait_until_begun();
        call.release();
    });
    {
        context own;
        const auto caller = [&]() -> task<> { co_await run_on_thread([&] { call(); }); };
        const auto main = [&]() -> task<> {
            own.start(caller(), [](std::exception_ptr) {});
            co_await yield();
            co_await yield();
            call.wait_until_begun();
        };
        own.run(main());
    }
    releasing.join();
    CHECK(call.has_ended());
}
