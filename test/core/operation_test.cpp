// operation: how an await begins, waits and ends, shown with an operation that tells what is asked of it.
#include "catch.hpp"
#include "support/run_in_memory.hpp"

#include <cerrno>
#include <portico/core/deadline.hpp>
#include <portico/core/event.hpp>
#include <portico/core/operation.hpp>
#include <string>
#include <vector>

using namespace portico;
using namespace std::chrono_literals;
using test::run_in_memory;

namespace {

/// What an operation of the tests waits for, and what was asked of it.
struct source {
    int ready_at_attempt = 1; ///< the attempt that completes it
    int error = 0;            ///< it completes with this errno value
    int attempts = 0, arms = 0, disarms = 0;
    operation* armed = nullptr;
};

class watched final : public timed_operation {
public:
    explicit watched(source& from, duration timeout = no_timeout) : timed_operation(timeout), from_(from) {}
    ~watched() { abandon(); }
    int value() const noexcept { return from_.attempts; }

private:
    bool attempt() noexcept override
    {
        if (++from_.attempts < from_.ready_at_attempt)
            return false;
        if (from_.error != 0)
            fail(from_.error);
        return true;
    }
    void arm() noexcept override
    {
        ++from_.arms;
        from_.armed = this;
    }
    void disarm() noexcept override
    {
        ++from_.disarms;
        from_.armed = nullptr;
    }
    error describe(std::error_code code) const override { return {code, "watch", "a source", phase::read}; }
    source& from_;
};

} // namespace

TEST_CASE("an operation that is ready at once never waits: it arms nothing and sets no timer")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        source from;
        const int attempts = co_await with_deadline(1s, watched(from));
        CHECK(attempts == 1);
        CHECK(from.arms == 0);
        CHECK(from.disarms == 0);
    });
}

TEST_CASE("an operation that is told too early waits again, within the deadline that it had")
{
    const bool in_time = GENERATE(true, false);
    run_in_memory([=](context&, memory_backend& outside) -> task<> {
        source from;
        from.ready_at_attempt = 4;
        bool ended = false;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                const auto outcome = co_await as_result(watched(from, 5s));
                CHECK(outcome.has_value() == in_time);
                ended = true;
            });
            for (int i = 0; i < 2; ++i) {
                outside.advance(2s);
                from.armed->ready_later();
                co_await outside.settle();
            }
            CHECK(from.arms == 3);
            CHECK_FALSE(ended);
            if (in_time)
                from.armed->ready();
            else
                outside.advance(1s);
            co_await outside.settle();
            CHECK(ended);
        });
        CHECK(from.disarms == (in_time ? 0 : 1));
    });
}

TEST_CASE("what ends a wait takes it back once: a deadline, a cancellation, a destruction")
{
    const int how = GENERATE(0, 1, 2);
    CAPTURE(how);
    source from;
    from.ready_at_attempt = 100;
    {
        auto made = std::make_unique<memory_backend>();
        memory_backend& outside = *made;
        context own(std::move(made));
        task_group group(own.root());
        group.spawn([&]() -> task<> { (void)co_await as_result(watched(from, 5s)); });
        CHECK(from.armed != nullptr);
        if (how == 0)
            outside.advance(5s);
        if (how == 1)
            group.cancel();
        CHECK(from.disarms == (how == 2 ? 0 : 1));
    }
    CHECK(from.arms == 1);
    CHECK(from.disarms == 1);
    CHECK(from.attempts == 1);
}

TEST_CASE("a failure of the system is thrown with what was attempted on what, or given as a result")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        source from;
        from.error = ECONNRESET;
        const auto outcome = co_await as_result(watched(from));
        CHECK(outcome.error().code() == std::errc::connection_reset);
        CHECK(outcome.error().operation() == "watch");
        CHECK(outcome.error().target() == "a source");
        bool thrown = false;
        try {
            (void)co_await watched(from);
        } catch (const error& failure) {
            thrown = failure.code() == std::errc::connection_reset;
        }
        CHECK(thrown);
    });
}

TEST_CASE("an operation in a cancelled scope is not even tried")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        source from;
        co_await scope([&](task_group& group) -> task<> {
            group.cancel();
            (void)co_await watched(from);
        });
        CHECK(from.attempts == 0);
    });
}

TEST_CASE("an operation that was told and then cancelled before it ran is cancelled, and moves nothing")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        source from;
        from.ready_at_attempt = 2;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> { (void)co_await watched(from); });
            from.armed->ready_later();
            group.cancel();
            co_return;
        });
        CHECK(from.attempts == 1);
    });
}

TEST_CASE("an operation whose task has used up its turn is tried in the next one, and keeps its deadline")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        event set;
        set.set();
        source from;
        from.ready_at_attempt = 100;
        bool late = false;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                co_await yield(); // a new turn
                for (int i = 0; i < 64; ++i)
                    co_await set.wait();
                const auto outcome = co_await as_result(watched(from, 5s));
                late = !outcome;
            });
            co_await yield();
            CHECK(from.attempts == 0);
            co_await outside.settle();
            CHECK(from.attempts == 1);
            outside.advance(5s);
        });
        CHECK(late);
    });
}
