// worker: a thread with a context of its own, for as long as the object lives.
#pragma once

#include <portico/core/context.hpp>
#include <portico/core/event.hpp>
#include <thread>

namespace portico::inline v0_1::detail {

class worker {
public:
    /// Its reports become those of `main`. Throws std::system_error where there can be no thread.
    explicit worker(context& main)
    {
        own_.on_report([&main, post = main.backend().poster()](const report& what) {
            post([&main, what] { main.report(what); });
        });
        thread_ = std::thread([this] { own_.run(wait_for_the_end()); });
    }
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;
    ~worker()
    {
        own_.backend().poster()([this] { stopped_.set(); });
        thread_.join();
    }

    context& own() noexcept { return own_; }

private:
    task<> wait_for_the_end() { co_await stopped_.wait(); }

    event stopped_;
    context own_;
    std::thread thread_;
};

} // namespace portico::detail
