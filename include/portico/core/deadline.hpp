// with_deadline, shield, as_result, sleep_for, yield: how long an await may take, and how its failure arrives.
#pragma once

#include <portico/core/context.hpp>

namespace portico::inline v0_1 {

namespace detail {

/// An operation that lives in the same expression.
template <class Operation>
struct operation_reference {
    Operation& referred;
    operation_awaiter<Operation> await_in(promise_base& task) && noexcept { return {referred, task}; }
};

template <class Operation>
using operation_value = std::remove_cvref_t<decltype(std::declval<Operation&>().value())>;

template <class Operation>
struct result_of {
    Operation& referred;
    struct awaiter {
        Operation& awaited;
        promise_base& task;
        bool await_ready() noexcept { return awaited.start(task); }
        void await_suspend(std::coroutine_handle<>) noexcept { awaited.suspend(); }
        result<operation_value<Operation>> await_resume()
        {
            awaited.check_cancelled();
            if (awaited.failed())
                return awaited.failure();
            try {
                if constexpr (std::is_void_v<operation_value<Operation>>) {
                    awaited.value();
                    return {};
                } else {
                    return awaited.value();
                }
            } catch (const error& failure) {
                return failure;
            }
        }
    };
    awaiter await_in(promise_base& task) && noexcept { return {referred, task}; }
};

/// A task that awaits an operation of the expression in which the task itself is awaited.
template <class Operation>
task<operation_value<Operation>> as_task(operation_reference<Operation> reference)
{
    co_return co_await std::move(reference);
}
template <std::derived_from<operation> Operation>
task<operation_value<Operation>> as_task(Operation&& awaited)
{
    return as_task(operation_reference<Operation>{awaited});
}
template <class T>
task<T> as_task(task<T>&& work)
{
    return std::move(work);
}

template <class Awaitable>
using task_of = decltype(as_task(std::declval<Awaitable>()));

template <class T>
task<T> run_in_scope_for(duration timeout, cancel_scope::shielding shield, task<T> work)
{
    cancel_scope scope(co_await current_scope(), timeout, shield);
    try {
        co_return co_await in_scope<T>{work, scope};
    } catch (const cancelled&) {
        if (!scope.has_expired())
            throw;
    }
    throw error(errc::timed_out, "run a task with a deadline", {}, phase::total);
}

class sleeping final : public timed_operation {
public:
    explicit sleeping(duration length) noexcept : length_(length) {}
    ~sleeping() { abandon(); }
    void value() const noexcept {}

private:
    class alarm final : public detail::timer {
    public:
        explicit alarm(sleeping& sleeper) noexcept : sleeper_(sleeper) {}

    private:
        void on_expiry() noexcept override { sleeper_.ready_later(); }
        sleeping& sleeper_;
    };
    bool attempt() noexcept override;
    void arm() noexcept override;
    void disarm() noexcept override;
    error describe(std::error_code code) const override { return {code, "sleep", {}, phase::total}; }

    duration length_;
    time_point until_ = time_point::min();
    alarm alarm_{*this};
};

class yielding final : public timed_operation {
public:
    yielding() = default;
    ~yielding() { abandon(); }
    void value() const noexcept {}

private:
    bool attempt() noexcept override { return std::exchange(yielded_, true); }
    void arm() noexcept override { ready_later(); }
    void disarm() noexcept override {}
    error describe(std::error_code code) const override { return {code, "yield", {}, phase::total}; }
    bool yielded_ = false;
};

} // namespace detail

/// `co_await with_deadline(5s, connection.read_some())`: the operation may take no longer (a shorter timeout of the
/// object itself still holds). Late, it fails with `errc::timed_out` and the phase it was in; nothing is lost by that.
template <std::derived_from<operation> Operation>
[[nodiscard]] detail::operation_reference<Operation> with_deadline(duration timeout, Operation&& awaited) noexcept
{
    awaited.expires_after(timeout);
    return {awaited};
}

/// The same for a task and all that it awaits. Late, everything in it is cancelled, and when it has ended the await
/// fails with `errc::timed_out`, phase `total`. A task that ends in spite of the cancellation counts as having ended.
template <class T>
[[nodiscard]] task<T> with_deadline(duration timeout, task<T> work)
{
    return detail::run_in_scope_for(timeout, cancel_scope::shielding::off, std::move(work));
}

/// Runs an operation or a task to its end although the scope around it may be cancelled, but for `timeout` at most:
/// for what has to be done on the way out. Late, it fails with `errc::timed_out`.
template <class Awaitable>
[[nodiscard]] detail::task_of<Awaitable> shield(duration timeout, Awaitable&& work)
{
    return detail::run_in_scope_for(timeout, cancel_scope::shielding::on,
                                    detail::as_task(std::forward<Awaitable>(work)));
}

/// `auto outcome = co_await as_result(op)`: the error arrives as a value. Only `cancelled` is thrown, because it ends
/// the scope, and no outcome of the operation does.
template <std::derived_from<operation> Operation>
[[nodiscard]] detail::result_of<Operation> as_result(Operation&& awaited) noexcept
{
    return {awaited};
}
/// The same with a deadline: `as_result(with_deadline(5s, op))`.
template <class Operation>
[[nodiscard]] detail::result_of<Operation> as_result(detail::operation_reference<Operation> reference) noexcept
{
    return {reference.referred};
}
/// For a task: what it throws and is a `portico::error` arrives as a value, the rest is thrown.
template <class T>
[[nodiscard]] task<result<T>> as_result(task<T> work)
{
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::move(work);
            co_return result<T>();
        } else {
            co_return result<T>(co_await std::move(work));
        }
    } catch (const error& failure) {
        co_return result<T>(failure);
    }
}

/// Completes after `length`, as precisely as the clock allows.
[[nodiscard]] inline detail::sleeping sleep_for(duration length) noexcept
{
    return detail::sleeping(length);
}

/// Lets everything else that is ready run first.
[[nodiscard]] inline detail::yielding yield() noexcept
{
    return {};
}

} // namespace portico
