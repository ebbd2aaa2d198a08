// run_on_thread: who has the call, the thread or the wait, is decided by one exchange.
#include <portico/core/run_on_thread.hpp>

#include <atomic>
#include <cerrno>
#include <new>

namespace portico::inline v0_1::detail {

struct thread_call::shared : link {
    enum class stage : int { queued, running, over };

    /// Takes it out of the queue; false where it is running or over.
    bool revoke() noexcept
    {
        stage expected = stage::queued;
        return now.compare_exchange_strong(expected, stage::over);
    }
    static void run(const std::shared_ptr<shared>& own) noexcept
    {
        stage expected = stage::queued;
        if (!own->now.compare_exchange_strong(expected, stage::running))
            return;
        own->work->call();
        own->now = stage::over; // `work` may be gone from here on
        own->now.notify_all();
        own->post([own] { own->end(); });
    }

    std::atomic<stage> now = stage::queued;
    thread_call* work = nullptr;
    unique_function<void(unique_function<void()>)> post;
};

thread_call::thread_call() : thread_call(std::make_shared<shared>()) {}

thread_call::thread_call(std::shared_ptr<shared> made) noexcept : foreign_operation(made), shared_(std::move(made))
{
    shared_->work = this;
}

void thread_call::begin() noexcept
{
    try {
        shared_->post = owner().backend().poster();
        const result<void> started = owner().backend().run_on_thread([own = shared_] { shared::run(own); });
        if (!started)
            refused_ = started.error().code().value();
    } catch (const std::bad_alloc&) {
        refused_ = ENOMEM;
    }
    if (refused_ != 0)
        shared_->end();
}

void thread_call::conclude() noexcept
{
    if (refused_ != 0)
        fail(refused_);
    else if (shared_->work == nullptr)
        fail_interrupted();
}

void thread_call::interrupt() noexcept
{
    if (!shared_->revoke())
        return;
    shared_->work = nullptr;
    end_later();
}

void thread_call::join() noexcept
{
    if (has_begun() && !shared_->revoke())
        shared_->now.wait(shared::stage::running);
}

} // namespace portico::detail
