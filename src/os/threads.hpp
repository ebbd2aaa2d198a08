// threads: functions that block, on a few threads, none of which is ever waited for.
#pragma once

#include <cstddef>
#include <memory>
#include <portico/core/function.hpp>
#include <system_error>

namespace portico::inline v0_1::os {

/// Threads are started when there is something to run, at most so many at a time; each ends when nothing is left. Further
/// functions wait for one to end.
class threads {
public:
    explicit threads(std::size_t most);
    threads(const threads&) = delete;
    threads& operator=(const threads&) = delete;
    /// Functions that have not begun are dropped; those that run end when they end.
    ~threads();

    /// Calls it on one of the threads. Fails where none can be started.
    std::error_code run(unique_function<void()> function);

private:
    struct shared;
    std::shared_ptr<shared> shared_;
};

} // namespace portico::os
