// await_stack: the functions and lines at which a program waits.
#include "catch.hpp"
#include "support/run_in_memory.hpp"

#include <portico/core/await_stack.hpp>
#include <portico/core/deadline.hpp>
#include <portico/core/event.hpp>
#include <string>
#include <vector>

using namespace portico;
using namespace std::chrono_literals;
using test::run_in_memory;

namespace {

unsigned innermost_line, middle_line, outermost_line;

task<> innermost(event& awaited)
{
    innermost_line = __LINE__ + 1;
    co_await awaited.wait();
}

task<int> middle(event& awaited, int value)
{
    middle_line = __LINE__ + 1;
    co_await innermost(awaited);
    co_return value;
}

task<> outermost(event& awaited)
{
    outermost_line = __LINE__ + 1;
    const int got = co_await middle(awaited, 1);
    CHECK(got == 1);
}

std::string line(const char* function, unsigned number)
{
    return std::string("  ") + function + " at await_stack_test.cpp:" + std::to_string(number) + '\n';
}

} // namespace

namespace chat {

template <class Message>
struct room {
    event left;
    unsigned line = 0;
    task<Message> join(const std::vector<std::string>&)
    {
        line = __LINE__ + 1;
        co_await left.wait();
        co_return Message();
    }
};

task<> global(event& awaited);
task<> global(event& awaited)
{
    co_await with_deadline(1h, awaited.wait());
}

} // namespace chat

TEST_CASE("the await stack of three nested tasks names their three functions and the lines at which they wait")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        event happened;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(outermost(happened));
            co_await outside.settle();
            std::vector<std::vector<std::source_location>> stacks;
            group.scope().for_each_waiting([&](const operation& each) { stacks.push_back(await_stack(each)); });
            CHECK(stacks.size() == 1);
            CHECK(stacks[0].size() == 3);
            CHECK(stacks[0][0].line() == innermost_line);
            CHECK(stacks[0][1].line() == middle_line);
            CHECK(stacks[0][2].line() == outermost_line);
            CHECK(to_string(stacks[0]) == line("innermost", innermost_line) + line("middle", middle_line)
                                              + line("outermost", outermost_line));
            happened.set();
        });
    });
}

TEST_CASE("the name in an await stack has its scopes, and neither its result nor its parameters")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        chat::room<std::vector<int>> room;
        event happened;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> { (void)co_await room.join({}); });
            co_await outside.settle();
            const std::string text = await_stacks(own);
            CAPTURE(text);
            CHECK(text.find("::join at await_stack_test.cpp:" + std::to_string(room.line)) != std::string::npos);
            CHECK(text.find("chat::room") != std::string::npos);
            CHECK(text.find("std::string") == std::string::npos);
            group.spawn(chat::global(happened));
            CHECK(await_stacks(own).find("  chat::global at await_stack_test.cpp:") != std::string::npos);
            room.left.set();
            happened.set();
        });
    });
}

TEST_CASE("the await stacks of a context are of everything that waits in it, in scopes inside scopes")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        event happened;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(innermost(happened));
            group.spawn([&]() -> task<> {
                co_await scope([&](task_group& inner) -> task<> {
                    inner.spawn(innermost(happened));
                    co_return;
                });
            });
            co_await outside.settle();
            const std::string text = await_stacks(own), wanted = line("innermost", innermost_line);
            CAPTURE(text);
            const std::size_t first = text.find(wanted);
            REQUIRE(first != std::string::npos);
            CHECK(text.find(wanted, first + 1) != std::string::npos);
            CHECK(text.find("  portico::scope at scope.hpp:") != std::string::npos); // the inner scope's join
            happened.set();
        });
        CHECK(await_stacks(own).empty());
    });
}
