// A context on a caller's io_context: one thread, several threads, and its end before that of the loop.
#include "catch.hpp"

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <atomic>
#include <portico/asio.hpp>
#include <portico/portico.hpp>
#include <string>
#include <thread>
#include <vector>

using namespace portico;
using namespace std::chrono_literals;

namespace {

task<> echo(connection& peer)
{
    for (;;) {
        const bytes data = co_await peer.read_some();
        if (data.empty())
            co_return;
        co_await peer.write(data);
    }
}

task<> talk(endpoint to, int number, int& answered)
{
    connection peer = co_await connect(to);
    for (int round = 0; round < 5; ++round) {
        const std::string said = std::to_string(number * 100 + round);
        co_await peer.write(said);
        const bytes heard = co_await peer.read_exactly(said.size());
        answered += heard == bytes(said);
        co_await sleep_for(1ms);
    }
}

// An echo server and its clients, all in the context in which it is awaited.
task<> serve_and_talk(int clients, int& answered)
{
    server echoing(tcp("127.0.0.1", 0), echo);
    event listening;
    endpoint where;
    echoing.on_listening([&](const std::vector<endpoint>& endpoints) {
        where = endpoints.front();
        listening.set();
    });
    co_await scope([&](task_group& group) -> task<> {
        group.spawn(echoing.run());
        co_await listening.wait();
        co_await scope([&](task_group& talking) -> task<> {
            for (int i = 0; i < clients; ++i)
                talking.spawn(talk(where, i, answered));
            co_return;
        });
        group.cancel();
    });
}

task<> fail()
{
    co_await yield();
    throw misuse("on purpose");
}

} // namespace

TEST_CASE("a server and its clients run on a caller's io_context, beside Asio's own work, with one thread and with four",
          "[threads]")
{
    for (const unsigned threads : {1U, 4U}) {
        asio::io_context loop;
        context own(make_os_backend(loop, threads == 1 ? loop_threads::one : loop_threads::several));
        int answered = 0;
        bool done = false;
        std::exception_ptr failure;
        own.start(serve_and_talk(50, answered), [&](std::exception_ptr outcome) {
            failure = outcome;
            done = true;
        });
        std::atomic<int> ticks = 0;
        asio::steady_timer timer(loop, 1ms);
        timer.async_wait([&](std::error_code) { ++ticks; });
        std::vector<std::thread> running;
        for (unsigned i = 0; i < threads; ++i)
            running.emplace_back([&] { loop.run(); });
        for (std::thread& each : running)
            each.join();
        CHECK(done);
        CHECK(failure == nullptr);
        CHECK(answered == 250);
        CHECK(ticks == 1);
    }
}

TEST_CASE("a context may end before the loop it is on, with tasks under way: nothing of it runs any more")
{
    asio::io_context loop;
    bool told = false;
    bool after = false;
    {
        context own(make_os_backend(loop, loop_threads::one));
        const auto wait_long = [&]() -> task<> {
            acceptor waiting = co_await listen(tcp("127.0.0.1", 0));
            co_await with_deadline(1h, waiting.accept());
            after = true;
        };
        own.start(wait_long(), [&](std::exception_ptr) { told = true; });
        loop.poll();
        own.start(wait_long(), [&](std::exception_ptr) { told = true; });
    }
    loop.restart();
    loop.poll();
    CHECK_FALSE(told);
    CHECK_FALSE(after);
}

TEST_CASE("a context that ends takes back what its tasks hold, a half-read message too")
{
    asio::io_context loop;
    bool received = false;
    {
        context own(make_os_backend(loop, loop_threads::one));
        const auto read_in_part = [&]() -> task<> {
            acceptor waiting = co_await listen(tcp("127.0.0.1", 0));
            connection near = co_await connect(waiting.local_endpoints().front());
            connection far = co_await waiting.accept();
            co_await near.write("half a line");
            const bytes first = co_await far.read_some(4);
            received = first == "half";
            co_await sleep_for(1h);
        };
        own.start(read_in_part(), [](std::exception_ptr) {});
        while (!received)
            loop.run_one();
    }
    CHECK(received);
}

TEST_CASE("the loop has work while a started task waits for a thread, and what throws at its end is reported", "[threads]")
{
    asio::io_context loop;
    context own(make_os_backend(loop));
    std::vector<std::string> reports;
    own.on_report([&](const report& what) { reports.push_back(what.text); });
    std::atomic<bool> called = false;
    bool later = false;
    const auto call = [&]() -> task<> { co_await run_on_thread([&] { called = true; }); };
    own.start(call(), [](std::exception_ptr) { throw std::runtime_error("on purpose"); });
    loop.run();
    CHECK(called);
    CHECK(reports == std::vector<std::string>{"what is called when a task has ended has thrown"});
    own.start(call(), [&](std::exception_ptr failure) { later = !failure; });
    loop.restart();
    loop.run();
    CHECK(later);
}

TEST_CASE("what a started task throws is given to who started it")
{
    asio::io_context loop;
    context own(make_os_backend(loop));
    std::exception_ptr failure;
    own.start(fail(), [&](std::exception_ptr outcome) { failure = outcome; });
    loop.run();
    REQUIRE(failure);
    CHECK_THROWS_AS(std::rethrow_exception(failure), misuse);
}
