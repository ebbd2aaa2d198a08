// run_in_memory: runs the body of a test as a task over the memory backend, whose clock stands still until it is moved.
#pragma once

#include <chrono>
#include <memory>
#include <portico/core/context.hpp>
#include <portico/memory/memory_backend.hpp>

namespace test {

/// `run_in_memory([&](context& own, memory_backend& outside) -> task<> { ... })`; returns what the task returns.
template <class Body>
auto run_in_memory(Body body)
{
    auto backend = std::make_unique<portico::memory_backend>();
    portico::memory_backend& outside = *backend;
    portico::context own(std::move(backend));
    return own.run(body(own, outside));
}

} // namespace test
