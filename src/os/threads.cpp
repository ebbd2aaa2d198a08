// threads: a queue, and what takes from it.
#include "threads.hpp"

#include <deque>
#include <mutex>
#include <new>
#include <thread>

namespace portico::inline v0_1::os {

struct threads::shared {
    explicit shared(std::size_t limit) noexcept : most(limit) {}

    static void run(const std::shared_ptr<shared>& own, unique_function<void()> next)
    {
        for (;;) {
            next();
            next = {};
            const std::lock_guard lock(own->mutex);
            if (own->waiting.empty()) {
                --own->running;
                return;
            }
            next = std::move(own->waiting.front());
            own->waiting.pop_front();
        }
    }

    std::mutex mutex;
    std::deque<unique_function<void()>> waiting;
    std::size_t running = 0;
    const std::size_t most;
};

threads::threads(std::size_t most) : shared_(std::make_shared<shared>(most)) {}

threads::~threads()
{
    std::deque<unique_function<void()>> dropped; // destroyed without the lock
    const std::lock_guard lock(shared_->mutex);
    dropped.swap(shared_->waiting);
}

std::error_code threads::run(unique_function<void()> function)
{
    {
        const std::lock_guard lock(shared_->mutex);
        if (shared_->running == shared_->most) {
            shared_->waiting.push_back(std::move(function));
            return {};
        }
        ++shared_->running;
    }
    // A thread costs little beside what blocks, and idle ones would have to be kept and ended. Detached, because what
    // blocks cannot be interrupted and must not hold up the end of the program.
    std::error_code failure;
    try {
        const auto starting = std::make_shared<unique_function<void()>>(std::move(function));
        std::thread([own = shared_, starting] { shared::run(own, std::move(*starting)); }).detach();
        return {};
    } catch (const std::system_error& refused) {
        failure = refused.code();
    } catch (const std::bad_alloc&) {
        failure = std::make_error_code(std::errc::not_enough_memory);
    }
    const std::lock_guard lock(shared_->mutex);
    --shared_->running;
    return failure;
}

} // namespace portico::os
