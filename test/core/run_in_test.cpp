// run_in and request_cancel: two contexts on two threads, and what passes between them.
#include "catch.hpp"

#include <future>
#include <portico/core/channel.hpp>
#include <portico/core/deadline.hpp>
#include <portico/core/event.hpp>
#include <portico/core/run_in.hpp>
#include <portico/memory/memory_backend.hpp>
#include <stdexcept>
#include <string>
#include <thread>

using namespace portico;
using namespace std::chrono_literals;

namespace {

task<> wait_for_ever()
{
    co_await sleep_for(24h);
}

/// A context that another thread runs until this is destroyed.
class running_context {
public:
    running_context() : thread_([this] { run(); }) { ready_.get_future().wait(); }
    ~running_context() { stop(); }
    void stop()
    {
        if (thread_.joinable()) {
            own_->request_cancel();
            thread_.join();
        }
    }
    context& get() { return *own_; }
    std::thread::id id() const { return thread_.get_id(); }

private:
    void run()
    {
        context own;
        own_ = &own;
        ready_.set_value();
        try {
            own.run(wait_for_ever());
        } catch (const cancelled&) {
        }
    }
    context* own_ = nullptr;
    std::promise<void> ready_;
    std::thread thread_;
};

task<std::thread::id> ask_where()
{
    co_await yield();
    co_return std::this_thread::get_id();
}

task<> fail_there()
{
    co_await yield();
    throw std::out_of_range("on purpose");
}

} // namespace

TEST_CASE("a context is stopped from another thread", "[threads]")
{
    running_context other;
    other.stop();
}

TEST_CASE("work is sent to another context, runs on its thread, and its value and its exception come back", "[threads]")
{
    running_context other;
    context own;
    const auto main = [&]() -> task<> {
        const std::thread::id there = co_await run_in(other.get(), [] { return ask_where(); });
        CHECK(there == other.id());
        CHECK(there != std::this_thread::get_id());
        bool failed = false;
        try {
            co_await run_in(other.get(), [] { return fail_there(); });
        } catch (const std::out_of_range&) {
            failed = true;
        }
        CHECK(failed);
        const auto refuse = []() -> task<> { throw error(errc::refused, "work"); };
        const result<void> outcome = co_await as_result(run_in(other.get(), refuse));
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().code() == errc::refused);
    };
    own.run(main());
}

TEST_CASE("a thousand tasks from one context run in another, whose counter needs no lock", "[threads]")
{
    running_context other;
    context own;
    int counter = 0; // the other's
    const auto increase = [&]() -> task<> {
        co_await yield();
        ++counter;
    };
    const auto one = [&]() -> task<> { co_await run_in(other.get(), [&] { return increase(); }); };
    const auto main = [&]() -> task<> {
        co_await scope([&](task_group& group) -> task<> {
            for (int i = 0; i < 1000; ++i)
                group.spawn(one());
            co_return;
        });
    };
    own.run(main());
    CHECK(counter == 1000);
}

TEST_CASE("work that has come and gone leaves the timers of a context alone", "[threads]")
{
    std::promise<context*> ready;
    std::thread other([&] {
        context own;
        ready.set_value(&own);
        own.run([]() -> task<> { co_await sleep_for(100ms); }());
    });
    context own;
    context& there = *ready.get_future().get();
    const auto main = [&]() -> task<> { co_await run_in(there, [] { return ask_where(); }); };
    own.run(main());
    other.join();
}

TEST_CASE("a cancellation or a deadline here ends the work there, and waits for its clean-up", "[threads]")
{
    running_context other;
    context own;
    bool cleaned = false;
    const auto work = [&]() -> task<> {
        bool was_cancelled = false;
        try {
            co_await sleep_for(24h);
        } catch (const cancelled&) {
            was_cancelled = true;
        }
        if (was_cancelled) {
            co_await shield(10s, sleep_for(1ms));
            cleaned = true;
            throw cancelled{};
        }
    };
    const auto send = [&]() -> task<> { co_await run_in(other.get(), [&] { return work(); }); };
    SECTION("a cancellation")
    {
        const auto main = [&]() -> task<> {
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(send());
                co_await yield();
                group.cancel();
            });
            CHECK(cleaned);
        };
        own.run(main());
    }
    SECTION("a deadline")
    {
        const auto main = [&]() -> task<> {
            const result<void> outcome = co_await as_result(with_deadline(1ms, run_in(other.get(), [&] { return work(); })));
            REQUIRE_FALSE(outcome);
            CHECK(outcome.error().code() == errc::timed_out);
            CHECK(cleaned);
        };
        own.run(main());
    }
    CHECK(cleaned);
}

TEST_CASE("where the other context ends, the wait fails and does not hang", "[threads]")
{
    auto other = std::make_unique<running_context>();
    context own;
    const auto main = [&]() -> task<> {
        const auto stop = [&]() -> task<> {
            other->stop();
            co_return;
        };
        const auto wait = [&]() -> task<> {
            const result<void> outcome = co_await as_result(run_in(other->get(), [] { return wait_for_ever(); }));
            REQUIRE_FALSE(outcome);
            CHECK(outcome.error().code() == std::errc::operation_canceled);
            CHECK(std::string(outcome.error().what()) == "run in another context: Operation canceled");
        };
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(wait());
            co_await stop();
        });
    };
    own.run(main());
}

TEST_CASE("work may be sent to the context in which one is")
{
    context own(std::make_unique<memory_backend>());
    const auto main = [&]() -> task<int> {
        const auto seven = []() -> task<int> { co_return 7; };
        co_return co_await run_in(own, seven);
    };
    CHECK(own.run(main()) == 7);
}
