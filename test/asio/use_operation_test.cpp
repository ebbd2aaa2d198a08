// use_operation: operations of Asio's in a task: their values and errors, and how deadlines and cancellations reach them.
#include "catch.hpp"

#include <array>
#include <asio/bind_executor.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/co_spawn.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/connect_pair.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/read.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <memory>
#include <optional>
#include <portico/asio.hpp>
#include <portico/core/deadline.hpp>
#include <portico/memory/memory_backend.hpp>
#include <string>
#include <thread>

using namespace portico;
using namespace std::chrono_literals;

namespace {

using stream = asio::local::stream_protocol::socket;

/// Runs a task on a loop of its own.
template <class Work>
void run(const Work& work)
{
    asio::io_context loop;
    context own(make_os_backend(loop));
    std::exception_ptr failure;
    start(own, work(loop), [&](std::exception_ptr outcome) { failure = outcome; });
    loop.run();
    if (failure)
        std::rethrow_exception(failure);
}

/// An asynchronous operation with this completion signature, which completes within the call.
template <class Signature, class Token, class... Values>
auto complete_at_once(Token&& token, Values... values)
{
    const auto initiation = [](auto handler, auto... each) { std::move(handler)(std::move(each)...); };
    return asio::async_initiate<Token, Signature>(initiation, token, std::move(values)...);
}

} // namespace

TEST_CASE("a task awaits Asio's timers and sockets")
{
    run([](asio::io_context& loop) -> task<> {
        asio::steady_timer timer(loop, 1ms);
        co_await timer.async_wait(use_operation);
        stream near(loop), far(loop);
        asio::local::connect_pair(near, far);
        const std::string said = "hello";
        const std::size_t sent = co_await asio::async_write(near, asio::buffer(said), use_operation);
        CHECK(sent == 5);
        std::string heard(5, ' ');
        const std::size_t got = co_await asio::async_read(far, asio::buffer(heard), use_operation);
        CHECK(got == 5);
        CHECK(heard == said);
    });
}

TEST_CASE("an operation begins when it is awaited, not before")
{
    run([](asio::io_context& loop) -> task<> {
        asio::steady_timer timer(loop, 24h);
        auto waiting = timer.async_wait(use_operation);
        CHECK(timer.cancel() == 0);
        timer.expires_after(0s);
        co_await std::move(waiting);
    });
}

TEST_CASE("the values of a handler arrive as one value, as a tuple, or as none, also from within the call")
{
    run([](asio::io_context&) -> task<> {
        co_await complete_at_once<void()>(use_operation);
        co_await complete_at_once<void(std::error_code)>(use_operation, std::error_code());
        const int one = co_await complete_at_once<void(int)>(use_operation, 1);
        CHECK(one == 1);
        const auto [two, three] = co_await complete_at_once<void(std::error_code, int, std::string)>(
            use_operation, std::error_code(), 2, std::string("three"));
        CHECK(two == 2);
        CHECK(three == "three");
        const auto owned = co_await complete_at_once<void(std::unique_ptr<int>)>(use_operation, std::make_unique<int>(4));
        CHECK(*owned == 4);
    });
}

TEST_CASE("an error of Asio's is thrown as portico's, with its code, and is a value under as_result")
{
    run([](asio::io_context& loop) -> task<> {
        stream near(loop), far(loop);
        asio::local::connect_pair(near, far);
        near.close();
        std::array<char, 8> buffer{};
        const result<std::size_t> end =
            co_await as_result(far.async_read_some(asio::buffer(buffer), use_operation));
        REQUIRE_FALSE(end);
        CHECK(end.error().code() == asio::error::eof);
        CHECK(std::string(end.error().what()) == "complete an operation of Asio: End of file");
        bool thrown = false;
        try {
            co_await complete_at_once<void(std::exception_ptr)>(use_operation,
                                                                std::make_exception_ptr(std::out_of_range("on purpose")));
        } catch (const std::out_of_range&) {
            thrown = true;
        }
        CHECK(thrown);
    });
}

TEST_CASE("a task awaits an asio::awaitable")
{
    run([](asio::io_context& loop) -> task<> {
        const auto work = [](asio::io_context& inner) -> asio::awaitable<int> {
            asio::steady_timer timer(inner, 1ms);
            co_await timer.async_wait(asio::use_awaitable);
            co_return 42;
        };
        const int value = co_await asio::co_spawn(loop, work(loop), use_operation);
        CHECK(value == 42);
    });
}

TEST_CASE("a deadline cancels the operation in Asio, fails with timed_out, and leaves the socket as it was")
{
    run([](asio::io_context& loop) -> task<> {
        stream near(loop), far(loop);
        asio::local::connect_pair(near, far);
        std::string heard(5, ' ');
        const result<std::size_t> late =
            co_await as_result(with_deadline(1ms, far.async_read_some(asio::buffer(heard), use_operation)));
        REQUIRE_FALSE(late);
        CHECK(late.error().code() == errc::timed_out);
        CHECK(std::string(late.error().what()) == "complete an operation of Asio: timed out");
        co_await asio::async_write(near, asio::buffer("hello", 5), use_operation);
        const std::size_t got = co_await asio::async_read(far, asio::buffer(heard), use_operation);
        CHECK(got == 5);
        CHECK(heard == "hello");
    });
}

TEST_CASE("a cancelled scope cancels the operation in Asio and waits for its handler")
{
    bool was_cancelled = false;
    run([&](asio::io_context& loop) -> task<> {
        asio::steady_timer timer(loop, 24h);
        const auto wait = [&]() -> task<> {
            try {
                co_await timer.async_wait(use_operation);
            } catch (const cancelled&) {
                was_cancelled = true;
                throw;
            }
        };
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(wait());
            co_await yield();
            group.cancel();
        });
        CHECK(timer.cancel() == 0);
    });
    CHECK(was_cancelled);
}

