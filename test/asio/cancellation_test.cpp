// Cancelling an echo session at each point where it waits, in every way: nothing leaks, nothing runs after its owner.
#include "catch.hpp"

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <portico/asio.hpp>
#include <portico/memory/memory_backend.hpp>
#include <portico/portico.hpp>
#include <string>

using namespace portico;
using namespace std::chrono_literals;

namespace {

/// What coroutines say of themselves.
struct witness {
    int alive = 0;
    bool over = false, ran_after = false;
    void step() { ran_after = ran_after || over; }
};

class life {
public:
    explicit life(witness& seen) : seen_(seen) { ++seen_.alive; }
    life(const life&) = delete;
    life& operator=(const life&) = delete;
    ~life() { --seen_.alive; }

private:
    witness& seen_;
};

constexpr std::size_t much = 600 * 1024; // more than a stream holds, so that writes wait too

task<> echo(connection peer, witness& seen)
{
    const life here(seen);
    for (;;) {
        const bytes data = co_await peer.read_some();
        seen.step();
        if (data.empty())
            break;
        co_await peer.write(data);
        seen.step();
    }
    co_await peer.finish();
    seen.step();
}

task<> say(connection& to, const std::string& text, witness& seen)
{
    const life here(seen);
    co_await to.write(text);
    seen.step();
}

task<> hear(connection& from, witness& seen)
{
    const life here(seen);
    const bytes heard = co_await from.read_exactly(much);
    seen.step();
    CHECK(heard.size() == much);
}

task<> talk(connection peer, witness& seen)
{
    const life here(seen);
    const std::string text(much, 'x');
    for (int round = 0; round < 2; ++round)
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(say(peer, text, seen));
            group.spawn(hear(peer, seen));
            co_return;
        });
    seen.step();
    CHECK(peer.shutdown_write());
    const bytes end = co_await peer.read_some();
    seen.step();
    CHECK(end.empty());
    co_await shield(1h, sleep_for(1ms));
    seen.step();
}

// What goes on outside of the context's tasks.
task<> wait_elsewhere(witness& seen)
{
    const life here(seen);
    context& own = co_await this_context();
    asio::steady_timer timer(get_executor(own), 1ms);
    co_await timer.async_wait(use_operation);
    seen.step();
    co_await run_on_thread([&] { seen.step(); });
    seen.step();
    const auto inside = [&]() -> task<> {
        const life there(seen);
        co_await yield();
        co_await sleep_for(1ms);
    };
    co_await run_in(own, inside);
    seen.step();
    co_await start(own, inside(), use_operation);
    seen.step();
}

task<> session(witness& seen)
{
    const life here(seen);
    auto ends = connection_pair(co_await this_context());
    co_await scope([&](task_group& group) -> task<> {
        group.spawn(echo(std::move(ends.first), seen));
        group.spawn(talk(std::move(ends.second), seen));
        co_return;
    });
    seen.step();
}

/// The session, and beside it a task that waits for Asio, a thread and other tasks.
task<> session_and_more(witness& seen)
{
    co_await scope([&](task_group& group) -> task<> {
        group.spawn(session(seen));
        group.spawn(wait_elsewhere(seen));
        co_return;
    });
}

/// On the memory backend: runs the session for `turns` turns, of a millisecond each, and then does `cancel`. Returns
/// whether it had ended by itself.
template <class Cancel>
bool run_in_memory(int turns, witness& seen, duration deadline, const Cancel& cancel)
{
    auto made = std::make_unique<memory_backend>();
    memory_backend& outside = *made;
    context own(std::move(made));
    bool done = false;
    const auto run = [&]() -> task<> {
        const result<void> outcome = co_await as_result(with_deadline(deadline, session(seen)));
        CHECK((outcome || outcome.error().code() == errc::timed_out));
        done = outcome.has_value();
        seen.over = true;
    };
    const auto main = [&]() -> task<> {
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(run());
            for (int i = 0; i < turns; ++i) {
                co_await yield();
                outside.advance(1ms);
            }
            if (group.size() != 0 || !done)
                cancel(outside, group);
            outside.advance_when_idle(); // for what is shielded
        });
    };
    own.run(main());
    return done;
}

} // namespace

TEST_CASE("a session that is cancelled by a deadline or by its scope, at the n-th turn for all n, leaves nothing")
{
    const bool by_deadline = GENERATE(true, false);
    int turns = 0;
    for (bool done = false; !done; ++turns) {
        witness seen;
        done = run_in_memory(turns, seen, 1h, [&](memory_backend& outside, task_group& group) {
            if (by_deadline)
                outside.advance(1h);
            else
                group.cancel();
        });
        INFO("turn " << turns);
        REQUIRE(seen.alive == 0);
        REQUIRE_FALSE(seen.ran_after);
        REQUIRE(turns < 1000);
    }
    CHECK(turns > 20);
}

TEST_CASE("a session that is cancelled by its handler's slot, at the n-th step of the loop for all n, leaves nothing")
{
    int steps = 0;
    for (bool done = false; !done; ++steps) {
        asio::io_context loop;
        context own(make_os_backend(loop));
        witness seen;
        asio::cancellation_signal stop;
        int told = 0;
        start(own, session_and_more(seen), asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr failure) {
            ++told;
            done = !failure;
            seen.over = true;
        }));
        for (int i = 0; i < steps && told == 0; ++i)
            loop.run_one();
        stop.emit(asio::cancellation_type::terminal);
        loop.run();
        INFO("step " << steps);
        REQUIRE(told == 1);
        REQUIRE(seen.alive == 0);
        REQUIRE_FALSE(seen.ran_after);
        REQUIRE(steps < 1000);
    }
    CHECK(steps > 20);
}

TEST_CASE("a session whose context is destroyed, in its sequence or beside it, at the n-th step for all n, leaves nothing")
{
    const bool in_sequence = GENERATE(true, false);
    int steps = 0;
    for (bool done = false; !done; ++steps) {
        asio::io_context loop;
        witness seen;
        {
            std::optional<context> own(std::in_place, make_os_backend(loop));
            start(*own, session_and_more(seen), [&](std::exception_ptr) { done = true; });
            for (int i = 0; i < steps && !done; ++i)
                loop.run_one();
            if (in_sequence) {
                asio::post(get_executor(*own), [&] { own.reset(); });
                while (own)
                    loop.run_one();
            }
        }
        seen.over = true;
        INFO("step " << steps);
        REQUIRE(seen.alive == 0);
        loop.restart();
        loop.run();
        REQUIRE_FALSE(seen.ran_after);
        REQUIRE(steps < 1000);
    }
    CHECK(steps > 20);
}
