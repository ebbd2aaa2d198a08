// run_in: a task in another context, awaited in this one.
#pragma once

#include <portico/core/foreign_operation.hpp>

namespace portico::inline v0_1 {

namespace detail {

/// The scope of a task that is cancelled from elsewhere. Used in the sequence of the task alone.
struct remote_scope {
    cancel_scope* entered = nullptr;
    bool requested = false;

    void cancel() noexcept
    {
        requested = true;
        if (entered != nullptr)
            entered->cancel();
    }
};

/// Runs a task in a scope of its own, which `remote` cancels.
template <class T>
task<T> run_in_remote_scope(std::shared_ptr<remote_scope> remote, task<T> work)
{
    cancel_scope scope(co_await current_scope());
    struct leaving {
        remote_scope& left;
        ~leaving() { left.entered = nullptr; }
    } const leave{*remote};
    remote->entered = &scope;
    if (remote->requested)
        scope.cancel();
    co_return co_await in_scope<T>{work, scope};
}

/// What is the same for every type of value.
class remote_wait : public foreign_operation {
protected:
    /// What both contexts have. `how` and the value are the other's until it has ended.
    struct shared : link, remote_scope {
        enum class outcome : unsigned char { none, ended, cancelled } how = outcome::none;
    };
    remote_wait(context& other, std::shared_ptr<shared> made) noexcept
        : foreign_operation(made), other_(other), shared_(std::move(made)) {}
    ~remote_wait() { interrupt(); }

    /// The task, which fills what is shared.
    virtual task<> make_task() = 0;

private:
    void begin() noexcept final;
    void conclude() noexcept final;
    void interrupt() noexcept final;
    error describe(std::error_code code) const final { return {code, "run in another context", {}, phase::total}; }

    context& other_;
    std::shared_ptr<shared> shared_;
    unique_function<void(unique_function<void()>)> post_there_;
    bool interrupted_ = false;
    int refused_ = 0;
};

template <class F>
class running_in final : public remote_wait {
public:
    using value_type = typename std::invoke_result_t<F&>::value_type;

    running_in(context& other, F function) : running_in(other, std::move(function), std::make_shared<state>()) {}
    value_type value() { return state_->result.take(); }

private:
    struct state : shared {
        task_result<value_type> result;
    };
    running_in(context& other, F function, std::shared_ptr<state> made)
        : remote_wait(other, made), function_(std::move(function)), state_(std::move(made)) {}
    task<> make_task() override { return run(state_, std::move(function_)); }

    static task<> run(std::shared_ptr<state> own, F function)
    {
        try {
            if constexpr (std::is_void_v<value_type>)
                co_await run_in_remote_scope<void>(own, function());
            else
                own->result.return_value(co_await run_in_remote_scope<value_type>(own, function()));
            own->how = shared::outcome::ended;
        } catch (const cancelled&) {
            own->how = shared::outcome::cancelled;
        } catch (...) {
            own->result.unhandled_exception();
            own->how = shared::outcome::ended;
        }
    }

    F function_;
    std::shared_ptr<state> state_;
};

} // namespace detail

/// `auto answer = co_await run_in(other, [&] { return ask(question); });`: sends work to another context, on whatever
/// thread that runs. `function` is moved there, called in its sequence, and the task that it returns runs there;
/// completes with what that returns or throws. `other` outlives this.
///
/// A cancellation or a deadline here cancels the task there and waits until it has ended, so that it may refer to what
/// this task holds; only destroying this task does not wait. Where the other context is cancelled or destroyed, it fails
/// with `std::errc::operation_canceled` (once a loop of the caller's, in which it has not begun, runs again or is gone).
/// A `memory_backend` does not know of work in a context on another thread, and throws when nothing else can happen.
template <class F>
[[nodiscard]] detail::running_in<F> run_in(context& other, F function)
{
    return detail::running_in<F>(other, std::move(function));
}

} // namespace portico
