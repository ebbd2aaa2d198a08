// threads: one server in several contexts, each with a thread.
#include "support/servers.hpp"

#include <atomic>
#include <mutex>
#include <portico/net/proxy_protocol.hpp>
#include <portico/server/session_info.hpp>
#include <set>
#include <thread>

using namespace portico;
using namespace test;

namespace {

/// Tells in which threads it ran.
class thread_names {
public:
    void add()
    {
        const std::lock_guard lock(mutex_);
        seen_.insert(std::this_thread::get_id());
    }
    std::size_t size() const
    {
        const std::lock_guard lock(mutex_);
        return seen_.size();
    }

private:
    mutable std::mutex mutex_;
    std::set<std::thread::id> seen_;
};

server_options with_threads(unsigned count)
{
    server_options options;
    options.threads = count;
    return options;
}

} // namespace

TEST_CASE("with threads the connections are served by several contexts, and counted together", "[threads]")
{
    context own;
    thread_names seen;
    server which(anywhere, [&](connection& peer) -> task<> {
        seen.add();
        co_await hold(peer);
    }, with_threads(4));
    constexpr std::size_t clients = 400;
    const auto test = [&](endpoints where) -> task<> {
        std::size_t rounds = 0;
        do { // which thread accepts is the system's choice
            std::vector<connection> open = co_await connect_several(where, clients);
            for (connection& each : open)
                co_await expect_service(each);
            ++rounds;
        } while (seen.size() < 2);
        while (which.statistics().open != 0)
            co_await sleep_for(1ms);
        CHECK(which.statistics().accepted == clients * rounds);
        CHECK(which.statistics().served + which.statistics().lost == clients * rounds);
    };
    own.run(with_deadline(patience, while_serving(which, test)));
}

TEST_CASE("a server with threads drains in all of them, and its report adds up", "[threads]")
{
    context own;
    server which(anywhere, hold, with_threads(3));
    drain_report report;
    const auto test = [&](endpoints where) -> task<> {
        std::vector<connection> open = co_await connect_several(where, 60);
        while (which.statistics().open != 60)
            co_await sleep_for(1ms);
        std::vector<session_info> sessions = co_await which.connections();
        CHECK(sessions.size() == 60);
        for (const session_info& each : sessions)
            CHECK(each.waits.size() == 1);
        for (std::size_t i = 0; i < 20; ++i) {
            co_await expect_service(open[i]);
            open[i].close();
        }
        while (which.statistics().open != 40)
            co_await sleep_for(1ms);
        report = co_await which.drain(0s, 10s);
        CHECK_FALSE((co_await as_result(connect(where.front()))).has_value());
    };
    own.run(with_deadline(patience, while_serving(which, test)));
    CHECK(report.cancelled == 40);
    CHECK(report.finished + report.aborted == 0);
}

TEST_CASE("the limits hold for all threads together, and reports come to the context of run", "[threads]")
{
    context own;
    std::vector<std::string> reports;
    own.on_report([&](const report& what) { reports.push_back(what.text); });
    server_options options = with_threads(3);
    options.max_connections = 7;
    options.max_connections_per_address = 5;
    server which(anywhere, [](connection& peer) -> task<> {
        co_await hold(peer);
        throw std::runtime_error("told");
    }, options);
    std::atomic<std::size_t> most = 0;
    which.on_accept([&](const connection&) {
        const std::size_t open = which.statistics().open;
        std::size_t before = most;
        while (open > before && !most.compare_exchange_weak(before, open)) {}
    });
    const auto test = [&](endpoints where) -> task<> {
        std::size_t served = 0, refused = 0;
        const auto ask = [&](std::uint8_t last) -> task<> {
            connect_options from;
            from.source = endpoint::ipv4({127, 0, 0, last}, 0);
            connection client = co_await connect(where.front(), from);
            (void)co_await as_result(client.write("now\n"));
            const auto line = co_await as_result(client.read_line());
            ++(line && *line ? served : refused);
        };
        co_await scope([&](task_group& group) -> task<> {
            for (std::uint8_t i = 0; i < 100; ++i)
                group.spawn(ask(static_cast<std::uint8_t>(1 + i % 10)));
            co_return;
        });
        CHECK(served + refused == 100);
        CHECK(served >= 50);
        while (reports.size() < served)
            co_await sleep_for(1ms);
        CHECK(reports.size() == served);
    };
    own.run(with_deadline(patience, while_serving(which, test)));
    CHECK(most <= 7);
}

TEST_CASE("a server with threads that is cancelled, or destroyed unfinished, ends them", "[threads]")
{
    {
        server which(anywhere, hold, with_threads(4));
        context own;
        const auto test = [&](endpoints where) -> task<> {
            std::vector<connection> open = co_await connect_several(where, 20);
            while (which.statistics().open != 20)
                co_await sleep_for(1ms);
        };
        own.run(with_deadline(patience, while_serving(which, test)));
        CHECK(which.statistics().open == 0);
    }
    server which(anywhere, hold, with_threads(4));
    {
        context own;
        own.start(which.run(), [](const std::exception_ptr&) {});
        const auto wait = [&]() -> task<> {
            event listening;
            which.on_listening([&](const std::vector<endpoint>&) { listening.set(); });
            co_await listening.wait();
        };
        own.run(with_deadline(patience, wait()));
    }
    SUCCEED();
}

TEST_CASE("a server with threads that has ended has no connections", "[threads]")
{
    context own;
    server which(anywhere, hold, with_threads(2));
    const auto test = [&](endpoints where) -> task<> {
        connection client = co_await connect(where.front());
        (void)co_await which.drain(0s, 0s);
    };
    own.run(with_deadline(patience, while_serving(which, test)));
    CHECK(own.run(which.connections()).empty());
    CHECK(own.run(which.drain(0s, 0s)).aborted == 0);
}

TEST_CASE("threads are of the system: a server in memory with several says so")
{
    memory_world world;
    server which(anywhere, hold, with_threads(2));
    CHECK_THROWS_AS(world.own.run(which.run()), error);
}
