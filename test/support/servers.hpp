// servers: running a server beside the body of a test, on the operating system or in memory.
#pragma once

#include "support/streams.hpp"

#include <functional>
#include <portico/server/client.hpp>
#include <portico/server/server.hpp>

namespace test {

/// Runs `which` while `body(endpoints)`, a task, runs, with the endpoints at which it listens; then cancels it.
template <class Body>
portico::task<> while_serving(portico::server& which, const Body& body)
{
    portico::event listening;
    std::vector<portico::endpoint> where;
    which.on_listening([&](const std::vector<portico::endpoint>& endpoints) {
        where = endpoints;
        listening.set();
    });
    co_await portico::scope([&](portico::task_group& group) -> portico::task<> {
        group.spawn(which.run());
        co_await listening.wait();
        co_await body(where);
        group.cancel();
    });
}

using endpoints = const std::vector<portico::endpoint>&;

inline const portico::address anywhere = portico::tcp("127.0.0.1", 0);

/// A handler that holds the connection until the client says a line or ends.
inline portico::task<> hold(portico::connection& peer)
{
    const auto line = co_await peer.read_line();
    if (line)
        co_await peer.write("served\n");
}

/// Says the line for which `hold` waits, and wants its answer.
inline portico::task<> expect_service(portico::connection& client)
{
    co_await client.write("now\n");
    const auto line = co_await client.read_line();
    REQUIRE(line);
    CHECK(line->text() == "served");
}

/// Connects `count` times, to each of the endpoints in turn.
inline portico::task<std::vector<portico::connection>> connect_several(endpoints where, std::size_t count)
{
    std::vector<portico::connection> made;
    while (made.size() < count)
        made.push_back(co_await portico::connect(where[made.size() % where.size()]));
    co_return made;
}

/// A context in memory whose clock stands still until the test moves it, and the reports that it got.
class memory_world {
public:
    memory_world() : memory_world(std::make_unique<portico::memory_backend>()) {}

    std::vector<std::string> reports;
    portico::memory_backend& memory;
    portico::context own;

private:
    explicit memory_world(std::unique_ptr<portico::memory_backend> outside) : memory(*outside), own(std::move(outside))
    {
        own.on_report([this](const portico::report& what) { reports.push_back(what.text); });
    }
};

} // namespace test
