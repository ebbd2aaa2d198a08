// Cancellation and destruction at every point: a program of several tasks is stopped at its first suspension, at its
// second, and so on until it is no longer stopped. It always ends, nothing leaks, and nothing of it runs afterwards.
#include "catch.hpp"
#include "support/run_in_memory.hpp"

#include <functional>
#include <optional>
#include <portico/core/channel.hpp>
#include <portico/core/deadline.hpp>
#include <portico/core/event.hpp>
#include <portico/core/when.hpp>
#include <portico/net/connection.hpp>
#include <string>

using namespace portico;
using namespace std::chrono_literals;

namespace {

/// What the program works on, and what stops it.
struct world {
    world(context& own, std::pair<transport_ptr, transport_ptr> link)
        : owner(own), here(own, std::move(link.first)), there(own, std::move(link.second)) {}

    /// Called before each await.
    void at_await()
    {
        ran_after_its_owner = ran_after_its_owner || over;
        if (left-- == 0)
            stop();
    }

    context& owner;
    connection here, there;
    channel<int> values{1};
    event consumed;
    int left = 0;
    std::function<void()> stop;
    std::string echoed;
    int alive = 0;
    bool finished = false, over = false, ran_after_its_owner = false;
};

/// Shows that a frame has been destroyed, and on the heap, so that a leak would be seen as well.
class guard {
public:
    explicit guard(world& of) : of_(of) { ++of_.alive; }
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;
    ~guard()
    {
        --of_.alive;
        of_.ran_after_its_owner = of_.ran_after_its_owner || of_.over;
    }

private:
    world& of_;
    std::unique_ptr<int> heap_ = std::make_unique<int>(1);
};

task<> produce(world& own, int count)
{
    const guard held(own);
    for (int i = 0; i < count; ++i) {
        own.at_await();
        co_await own.values.send(i);
        own.at_await();
        co_await sleep_for(1s);
    }
    own.values.close();
}

task<> consume(world& own)
{
    const guard held(own);
    for (;;) {
        own.at_await();
        const std::optional<int> got = co_await own.values.receive();
        if (!got)
            break;
        const std::string line = std::to_string(*got) + "\r\n";
        own.at_await();
        co_await own.here.write(line);
        own.at_await();
        const std::optional<bytes> answer = co_await with_deadline(5s, own.here.read_line());
        if (answer)
            own.echoed += answer->text();
    }
    own.consumed.set();
    (void)own.here.shutdown_write();
}

task<> echo(world& own)
{
    const guard held(own);
    for (;;) {
        own.at_await();
        const bytes got = co_await own.there.read_some();
        if (got.empty())
            co_return;
        own.at_await();
        co_await own.there.write(got);
    }
}

task<> sleep_and_clean_up(world& own)
{
    const guard held(own);
    std::exception_ptr leaving;
    try {
        own.at_await();
        co_await sleep_for(2s);
    } catch (const cancelled&) {
        leaving = std::current_exception();
    }
    own.at_await();
    co_await shield(1s, sleep_for(10ms));
    if (leaving)
        std::rethrow_exception(leaving);
}

task<> race(world& own)
{
    const guard held(own);
    own.at_await();
    const auto first = co_await when_any(own.consumed.wait(), sleep_for(1500ms), sleep_and_clean_up(own));
    CHECK(first.index() == 1);
    own.at_await();
    (void)co_await when_all(own.consumed.wait(), yield(), sleep_and_clean_up(own));
}

task<> nested(world& own)
{
    const guard held(own);
    own.at_await();
    co_await scope([&](task_group& group) -> task<> {
        const guard inner(own);
        group.spawn(sleep_and_clean_up(own));
        group.spawn([&own]() -> task<> {
            const guard late(own);
            own.at_await();
            const auto outcome = co_await as_result(with_deadline(1s, sleep_and_clean_up(own)));
            CHECK_FALSE(outcome);
        });
        own.at_await();
        co_await own.consumed.wait();
        group.cancel();
    });
}

task<> program(world& own)
{
    const guard held(own);
    co_await scope([&](task_group& group) -> task<> {
        group.spawn(produce(own, 4));
        group.spawn(consume(own));
        group.spawn(echo(own));
        group.spawn(race(own));
        group.spawn(nested(own));
        own.at_await();
        co_await own.consumed.wait();
    });
    CHECK(own.echoed == "0123");
    own.finished = true;
}

task<> waits_for(event& awaited)
{
    co_await awaited.wait();
}

task<> an_hour_later()
{
    co_await sleep_for(1h);
}

/// Starts the program as the one task of a group, to be stopped at its await number `at` by `stop(group)`, which takes
/// place there and then or, with `later`, when the task has suspended. True when the program has finished before.
bool run_stopped(int at, bool later, const std::function<void(std::optional<task_group>&)>& stop)
{
    auto made = std::make_unique<memory_backend>();
    made->advance_when_idle();
    auto link = made->make_link();
    context own(std::move(made));
    int reports = 0;
    own.on_report([&](const report&) { ++reports; });
    world its(own, std::move(link));
    its.left = at;
    event ended;
    std::optional<task_group> group(std::in_place, own.root());
    const auto stop_now = [&] {
        if (!its.finished)
            stop(group);
        if (!group)
            ended.set();
    };
    its.stop = [&] { later ? own.backend().poster()(stop_now) : stop_now(); };
    const auto watched = [&]() -> task<> {
        try {
            co_await program(its);
        } catch (const cancelled&) {
        }
        ended.set();
    };
    group->spawn(watched());
    own.run(waits_for(ended));
    CHECK((!group || group->size() == 0));
    CHECK(its.alive == 0);
    its.over = true;
    own.run(an_hour_later()); // what is still linked somewhere would run now
    CHECK_FALSE(its.ran_after_its_owner);
    CHECK(reports == 0);
    return its.finished;
}

/// Stops the program at every await, and says how many there are.
int stop_everywhere(bool later, const std::function<void(std::optional<task_group>&)>& stop)
{
    for (int at = 0;; ++at) {
        CAPTURE(at);
        if (run_stopped(at, later, stop))
            return at;
        REQUIRE(at < 1000);
    }
}

} // namespace

TEST_CASE("a program that is cancelled at its n-th await, for every n, ends and leaves nothing behind")
{
    const bool later = GENERATE(false, true);
    CAPTURE(later);
    const int awaits = stop_everywhere(later, [](std::optional<task_group>& group) { group->cancel(); });
    CHECK(awaits > 30);
}

TEST_CASE("a program that is destroyed when it has suspended for the n-th time, for every n, leaves nothing behind")
{
    const int awaits = stop_everywhere(true, [](std::optional<task_group>& group) { group.reset(); });
    CHECK(awaits > 30);
}