TEST_CASE("what an operation has done when its cancellation comes is not lost")
{
    run([](asio::io_context& loop) -> task<> {
        stream near(loop), far(loop);
        asio::local::connect_pair(near, far);
        std::string heard(5, ' ');
        std::size_t got = 0;
        const auto read = [&]() -> task<> {
            got = co_await far.async_read_some(asio::buffer(heard), use_operation);
        };
        co_await scope([&](task_group& group) -> task<> {
            asio::write(near, asio::buffer("hello", 5));
            group.spawn(read()); // completes in Asio; its handler is still to come
            group.cancel();
            co_return;
        });
        CHECK(got == 5);
        CHECK(heard == "hello");
    });
}

TEST_CASE("a cancellation reaches an asio::awaitable, and what it does about that is waited for")
{
    bool cleaned = false, was_cancelled = false;
    run([&](asio::io_context& loop) -> task<> {
        const auto work = [&]() -> asio::awaitable<void> {
            asio::steady_timer timer(loop, 24h);
            try {
                co_await timer.async_wait(asio::use_awaitable);
            } catch (const std::system_error&) {
                cleaned = true;
                throw;
            }
        };
        const auto wait = [&]() -> task<> {
            try {
                co_await asio::co_spawn(loop, work(), use_operation);
            } catch (const cancelled&) {
                was_cancelled = cleaned;
                throw;
            }
        };
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(wait());
            co_await sleep_for(1ms);
            group.cancel();
        });
    });
    CHECK(was_cancelled);
}

TEST_CASE("an operation that cancels the scope which awaits it, as it begins, is cancelled itself")
{
    bool aborted = false;
    run([&](asio::io_context& loop) -> task<> {
        co_await scope([&](task_group& group) -> task<> {
            const auto work = [&]() -> asio::awaitable<void> {
                group.cancel();
                asio::steady_timer timer(loop, 24h);
                try {
                    co_await timer.async_wait(asio::use_awaitable);
                } catch (const std::system_error&) {
                    aborted = true;
                    throw;
                }
            };
            co_await asio::co_spawn(get_executor(co_await this_context()), work(), use_operation);
        });
    });
    CHECK(aborted);
}

TEST_CASE("an operation that completes within its cancellation resumes nobody there")
{
    run([](asio::io_context&) -> task<> {
        const auto initiation = [](auto handler) {
            const auto kept = std::make_shared<decltype(handler)>(std::move(handler));
            asio::get_associated_cancellation_slot(*kept).assign([kept](asio::cancellation_type) {
                std::move (*kept)(std::error_code(asio::error::operation_aborted));
            });
        };
        const auto wait = [&]() -> task<> {
            co_await asio::async_initiate<const use_operation_t&, void(std::error_code)>(initiation, use_operation);
        };
        const result<void> late = co_await as_result(with_deadline(1ms, wait()));
        REQUIRE_FALSE(late);
        CHECK(late.error().code() == errc::timed_out);
    });
}

TEST_CASE("an operation whose handler is destroyed uncalled fails, and does not hang")
{
    asio::io_context loop;
    context own(make_os_backend(loop));
    auto other = std::make_unique<context>(make_os_backend(loop));
    std::optional<std::error_code> told;
    const auto wait_long = []() -> task<> { co_await sleep_for(24h); };
    const auto main = [&]() -> task<> {
        const result<void> outcome = co_await as_result(start(*other, wait_long(), use_operation));
        REQUIRE_FALSE(outcome);
        told = outcome.error().code();
    };
    start(own, main(), [](std::exception_ptr failure) { CHECK_FALSE(failure); });
    loop.poll();
    other.reset();
    loop.run();
    REQUIRE(told);
    CHECK(*told == std::errc::operation_canceled);
}

TEST_CASE("what a handler gets by reference is kept as a value")
{
    run([](asio::io_context&) -> task<> {
        const auto initiation = [](auto handler) {
            const std::string gone = "a text that is longer than what fits into a string itself";
            std::move(handler)(std::error_code(), gone);
        };
        const std::string text =
            co_await asio::async_initiate<const use_operation_t&, void(const std::error_code&, const std::string&)>(
                initiation, use_operation);
        CHECK(text.starts_with("a text that is longer"));
    });
}

TEST_CASE("a handler that is called on another thread resumes the task in its context", "[threads]")
{
    asio::thread_pool others(1);
    run([&](asio::io_context&) -> task<> {
        const auto here = std::this_thread::get_id();
        for (int i = 0; i < 100; ++i) {
            co_await asio::post(asio::bind_executor(others, use_operation));
            CHECK(std::this_thread::get_id() == here);
        }
    });
    others.join();
}

TEST_CASE("a task that is destroyed while it awaits an operation of Asio cancels it")
{
    asio::io_context loop;
    asio::steady_timer timer(loop, 24h);
    bool after = false;
    {
        context own(make_os_backend(loop));
        const auto wait = [&]() -> task<> {
            co_await timer.async_wait(use_operation);
            after = true;
        };
        own.start(wait(), [](std::exception_ptr) {});
        loop.poll();
    }
    loop.restart();
    loop.run(); // which would take 24 hours
    CHECK_FALSE(after);
}

TEST_CASE("on a memory backend there is no executor for Asio's operations")
{
    asio::io_context loop;
    asio::steady_timer timer(loop, 1ms);
    context own(std::make_unique<memory_backend>());
    const auto main = [&]() -> task<> { co_await timer.async_wait(use_operation); };
    CHECK_THROWS_AS(own.run(main()), misuse);
}
