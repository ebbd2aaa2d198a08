// start: every kind of completion token, what a handler is told, its executor, its allocator, its cancellation slot.
#include "catch.hpp"

#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <asio/version.hpp>
#if ASIO_VERSION < 102500
#include <asio/experimental/deferred.hpp>
#else
#include <asio/deferred.hpp>
#endif
#include <future>
#include <memory>
#include <portico/asio.hpp>
#include <portico/core/deadline.hpp>
#include <portico/core/run_on_thread.hpp>
#include <portico/memory/memory_backend.hpp>
#include <stdexcept>
#include <string>
#include <thread>

using namespace portico;
using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;
#if ASIO_VERSION < 102500
using asio::experimental::deferred;
#else
using asio::deferred;
#endif

namespace {

task<std::string> answer()
{
    co_await yield();
    co_return "forty-two";
}

task<> fail()
{
    co_await yield();
    throw std::out_of_range("on purpose");
}

task<> wait_long()
{
    co_await sleep_for(24h);
}

bool is_abort(std::exception_ptr failure)
{
    try {
        if (failure)
            std::rethrow_exception(failure);
    } catch (const std::system_error& each) {
        return each.code() == asio::error::operation_aborted;
    }
    return false;
}

} // namespace

TEST_CASE("a callback is told what a task returned, and what it threw")
{
    asio::io_context loop;
    context own(make_os_backend(loop));
    std::string value;
    bool failed = false;
    start(own, answer(), [&](std::exception_ptr failure, std::string text) {
        CHECK_FALSE(failure);
        value = std::move(text);
    });
    start(own, fail(), [&](std::exception_ptr failure) {
        CHECK_THROWS_AS(std::rethrow_exception(failure), std::out_of_range);
        failed = true;
    });
    CHECK(value.empty()); // never from within the call
    loop.run();
    CHECK(value == "forty-two");
    CHECK(failed);
}

TEST_CASE("a move-only callback, and asio::detached, serve as tokens")
{
    asio::io_context loop;
    context own(make_os_backend(loop));
    int got = 0;
    start(own, answer(), [&, kept = std::make_unique<int>(7)](std::exception_ptr, std::string) { got = *kept; });
    start(own, fail(), asio::detached);
    loop.run();
    CHECK(got == 7);
}

TEST_CASE("a future gets the value and the exception of a task, also from another thread", "[threads]")
{
    asio::io_context loop;
    auto working = asio::make_work_guard(loop);
    context own(make_os_backend(loop, loop_threads::one));
    std::thread running([&] { loop.run(); });
    std::future<std::string> value = start(own, answer(), asio::use_future);
    std::future<void> failure = start(own, fail(), asio::use_future);
    CHECK(value.get() == "forty-two");
    CHECK_THROWS_AS(failure.get(), std::out_of_range);
    working.reset();
    running.join();
}

TEST_CASE("an awaitable awaits a task")
{
    asio::io_context loop;
    context own(make_os_backend(loop));
    std::string value;
    bool failed = false;
    const auto main = [&]() -> asio::awaitable<void> {
        value = co_await start(own, answer(), asio::use_awaitable);
        try {
            co_await start(own, fail(), asio::use_awaitable);
        } catch (const std::out_of_range&) {
            failed = true;
        }
    };
    asio::co_spawn(loop, main(), asio::detached);
    loop.run();
    CHECK(value == "forty-two");
    CHECK(failed);
}

TEST_CASE("a deferred start begins when it is asked to")
{
    asio::io_context loop;
    context own(make_os_backend(loop));
    bool began = false;
    const auto work = [&]() -> task<> {
        began = true;
        co_return;
    };
    auto later = start(own, work(), deferred);
    loop.poll();
    CHECK_FALSE(began);
    bool told = false;
    std::move(later)([&](std::exception_ptr) { told = true; });
    loop.restart();
    loop.run();
    CHECK(began);
    CHECK(told);
}

TEST_CASE("a handler is called through its own executor, else through that of the context")
{
    asio::io_context loop, others;
    context own(make_os_backend(loop));
    bool here = false, there = false;
    start(own, answer(), [&](std::exception_ptr, std::string) {
        here = get_executor(own).target<asio::strand<asio::io_context::executor_type>>()->running_in_this_thread();
    });
    start(own, answer(), asio::bind_executor(others, [&](std::exception_ptr, std::string) { there = true; }));
    loop.run();
    CHECK(here);
    CHECK_FALSE(there);
    others.run(); // and has work until the handler is called
    CHECK(there);
}

