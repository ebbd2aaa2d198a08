// task: the coroutine type of the library. Lazy, move-only, awaited once.
#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <optional>
#include <portico/core/operation.hpp>
#include <portico/core/promise.hpp>
#include <utility>

namespace portico::inline v0_1 {

template <class T = void>
class task;

namespace detail {

template <class T>
class task_result {
public:
    // Out of line because of GCC 12 (docs/gcc12.md): inlined, its SLP vectorizer hands on stale copies of a local that
    // a loop has built.
    template <class U>
        requires std::convertible_to<U, T>
    [[gnu::noinline]] void return_value(U&& value)
    {
        value_.emplace(std::forward<U>(value));
    }
    void unhandled_exception() noexcept { failure_ = std::current_exception(); }
    std::exception_ptr failure() const noexcept { return failure_; }
    T take()
    {
        if (failure_)
            std::rethrow_exception(std::move(failure_));
        return std::move(*value_);
    }

private:
    std::exception_ptr failure_;
    std::optional<T> value_;
};

template <>
class task_result<void> {
public:
    void return_void() const noexcept {}
    void unhandled_exception() noexcept { failure_ = std::current_exception(); }
    std::exception_ptr failure() const noexcept { return failure_; }
    void take()
    {
        if (failure_)
            std::rethrow_exception(std::move(failure_));
    }

private:
    std::exception_ptr failure_;
};

template <class T>
struct task_promise;

template <class T>
struct task_awaiter {
    std::coroutine_handle<task_promise<T>> child;
    promise_base& parent;
    cancel_scope* scope;

    bool await_ready() const noexcept { return false; }
    // Runs the child here until it ends or waits. While it waits, `resume` finds the way back through its parent.
    bool await_suspend(std::coroutine_handle<>) const
    {
        child.promise().parent = &parent;
        child.promise().scope = scope;
        child.resume();
        return !child.done();
    }
    T await_resume() const { return child.promise().take(); }
};

/// Something else that a task can await: it makes its awaiter from the task's promise.
template <class Awaitable>
concept awaitable_with_task = requires(Awaitable&& awaitable, promise_base& task) {
    std::forward<Awaitable>(awaitable).await_in(task);
};

template <class T>
struct task_promise : promise_base, task_result<T> {
    task<T> get_return_object() noexcept;

    template <class U>
    task_awaiter<U> await_transform(task<U>&& child, std::source_location at = std::source_location::current()) noexcept
    {
        where = at;
        return {child.handle(), *this, scope};
    }
    template <std::derived_from<operation> Operation>
    operation_awaiter<Operation> await_transform(Operation&& awaited,
                                                 std::source_location at = std::source_location::current()) noexcept
    {
        where = at;
        return {awaited, *this};
    }
    template <awaitable_with_task Awaitable>
    auto await_transform(Awaitable&& awaitable, std::source_location at = std::source_location::current()) noexcept
    {
        where = at;
        return std::forward<Awaitable>(awaitable).await_in(*this);
    }
};

} // namespace detail

/// A coroutine that starts when it is awaited, runs in the context and the scope of the task that awaits it, and hands
/// its value or its exception to it. Destroying a task that has not ended destroys what it holds and abandons what it
/// waits for.
template <class T>
class [[nodiscard]] task {
public:
    using promise_type = detail::task_promise<T>; ///< what makes a function that returns a task a coroutine
    using value_type = T; ///< what awaiting it gives

    /// Takes the coroutine over; `other` is then empty, and can only be destroyed.
    task(task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    /// Exchanges the two.
    task& operator=(task&& other) noexcept
    {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~task()
    {
        if (handle_)
            handle_.destroy();
    }

    /// The coroutine, and giving up its ownership: for what starts tasks in another way than awaiting them.
    std::coroutine_handle<promise_type> handle() const noexcept { return handle_; }
    /// Whoever calls it destroys the coroutine.
    std::coroutine_handle<promise_type> release() noexcept { return std::exchange(handle_, {}); }

private:
    friend promise_type;
    explicit task(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}
    std::coroutine_handle<promise_type> handle_;
};

template <class T>
task<T> detail::task_promise<T>::get_return_object() noexcept
{
    static_assert(alignof(task_promise) == alignof(promise_base), "the value of a task is over-aligned");
    return task<T>(std::coroutine_handle<task_promise>::from_promise(*this));
}

} // namespace portico
