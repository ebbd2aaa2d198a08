// scope and task_group: structured concurrency, and cancellation that is a level and not an edge.
#include "catch.hpp"
#include "support/run_in_memory.hpp"

#include <portico/core/deadline.hpp>
#include <portico/core/event.hpp>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

using namespace portico;
using namespace std::chrono_literals;
using test::run_in_memory;

static_assert(!std::is_base_of_v<std::exception, cancelled>);

namespace {

task<> fails(const char* why)
{
    throw std::runtime_error(why);
    co_return;
}

task<> fails_later(event& when, const char* why)
{
    co_await when.wait();
    throw std::runtime_error(why);
}

// Counts the tasks that were cancelled while they waited.
task<> waits(event& awaited, int& stopped)
{
    try {
        co_await awaited.wait();
    } catch (const cancelled&) {
        ++stopped;
        throw;
    }
}

task<> counts_after(duration length, int& ended)
{
    co_await sleep_for(length);
    ++ended;
}

} // namespace

TEST_CASE("a scope ends when its body and every task in it have ended")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        outside.advance_when_idle();
        const time_point begin = own.now();
        int ended = 0;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(counts_after(3s, ended));
            group.spawn(counts_after(7s, ended));
            group.spawn(counts_after(0s, ended));
            CHECK(group.size() == 2); // what ends at once is not counted
            co_await sleep_for(1s);
            CHECK(ended == 1);
        });
        CHECK(ended == 3);
        CHECK(own.now() - begin == 7s);
    });
}

TEST_CASE("a scope whose tasks have all ended at once ends at once, and one without tasks too")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        int ended = 0;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(counts_after(0s, ended));
            co_return;
        });
        co_await scope([](task_group&) -> task<> { co_return; });
        CHECK(ended == 1);
    });
}

TEST_CASE("a task in a group may start others in it, and the scope waits for them")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        outside.advance_when_idle();
        int ended = 0;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                co_await sleep_for(1s);
                group.spawn(counts_after(5s, ended));
            });
            co_return;
        });
        CHECK(ended == 1);
    });
}

TEST_CASE("the first failure cancels the rest and leaves the scope when all have ended")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        event never, start;
        int stopped = 0;
        std::string caught;
        try {
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(waits(never, stopped));
                group.spawn(fails_later(start, "first"));
                group.spawn(waits(never, stopped));
                start.set();
                co_await waits(never, stopped); // the body is one of them
            });
        } catch (const std::runtime_error& failure) {
            CHECK(stopped == 3);
            caught = failure.what();
        }
        CHECK(caught == "first");
    });
}

TEST_CASE("a task that fails before it first waits, and a body that fails, fail the scope as well")
{
    const bool body_fails = GENERATE(false, true);
    run_in_memory([=](context&, memory_backend&) -> task<> {
        event never;
        int stopped = 0;
        std::string caught;
        try {
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(waits(never, stopped));
                if (body_fails)
                    throw std::runtime_error("at once");
                group.spawn(fails("at once"));
                co_return;
            });
        } catch (const std::runtime_error& failure) {
            caught = failure.what();
        }
        CHECK(caught == "at once");
        CHECK(stopped == 1);
    });
}

TEST_CASE("a second failure is not lost: it goes to the context's reports")
{
    run_in_memory([](context& own, memory_backend&) -> task<> {
        std::vector<std::string> reports;
        own.on_report([&](const report& each) {
            CHECK(each.cause);
            reports.push_back(each.text);
        });
        event never;
        const auto fails_on_the_way_out = [&](const char* why) -> task<> {
            try {
                co_await never.wait();
            } catch (const cancelled&) {
                throw std::runtime_error(why);
            }
        };
        const auto throws_a_number = [&]() -> task<> {
            try {
                co_await never.wait();
            } catch (const cancelled&) {
                throw 5;
            }
        };
        std::string caught;
        try {
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(fails_on_the_way_out("second"));
                group.spawn(throws_a_number());
                group.spawn(fails("first"));
                co_return;
            });
        } catch (const std::runtime_error& failure) {
            caught = failure.what();
        }
        own.on_report({});
        CHECK(caught == "first");
        CHECK(reports == std::vector<std::string>{"second", "an exception of an unknown type"});
    });
}

TEST_CASE("cancelling a group ends its scope without an error, and what is around it goes on")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        event never;
        int stopped = 0;
        co_await scope([&](task_group& outer) -> task<> {
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(waits(never, stopped));
                group.spawn(waits(never, stopped));
                group.cancel();
                group.cancel();
                CHECK(stopped == 0); // nobody is resumed inside cancel()
                co_await waits(never, stopped);
            });
            CHECK_FALSE(outer.scope().is_cancelled());
            co_await yield();
        });
        CHECK(stopped == 3);
    });
}

TEST_CASE("cancellation is a level: every await in a cancelled scope throws again, one that is ready too")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        event set;
        set.set();
        int thrown = 0;
        bool after = false;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                for (int i = 0; i < 5; ++i)
                    try {
                        if (i % 2 == 0)
                            co_await sleep_for(1h);
                        else
                            co_await set.wait();
                    } catch (const cancelled&) {
                        ++thrown;
                    }
                after = true;
            });
            group.cancel();
            co_return;
        });
        CHECK(thrown == 5);
        CHECK(after);
    });
}

TEST_CASE("catch (std::exception) does not swallow a cancellation")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        event never;
        bool swallowed = false, went_on = false;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                try {
                    co_await never.wait();
                } catch (const std::exception&) {
                    swallowed = true;
                }
                went_on = true;
            });
            group.cancel();
            co_return;
        });
        CHECK_FALSE(swallowed);
        CHECK_FALSE(went_on);
    });
}

