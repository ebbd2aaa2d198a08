// operation: the base of everything that a task awaits and that can suspend it: reads, writes, sleeps, events.
#pragma once

#include <cstdint>
#include <limits>
#include <portico/core/cancellation.hpp>
#include <portico/core/promise.hpp>
#include <portico/core/timer.hpp>
#include <portico/error.hpp>
#include <string>
#include <utility>

namespace portico::inline v0_1 {

/// An awaitable that first tries (`attempt`), and suspends the task only when it would block. It is awaited once, as
/// an rvalue, in a task of the context that its object belongs to. A deadline or a cancellation that ends it abandons
/// the wait: bytes that have not been read stay to be read.
class [[nodiscard]] operation : public detail::list_node<struct operation_tag> {
public:
    operation(const operation&) = delete;
    operation& operator=(const operation&) = delete;

    /// The time that this operation may take, counted from when it first has to wait, where the object's own timeout
    /// is not shorter.
    void expires_after(duration timeout) noexcept { timeout_ = timeout < timeout_ ? timeout : timeout_; }
    /// When it expires, once it waits; `time_point::max()` for never.
    time_point deadline() const noexcept
    {
        return waited_ && timeout_ != no_timeout ? add(since_, timeout_) : time_point::max();
    }
    /// When it first had to wait, once it does.
    time_point since() const noexcept { return since_; }
    /// What it is, on what: `read from 127.0.0.1:50123`.
    std::string description() const;

    /// The task that awaits it.
    const detail::promise_base* waiting() const noexcept { return waiting_; }

    // What a task calls: see task.hpp.
    /// Tries at once; true where that completed it, and the task goes on.
    bool start(detail::promise_base& task) noexcept;
    /// Waits, after `start` has returned false.
    void suspend() noexcept;
    /// Throws `cancelled`, or the error, where the operation failed.
    void check() const
    {
        if (state_ != state::complete || failure_ != 0) [[unlikely]]
            raise();
    }
    /// Whether it has failed or is late.
    bool failed() const noexcept { return failure_ != 0 || state_ == state::expired; }
    /// Throws `cancelled` where that is how it ended, and `misuse` where it never began.
    void check_cancelled() const;
    /// The error, where it failed.
    error failure() const;

    // What its source of readiness and its scope call.
    /// Tries again now, from the event loop, and resumes the task where that completes it.
    void ready() noexcept;
    /// Does the same later, after everything that is ready now.
    void ready_later() noexcept;
    void cancel() noexcept; ///< ends the wait: the await throws `cancelled`
    void expire() noexcept; ///< ends the wait: the await fails with `errc::timed_out`
    bool is_armed() const noexcept { return armed_; } ///< whether it waits to be told
    /// Whether its task may be destroyed now: false where something elsewhere uses what the task holds.
    virtual bool is_abandonable() const noexcept { return true; }

protected:
    /// With the timeout of the object it is an operation of.
    explicit operation(duration timeout = no_timeout) noexcept : timeout_(timeout) {}
    ~operation() = default;

    /// Tries without blocking; true when it is complete (a failure completes it too: `fail`).
    virtual bool attempt() noexcept = 0;
    /// Asks to be told by `ready` or `ready_later` when another attempt is worthwhile.
    virtual void arm() noexcept = 0;
    /// Takes that back, also where it has been told but has not run since. Called too by a derived destructor for an
    /// operation that is destroyed while it waits.
    virtual void disarm() noexcept = 0;
    /// Has `expire` called when the deadline has come. Called once, when it first waits. Returns whether that has to be
    /// taken back, by `unwatch_deadline`, when it ends earlier.
    virtual bool watch_deadline() noexcept = 0;
    virtual void unwatch_deadline() noexcept {} ///< takes back what `watch_deadline` did
    /// What `failure` says: the operation and its target.
    virtual error describe(std::error_code code) const = 0;

    /// The context it is awaited in.
    inline context& owner() const noexcept; // scope.hpp
    /// Abandons the wait: of an operation that is late or cancelled, or destroyed unfinished, with its task.
    void abandon() noexcept
    {
        if (armed_)
            disarm();
        armed_ = false;
    }
    void fail(int system_error) noexcept { failure_ = system_error; } ///< completes it with an errno value
    void fail(errc code) noexcept { failure_ = -static_cast<int>(code); } ///< the same with ours
    /// Awaited in a task of another context than its object's: the await throws `misuse`.
    void fail_misuse() noexcept { failure_ = outside_context; }

    /// A cancellation or a deadline ends it: the await throws `cancelled`, or fails with `errc::timed_out`.
    void fail_interrupted() noexcept;

    /// From now on neither cancellation nor a deadline ends it: `interrupt` is called in place of that.
    void make_uninterruptible() noexcept { uninterruptible_ = true; }
    /// Called at each of them, from where nobody may be resumed; does nothing where there is nothing but to wait.
    virtual void interrupt() noexcept {}

private:
    static constexpr int outside_context = std::numeric_limits<int>::min(), interrupted = outside_context + 1;
    enum class state : std::uint8_t { fresh, waiting, complete, expired, cancelled };
    void end(state how) noexcept;
    void wait() noexcept;
    [[noreturn]] void raise() const;
    friend class context;

    detail::promise_base* waiting_ = nullptr;
    duration timeout_;
    time_point since_{};
    int failure_ = 0; // an errno value, or an errc negated
    state state_ = state::fresh;
    bool armed_ : 1 = false, waited_ : 1 = false, watched_ : 1 = false, uninterruptible_ : 1 = false;
};

/// An operation with a timer of its own for its deadline: every one but those of connections, which share one.
class timed_operation : public operation, private detail::timer {
protected:
    using operation::operation;
    ~timed_operation() = default;

private:
    bool watch_deadline() noexcept final;
    void unwatch_deadline() noexcept final { timer::unset(); }
    void on_expiry() noexcept final { expire(); }
};

namespace detail {

template <class Operation>
struct operation_awaiter {
    Operation& awaited;
    promise_base& task;

    bool await_ready() noexcept { return awaited.start(task); }
    void await_suspend(std::coroutine_handle<>) noexcept { awaited.suspend(); }
    decltype(auto) await_resume()
    {
        awaited.check();
        return awaited.value();
    }
};

} // namespace detail
} // namespace portico
