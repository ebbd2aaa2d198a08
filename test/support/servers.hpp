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