TEST_CASE("cancelling an outer scope cancels those inside, and cancelling an inner one only that")
{
    const bool outer_one = GENERATE(false, true);
    run_in_memory([=](context&, memory_backend& outside) -> task<> {
        event never;
        int stopped_outside = 0, stopped_inside = 0, after_inner = 0;
        co_await scope([&](task_group& outer) -> task<> {
            task_group* inner_group = nullptr;
            outer.spawn(waits(never, stopped_outside));
            outer.spawn([&]() -> task<> {
                co_await scope([&](task_group& inner) -> task<> {
                    inner_group = &inner;
                    inner.spawn(waits(never, stopped_inside));
                    co_await scope([&](task_group& innermost) -> task<> {
                        innermost.spawn(waits(never, stopped_inside));
                        co_return;
                    });
                });
                ++after_inner;
            });
            (outer_one ? outer : *inner_group).cancel();
            co_await shield(1s, outside.settle());
            CHECK(stopped_inside == 2);
            CHECK(stopped_outside == (outer_one ? 1 : 0));
            CHECK(after_inner == (outer_one ? 0 : 1));
            outer.cancel();
        });
        CHECK(stopped_outside == 1);
    });
}

TEST_CASE("a scope that is cancelled from outside while it joins its tasks ends with cancelled, when they have ended")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        event never, release;
        int stopped = 0;
        bool ended = false, cancelled_seen = false;
        co_await scope([&](task_group& outer) -> task<> {
            outer.spawn([&]() -> task<> {
                try {
                    co_await scope([&](task_group& inner) -> task<> {
                        inner.spawn(waits(never, stopped));
                        inner.spawn([&]() -> task<> {
                            co_await shield(1h, release.wait());
                            ended = true;
                        });
                        co_return;
                    });
                } catch (const cancelled&) {
                    CHECK(ended);
                    cancelled_seen = true;
                    throw;
                }
            });
            co_await outside.settle();
            outer.cancel();
            co_await shield(1s, outside.settle());
            CHECK(stopped == 1);
            CHECK_FALSE(cancelled_seen);
            release.set();
        });
        CHECK(cancelled_seen);
    });
}

TEST_CASE("a task that is spawned into a cancelled scope runs, and is cancelled at its first await")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        event never;
        int begun = 0, stopped = 0;
        co_await scope([&](task_group& group) -> task<> {
            group.cancel();
            group.spawn([&]() -> task<> {
                ++begun;
                co_await waits(never, stopped);
            });
            CHECK(group.size() == 0);
            co_return;
        });
        CHECK(begun == 1);
        CHECK(stopped == 1);
    });
}

TEST_CASE("a scope that is opened inside a cancelled one is cancelled from the start and throws on")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        bool inside = false, thrown = false;
        co_await scope([&](task_group& group) -> task<> {
            group.cancel();
            try {
                co_await scope([&](task_group& inner) -> task<> {
                    inside = inner.scope().is_cancelled();
                    co_return;
                });
            } catch (const cancelled&) {
                thrown = true;
            }
        });
        CHECK(inside);
        CHECK(thrown);
    });
}

TEST_CASE("a spawned lambda and what it has captured live as long as its task, and no longer")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        event release;
        std::weak_ptr<std::string> watch;
        std::string seen;
        co_await scope([&](task_group& group) -> task<> {
            {
                auto text = std::make_shared<std::string>("captured");
                watch = text;
                group.spawn([&seen, &release, text = std::move(text)]() -> task<> {
                    co_await release.wait();
                    seen = *text;
                });
            }
            co_await outside.settle();
            CHECK_FALSE(watch.expired());
            release.set();
        });
        CHECK(seen == "captured");
        CHECK(watch.expired());
    });
}

TEST_CASE("a timeout on a scope of one's own cancels it and is told from a cancellation from outside")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        cancel_scope& here = co_await detail::current_scope();
        cancel_scope timed(here, 5s), other(here, 5s);
        other.cancel();
        CHECK(other.is_cancelled());
        outside.advance(5s);
        CHECK(timed.is_cancelled());
        CHECK(timed.has_expired());
        CHECK_FALSE(other.has_expired());
        CHECK(timed.parent() == &here);
        CHECK(&timed.owner() == &own);
        CHECK_FALSE(here.is_cancelled());
    });
}

TEST_CASE("a group knows the tasks that it runs, and its scope the operations that wait in it")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        event never;
        int stopped = 0;
        co_await scope([&](task_group& group) -> task<> {
            for (int i = 0; i < 3; ++i)
                group.spawn(waits(never, stopped));
            int tasks = 0, operations = 0;
            group.for_each([&](const detail::promise_base&) { ++tasks; });
            group.scope().for_each_waiting([&](const operation&) { ++operations; });
            CHECK(tasks == 3);
            CHECK(operations == 3);
            group.cancel();
            co_return;
        });
        CHECK(stopped == 3);
    });
}

TEST_CASE("cancelling many tasks that wait for one another's things ends them all")
{
    run_in_memory([](context&, memory_backend&) -> task<> {
        std::vector<std::unique_ptr<event>> events;
        for (int i = 0; i < 1000; ++i)
            events.push_back(std::make_unique<event>());
        int woken = 0;
        co_await scope([&](task_group& group) -> task<> {
            for (std::size_t i = 0; i < 1000; ++i)
                group.spawn([&, i]() -> task<> {
                    try {
                        co_await events[i]->wait();
                    } catch (const cancelled&) {
                        ++woken;
                        events[(i + 1) % 1000]->set(); // wakes one that is cancelled and may not have run yet
                        throw;
                    }
                });
            group.cancel();
            co_return;
        });
        CHECK(woken == 1000);
    });
}
