// run_on_thread: a call that blocks, beside the event loop.
#pragma once

#include <portico/core/foreign_operation.hpp>
#include <type_traits>

namespace portico::inline v0_1 {

namespace detail {

/// A function on a thread. It never runs once this is destroyed, which waits for one that runs.
class thread_call : public foreign_operation {
protected:
    thread_call();
    ~thread_call() = default;
    /// Sees to it that `call` neither runs nor will: for the derived destructor.
    void join() noexcept;
    /// Called on the thread.
    virtual void call() noexcept = 0;

private:
    struct shared;
    explicit thread_call(std::shared_ptr<shared> made) noexcept;
    void begin() noexcept final;
    void conclude() noexcept final;
    void interrupt() noexcept final;
    error describe(std::error_code code) const final { return {code, "run a function on a thread", {}, phase::total}; }

    std::shared_ptr<shared> shared_;
    int refused_ = 0; // why there is no thread
};

template <class F>
class calling final : public thread_call {
public:
    using value_type = std::invoke_result_t<F&>;

    explicit calling(F function) : function_(std::move(function)) {}
    ~calling() { join(); }
    value_type value() { return result_.take(); }

private:
    void call() noexcept override
    {
        try {
            if constexpr (std::is_void_v<value_type>)
                function_();
            else
                result_.return_value(function_());
        } catch (...) {
            result_.unhandled_exception();
        }
    }
    F function_;
    task_result<value_type> result_;
};

} // namespace detail

/// `auto text = co_await run_on_thread([&] { return read_slowly(path); });`: calls a function that blocks on a thread of
/// the backend's (at most 64 at a time; further ones wait), and completes with what it returns or throws. On a
/// `memory_backend` the loop calls it.
///
/// A call cannot be interrupted: a cancellation or a deadline ends one that has not begun, and else waits for it, so that
/// it may use what the task holds. So does destroying the task or the context.
template <class F>
    requires std::is_invocable_v<F&>
[[nodiscard]] detail::calling<F> run_on_thread(F function)
{
    return detail::calling<F>(std::move(function));
}

} // namespace portico