TEST_CASE("the loop does not run out of work while a started task waits for what is not of the loop", "[threads]")
{
    asio::io_context loop;
    context own(make_os_backend(loop, loop_threads::one));
    std::promise<void> release;
    bool ended = false;
    const auto work = [&]() -> task<> { co_await run_on_thread([&] { release.get_future().wait(); }); };
    start(own, work(), [&](std::exception_ptr) { ended = true; });
    std::thread releasing([&] { release.set_value(); });
    loop.run();
    releasing.join();
    CHECK(ended);
}

TEST_CASE("a cancellation slot cancels the task, whose handler is told when its clean-up has ended")
{
    asio::io_context loop;
    context own(make_os_backend(loop));
    asio::cancellation_signal stop;
    bool cleaned = false, told = false;
    const auto work = [&]() -> task<> {
        bool was_cancelled = false;
        try {
            co_await sleep_for(24h);
        } catch (const cancelled&) {
            was_cancelled = true;
        }
        co_await shield(10s, sleep_for(1ms));
        cleaned = was_cancelled;
        co_await yield();
    };
    start(own, work(), asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr failure) {
        CHECK(cleaned);
        CHECK(is_abort(failure));
        CHECK_FALSE(stop.slot().has_handler());
        told = true;
    }));
    loop.poll();
    stop.emit(asio::cancellation_type::total); // a task cannot promise that nothing has happened
    loop.poll();
    CHECK_FALSE(cleaned);
    stop.emit(asio::cancellation_type::terminal);
    loop.run();
    CHECK(told);
    stop.emit(asio::cancellation_type::terminal); // finds nobody
}

TEST_CASE("a task that is cancelled before it begins ends at its first await")
{
    asio::io_context loop;
    context own(make_os_backend(loop));
    asio::cancellation_signal stop;
    bool told = false;
    start(own, wait_long(), asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr failure) {
        CHECK(is_abort(failure));
        told = true;
    }));
    stop.emit(asio::cancellation_type::terminal);
    loop.run();
    CHECK(told);
}

TEST_CASE("awaitable operators cancel a task that has lost")
{
    asio::io_context loop;
    context own(make_os_backend(loop));
    asio::steady_timer timer(loop, 1ms);
    bool timer_won = false;
    const auto main = [&]() -> asio::awaitable<void> {
        const auto outcome = co_await (start(own, wait_long(), asio::use_awaitable)
                                       || timer.async_wait(asio::use_awaitable));
        timer_won = outcome.index() == 1;
    };
    asio::co_spawn(loop, main(), asio::detached);
    loop.run();
    CHECK(timer_won);
}

TEST_CASE("what a task holds is gone when its handler is called")
{
    asio::io_context loop;
    context own(make_os_backend(loop));
    const auto held = std::make_shared<int>(1);
    const auto keep = [](std::shared_ptr<int> kept) -> task<int> {
        co_await yield();
        co_return *kept;
    };
    long users = 0;
    start(own, keep(held), [&](std::exception_ptr, int) { users = held.use_count(); });
    loop.run();
    CHECK(users == 1);
}

TEST_CASE("with the context its tasks go, and their handlers, uncalled, and the loop has no work left")
{
    asio::io_context loop;
    const auto held = std::make_shared<int>(1);
    bool told = false;
    {
        context own(make_os_backend(loop));
        start(own, wait_long(), [&told, held](std::exception_ptr) { told = true; });
        loop.poll();
        CHECK(held.use_count() == 2);
    }
    CHECK(held.use_count() == 1);
    loop.restart();
    loop.run();
    CHECK_FALSE(told);
}

TEST_CASE("a handler may destroy the context")
{
    asio::io_context loop;
    auto own = std::make_unique<context>(make_os_backend(loop));
    start(*own, answer(), [&](std::exception_ptr, std::string) { own.reset(); });
    loop.run();
    CHECK_FALSE(own);
}

TEST_CASE("a context that is not on the operating system has no executor")
{
    context own(std::make_unique<memory_backend>());
    CHECK_THROWS_AS(get_executor(own), misuse);
    CHECK_THROWS_AS(start(own, wait_long(), asio::detached), misuse);
}
