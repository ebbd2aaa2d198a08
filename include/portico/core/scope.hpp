// cancel_scope, task_group and scope: structured concurrency. Nothing is detached: a scope ends when its tasks have.
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <portico/core/operation.hpp>
#include <portico/core/task.hpp>
#include <utility>

namespace portico::inline v0_1 {

/// A part of the program that is cancelled as a whole, in the tree of such parts. Once it is cancelled, every await in
/// it (and in the scopes inside it that are not shielded) throws `cancelled`, until it ends.
class cancel_scope : public detail::timer, public detail::list_node<struct scope_tag> {
public:
    /// Whether it is cancelled where a scope around it is (`off`), or not (`on`).
    enum class shielding : bool { off, on };

    /// The outermost one of a context.
    explicit cancel_scope(context& owner) noexcept : owner_(owner) {}
    /// Inside another one; it cancels itself after `timeout`.
    explicit cancel_scope(cancel_scope& parent, duration timeout = no_timeout, shielding shield = shielding::off) noexcept;

    /// Ends every wait in it; the tasks go on to see `cancelled` after what is running now. Idempotent.
    void cancel() noexcept;
    bool is_cancelled() const noexcept { return cancelled_; } ///< whether it, or one around it, was cancelled
    /// Whether it was its own timeout that cancelled it.
    bool has_expired() const noexcept { return expired_; }

    context& owner() const noexcept { return owner_; } ///< whose tasks run in it
    cancel_scope* parent() const noexcept { return parent_; } ///< the scope around it; null for the outermost

    /// Calls `visit(const operation&)` for each operation that waits in it or in a scope inside it.
    template <class F>
    void for_each_waiting(const F& visit)
    {
        waiting_.for_each(visit);
        inner_.for_each([&](cancel_scope& each) { each.for_each_waiting(visit); });
    }

private:
    friend class operation;
    [[gnu::noinline]] void expire_after(duration timeout) noexcept; // most scopes have no timeout
    void on_expiry() noexcept override;

    context& owner_;
    cancel_scope* parent_ = nullptr;
    detail::intrusive_list<operation, operation_tag> waiting_;
    detail::intrusive_list<cancel_scope, scope_tag> inner_;
    bool cancelled_ = false, expired_ = false, shielded_ = false;
};

inline context& operation::owner() const noexcept
{
    return waiting_->scope->owner();
}

/// The tasks that a scope runs side by side. The first that fails cancels the others, and its exception leaves the
/// scope; a later failure goes to the context's reports.
class task_group final : private detail::task_owner {
public:
    class all_ended;

    /// `scope` and `when_all` make them.
    explicit task_group(cancel_scope& parent) noexcept : scope_(parent) {}
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;
    ~task_group();

    /// Starts a task, which runs here and now until it first waits.
    void spawn(task<> child);
    /// Starts the task that `function` returns, and keeps `function` (a lambda with captures) as long as it runs.
    template <class F>
        requires std::same_as<std::invoke_result_t<F&>, task<>>
    void spawn(F function)
    {
        spawn(keep(std::move(function)));
    }

    /// Cancels every task in the group; the scope then ends without an error.
    void cancel() noexcept { scope_.cancel(); }
    /// The same for a group that has what it was for, unless one of it has failed before: what fails on the way out
    /// goes to the reports, and `conclude` throws nothing.
    void finish() noexcept;
    std::size_t size() const noexcept { return size_; } ///< tasks that have not ended
    cancel_scope& scope() noexcept { return scope_; } ///< in which they run

    /// Calls `visit(const detail::promise_base&)` for each task of the group that has not ended.
    template <class F>
    void for_each(F&& visit)
    {
        running_.for_each(visit);
    }

    /// Completes when every task of the group has ended. What `scope` awaits last; cancellation does not end it.
    all_ended join() noexcept;
    /// Rethrows the first failure, or `cancelled` where a scope outside was cancelled.
    void conclude();
    /// Takes note of a failure as if a task of the group had failed with it.
    void fail(std::exception_ptr failure) noexcept;

private:
    template <class F>
    static task<> keep(F function)
    {
        co_await function();
    }
    void on_done(detail::promise_base& ended) noexcept override;

    cancel_scope scope_;
    detail::intrusive_list<detail::promise_base, detail::root_tag> running_;
    std::size_t size_ = 0;
    std::exception_ptr failure_;
    bool finished_ = false;
    operation* joining_ = nullptr;
};

class task_group::all_ended final : public timed_operation {
public:
    explicit all_ended(task_group& group) noexcept : group_(group) { make_uninterruptible(); }
    ~all_ended() { abandon(); }
    void value() const noexcept {}

private:
    bool attempt() noexcept override { return group_.size_ == 0; }
    void arm() noexcept override { group_.joining_ = this; }
    void disarm() noexcept override { group_.joining_ = nullptr; }
    error describe(std::error_code code) const override { return {code, "wait for the tasks of a group"}; }
    task_group& group_;
};

inline task_group::all_ended task_group::join() noexcept
{
    return all_ended(*this);
}

namespace detail {

/// Awaits to the scope of the task that awaits it, at once.
struct current_scope {
    struct awaiter {
        cancel_scope& scope;
        bool await_ready() const noexcept { return true; }
        void await_suspend(std::coroutine_handle<>) const noexcept {}
        cancel_scope& await_resume() const noexcept { return scope; }
    };
    awaiter await_in(promise_base& task) && noexcept { return {*task.scope}; }
};

/// Runs a task inside another scope than that of the task that awaits it.
template <class T>
struct in_scope {
    task<T>& child;
    cancel_scope& scope;
    task_awaiter<T> await_in(promise_base& task) && noexcept { return {child.handle(), task, &scope}; }
};

} // namespace detail

/// Runs `body(group)` and whatever it spawns into the group, and completes when all of them have ended. The first
/// failure cancels the rest and is rethrown; `group.cancel()` ends the scope without an error.
///
/// The tasks of the group must not use locals of `body`: it is a coroutine, and its frame is gone when it has ended,
/// which may be before they have. What `body` captures lives until the scope ends.
///
///     co_await scope([&](task_group& group) -> task<> {
///         group.spawn(reader());
///         co_await writer();
///     });
template <class F>
    requires std::same_as<std::invoke_result_t<F&, task_group&>, task<>>
task<> scope(F body)
{
    cancel_scope& outside = co_await detail::current_scope();
    task_group group(outside);
    try {
        task<> running = body(group);
        co_await detail::in_scope<void>{running, group.scope()};
    } catch (...) {
        group.fail(std::current_exception());
    }
    co_await group.join();
    group.conclude();
}

} // namespace portico
