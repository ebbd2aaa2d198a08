// context: running tasks over both backends, reports, deadlock, cancellation of everything, other threads.
#include "catch.hpp"
#include "support/run_in_memory.hpp"

#include <atomic>
#include <portico/core/channel.hpp>
#include <portico/core/deadline.hpp>
#include <portico/core/event.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace portico;
using namespace std::chrono_literals;
using test::run_in_memory;

namespace {

std::unique_ptr<backend> make_backend(bool in_memory)
{
    if (!in_memory)
        return make_os_backend();
    auto made = std::make_unique<memory_backend>();
    made->advance_when_idle();
    return made;
}

task<int> number(int value)
{
    co_return value;
}

task<int> number_after(duration length, int value)
{
    co_await sleep_for(length);
    co_return value;
}

task<> fails_after(duration length)
{
    co_await sleep_for(length);
    throw std::runtime_error("as told");
}

task<> waits_for(event& awaited)
{
    co_await awaited.wait();
}

struct set_at_end {
    bool& flag;
    ~set_at_end() { flag = true; }
};

} // namespace

TEST_CASE("run gives the value of its task or throws its exception, again and again, on either backend")
{
    const bool in_memory = GENERATE(true, false);
    CAPTURE(in_memory);
    context own(make_backend(in_memory));
    CHECK(own.run(number(1)) == 1);
    CHECK(own.run(number_after(1ms, 2)) == 2);
    CHECK_THROWS_AS(own.run(fails_after(0s)), std::runtime_error);
    CHECK_THROWS_AS(own.run(fails_after(1ms)), std::runtime_error);
    CHECK(own.run(number_after(1ms, 3)) == 3);
}

TEST_CASE("on the operating system, tasks sleep, wait for one another, and are late, by its clock")
{
    context own;
    const time_point begin = own.now();
    std::vector<int> order;
    event happened;
    own.run([](event& awaited, std::vector<int>& seen) -> task<> {
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                co_await awaited.wait();
                seen.push_back(2);
            });
            group.spawn([&]() -> task<> {
                co_await sleep_for(3ms);
                seen.push_back(1);
                awaited.set();
            });
            co_return;
        });
        awaited.reset();
        const auto late = co_await as_result(with_deadline(2ms, awaited.wait()));
        CHECK(late.error().code() == errc::timed_out);
        co_await yield();
    }(happened, order));
    CHECK(order == std::vector{1, 2});
    CHECK(own.now() - begin >= 5ms);
}

TEST_CASE("cancelling a context cancels everything that runs in it, and run throws that")
{
    const bool in_memory = GENERATE(true, false);
    CAPTURE(in_memory);
    context own(make_backend(in_memory));
    event never;
    bool ended = false;
    const auto main = [&]() -> task<> {
        const set_at_end watch{ended};
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(waits_for(never));
            own.backend().poster()([&] { own.cancel(); });
            co_await sleep_for(1h);
        });
    };
    CHECK_THROWS_AS(own.run(main()), cancelled);
    CHECK(ended);
    CHECK(own.root().is_cancelled());
    CHECK_THROWS_AS(own.run(number_after(1h, 1)), cancelled);
    CHECK(own.run(number(1)) == 1); // it awaits nothing
}

TEST_CASE("reports go to the sink that is set, and nowhere without one")
{
    context own(make_backend(true));
    own.report(report("nobody hears this"));
    std::vector<std::string> heard;
    own.on_report([&](const report& each) { heard.push_back(each.text); });
    own.report(report("one"));
    own.report(report("two", std::make_exception_ptr(5)));
    own.on_report({});
    own.report(report("nobody hears this either"));
    CHECK(heard == std::vector<std::string>{"one", "two"});
}

TEST_CASE("a program that can never go on is told so, with where each of its tasks waits, and is cleaned up")
{
    event never;
    channel<int> empty(1);
    bool ended = false;
    std::string told;
    try {
        run_in_memory([&](context&, memory_backend&) -> task<> {
            const set_at_end watch{ended};
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(waits_for(never));
                (void)co_await empty.receive();
            });
        });
    } catch (const misuse& failure) {
        told = failure.what();
    }
    CAPTURE(told);
    CHECK(told.find("everything waits") != std::string::npos);
    CHECK(told.find("waits_for at context_test.cpp:") != std::string::npos);
    CHECK(ended);
}

TEST_CASE("a context can be used again after a program in it could not go on")
{
    context own(std::make_unique<memory_backend>());
    event never;
    CHECK_THROWS_AS(own.run(waits_for(never)), misuse);
    CHECK(own.run(number(1)) == 1);
}

TEST_CASE("a context is destroyed with tasks that still wait in it")
{
    const bool in_memory = GENERATE(true, false);
    CAPTURE(in_memory);
    bool ended = false;
    event never;
    {
        context own(make_backend(in_memory));
        task_group group(own.root());
        group.spawn([&]() -> task<> {
            const set_at_end watch{ended};
            co_await with_deadline(1h, never.wait());
        });
        group.spawn([]() -> task<> { co_await yield(); });
        CHECK_FALSE(ended);
    }
    CHECK(ended);
}

TEST_CASE("what other threads post runs in the context, in the order of each thread, when it is gone it is dropped",
          "[threads]")
{
    constexpr int threads = 4, each = 1000;
    unique_function<void(unique_function<void()>)> post;
    std::vector<int> last(threads, -1);
    bool in_order = true, in_context = true;
    int count = 0;
    {
        context own;
        post = own.backend().poster();
        event all;
        const auto context_thread = std::this_thread::get_id();
        std::vector<std::thread> running;
        for (int i = 0; i < threads; ++i)
            running.emplace_back([&, i, poster = own.backend().poster()] {
                for (int k = 0; k < each; ++k)
                    poster([&, i, k] {
                        int& before = last[static_cast<std::size_t>(i)];
                        in_order = in_order && std::exchange(before, k) == k - 1;
                        in_context = in_context && std::this_thread::get_id() == context_thread;
                        if (++count == threads * each)
                            all.set();
                    });
            });
        own.run(waits_for(all));
        for (std::thread& thread : running)
            thread.join();
    }
    CHECK(count == threads * each);
    CHECK(in_order);
    CHECK(in_context);
    post([&] { count = -1; });
    CHECK(count == threads * each);
}

TEST_CASE("threads may go on posting while the context ends", "[threads]")
{
    std::atomic<bool> stop = false;
    std::thread poster;
    {
        context own;
        event first;
        poster = std::thread([&stop, &first, post = own.backend().poster()] {
            while (!stop)
                post([&first] { first.set(); });
        });
        own.run(waits_for(first));
    }
    stop = true;
    poster.join();
    CHECK(stop);
}

TEST_CASE("a buffer that was returned is borrowed again")
{
    context own(make_backend(true));
    char* const first = own.borrow_buffer();
    char* const second = own.borrow_buffer();
    CHECK(first != second);
    first[context::buffer_size - 1] = 'x';
    own.return_buffer(first);
    CHECK(own.borrow_buffer() == first);
    own.return_buffer(first);
    own.return_buffer(second);
}
