// task: values, failures, lifetimes, and the depth of the stack.
#include "catch.hpp"
#include "support/run_in_memory.hpp"

#include <portico/core/deadline.hpp>
#include <portico/core/event.hpp>
#include <stdexcept>
#include <string>

using namespace portico;
using test::run_in_memory;

namespace {

/// Counts how many of its kind are alive.
struct counted {
    explicit counted(int& number) : alive(&number) { ++*alive; }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() { --*alive; }
    int* alive;
};

task<int> number(int value)
{
    co_return value;
}

task<> nothing()
{
    co_return;
}

task<std::unique_ptr<int>> move_only(int value)
{
    co_return std::make_unique<int>(value);
}

task<int> failing()
{
    throw std::runtime_error("as told");
    co_return 1;
}

// Where the stack is: grows if awaits nest.
std::uintptr_t stack_position()
{
    return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
}

task<std::uintptr_t> position()
{
    co_return stack_position();
}

task<int> depth(int left)
{
    if (left == 0)
        co_return 0;
    const int below = co_await depth(left - 1);
    co_return below + 1;
}

task<int> waiting_depth(int left, event& bottom)
{
    if (left == 0) {
        co_await bottom.wait();
        co_return 0;
    }
    const int below = co_await waiting_depth(left - 1, bottom);
    co_return below + 1;
}

task<> hold(int& alive, event& until)
{
    const counted held(alive);
    co_await until.wait();
}

task<> hold_through(int& alive, event& until)
{
    const counted held(alive);
    co_await hold(alive, until);
}

} // namespace

TEST_CASE("a task hands its value to the one that awaits it: plain, void, or move-only")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        const int got = co_await number(42);
        CHECK(got == 42);
        co_await nothing();
        const std::unique_ptr<int> moved = co_await move_only(7);
        CHECK(*moved == 7);
        const std::string text = co_await [](std::string value) -> task<std::string> { co_return value; }("hello");
        CHECK(text == "hello");
    });
}

TEST_CASE("a task's exception arrives where it is awaited, through tasks that let it pass")
{
    const auto outcome = run_in_memory([](context&, memory_backend&) -> task<std::string> {
        std::string caught;
        try {
            co_await [](int add) -> task<int> {
                const int value = co_await failing();
                co_return value + add;
            }(1);
        } catch (const std::runtime_error& failure) {
            caught = failure.what();
        }
        co_return caught;
    });
    CHECK(outcome == "as told");
}

TEST_CASE("a task does nothing until it is awaited, and one that never is costs only its frame")
{
    int alive = 0, started = 0;
    const auto begin = [&](std::unique_ptr<counted>) -> task<> {
        ++started;
        co_return;
    };
    run_in_memory([&](context&, memory_backend&) -> task<> {
        task<> lazy = begin(std::make_unique<counted>(alive));
        {
            const task<> never = begin(std::make_unique<counted>(alive));
            CHECK(alive == 2);
        }
        CHECK(alive == 1);
        CHECK(started == 0);
        co_await std::move(lazy);
        CHECK(started == 1);
    });
    CHECK(alive == 0);
}

TEST_CASE("destroying a task that waits destroys what it and its children hold, and abandons the wait")
{
    int alive = 0;
    event never;
    {
        context own(std::make_unique<memory_backend>());
        task_group group(own.root());
        group.spawn(hold_through(alive, never));
        group.spawn(hold_through(alive, never));
        CHECK(alive == 4);
        CHECK(group.size() == 2);
    }
    CHECK(alive == 0);
    never.set(); // there is nobody left to wake
}

TEST_CASE("moving a task moves the coroutine, and move assignment exchanges two")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        task<int> first = number(1);
        task<int> second = std::move(first);
        task<int> third = number(3);
        second = std::move(third);
        const int now_second = co_await std::move(second);
        const int now_third = co_await std::move(third);
        CHECK(now_second == 3);
        CHECK(now_third == 1);
    });
}

TEST_CASE("three million awaits of a child that is ready do not grow the stack")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        std::uintptr_t first = 0, last = 0;
        for (int i = 0; i < 3'000'000; ++i) {
            last = co_await position();
            if (i == 0)
                first = last;
        }
        CHECK(first == last);
    });
}

TEST_CASE("three million operations that are ready do not grow the stack")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        event set;
        set.set();
        // The first turns are shorter by a frame or two: the loop is not around them yet.
        for (int i = 0; i < 1000; ++i)
            co_await set.wait();
        const std::uintptr_t first = stack_position();
        for (int i = 0; i < 3'000'000; ++i)
            co_await set.wait();
        CHECK(first == stack_position());
    });
}

TEST_CASE("a recursion of some thousand tasks works, whether it waits at the bottom or not")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        const int at_once = co_await depth(4000);
        CHECK(at_once == 4000);
        event bottom;
        int waited = 0;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> { waited = co_await waiting_depth(4000, bottom); });
            co_await outside.settle();
            CHECK(waited == 0);
            bottom.set();
        });
        CHECK(waited == 4000);
    });
}

TEST_CASE("a task whose operations are always ready does not starve the others")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        event set;
        set.set();
        int busy = 0, seen = 0;
        bool done = false;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                while (!done) {
                    co_await set.wait();
                    ++busy;
                }
            });
            group.spawn([&]() -> task<> {
                for (int turn = 0; turn < 10; ++turn) {
                    const int before = busy;
                    co_await yield();
                    CHECK(busy - before <= 2 * 65); // a yield waits a turn or two; one operation resumes, 64 follow
                    ++seen;
                }
                done = true;
            });
            co_return;
        });
        CHECK(seen == 10);
        CHECK(busy >= 9 * 64);
    });
}

TEST_CASE("a task starts in the scope and the context of the one that awaits it")
{
    run_in_memory([](context& own, memory_backend&) -> task<> {
        context& found = co_await this_context();
        CHECK(&found == &own);
        cancel_scope& here = co_await detail::current_scope();
        co_await [](cancel_scope& outer) -> task<> {
            cancel_scope& inner = co_await detail::current_scope();
            CHECK(&inner == &outer);
        }(here);
    });
}
