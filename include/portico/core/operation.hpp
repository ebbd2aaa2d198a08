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

namespace portico {

/// An awaitable that first tries (`attempt`), and suspends the task only when it would block. It is awaited once, as
/// an rvalue, in a task of the context that its object belongs to. A deadline or a cancellation that ends it abandons
/// the wait: bytes that have not been read stay to be read.
class [[nodiscard]] operation : public detail::timer, public detail::list_node<struct operation_tag> {
public:
    operation(const operation&) = delete;
    operation& operator=(const operation&) = delete;

    /// The time that this operation may take, counted from when it first has to wait, where the object's own timeout
    /// is not shorter.
    void expires_after(duration timeout) noexcept { timeout_ = timeout < timeout_ ? timeout : timeout_; }

    /// The task that awaits it.
    const detail::promise_base* waiting() const noexcept { return waiting_; }

    // What a task calls: see task.hpp.
    bool start(detail::promise_base& task) noexcept;
    void suspend() noexcept;
    /// Throws `cancelled`, or the error, where the operation failed.
    void check() const
    {
        if (state_ != state::complete || failure_ != 0) [[unlikely]]
            raise();
    }
    bool failed() const noexcept { return failure_ != 0 || state_ == state::expired; }
    /// Throws `cancelled` where that is how it ended.
    void check_cancelled() const;
    /// The error, where it failed.
    error failure() const;

    // What its source of readiness and its scope call.
    /// Tries again now, from the event loop, and resumes the task where that completes it.
    void ready() noexcept;
    /// Does the same later, after everything that is ready now.
    void ready_later() noexcept;
    void cancel() noexcept;
    bool is_armed() const noexcept { return armed_; }

protected:
    explicit operation(duration timeout = no_timeout) noexcept : timeout_(timeout) {}
    ~operation() = default;

    /// Tries without blocking; true when it is complete (a failure completes it too: `fail`).
    virtual bool attempt() noexcept = 0;
    /// Asks to be told by `ready` or `ready_later` when another attempt is worthwhile.
    virtual void arm() noexcept = 0;
    /// Takes that back. Also called by a derived destructor for an operation that is destroyed while it waits.
    virtual void disarm() noexcept = 0;
    /// What `failure` says: the operation and its target.
    virtual error describe(std::error_code code) const = 0;

    context& owner() const noexcept;
    /// Abandons the wait of an operation that is being destroyed unfinished, with its task.
    void abandon() noexcept
    {
        if (armed_)
            disarm();
        armed_ = false;
    }
    void fail(int system_error) noexcept { failure_ = system_error; }
    void fail(errc code) noexcept { failure_ = -static_cast<int>(code); }
    /// Awaited in a task of another context than its object's: the await throws `misuse`.
    void fail_misuse() noexcept { failure_ = outside_context; }

    /// Cancellation does not end it (the end of a group, which must wait for its children).
    bool uninterruptible_ = false;

private:
    static constexpr int outside_context = std::numeric_limits<int>::min();
    enum class state : std::uint8_t { fresh, waiting, complete, expired, cancelled };
    void on_expiry() noexcept final;
    void end(state how) noexcept;
    void wait() noexcept;
    [[noreturn]] void raise() const;
    friend class context;

    detail::promise_base* waiting_ = nullptr;
    duration timeout_;
    int failure_ = 0; // an errno value, or an errc negated
    state state_ = state::fresh;
    bool armed_ = false;
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
