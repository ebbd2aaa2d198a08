// event: a flag that tasks of one context wait for.
#pragma once

#include <portico/core/operation.hpp>

namespace portico::inline v0_1 {

/// A flag. `co_await happened.wait()` completes at once while it is set, else when it is set. It outlives its waits.
class event {
public:
    class waiting;

    event() = default;
    event(const event&) = delete;
    event& operator=(const event&) = delete;

    bool is_set() const noexcept { return set_; } ///< whether `wait` completes at once
    /// Wakes every task that waits; they run after what is running now, whatever becomes of the flag meanwhile.
    void set() noexcept;
    void reset() noexcept { set_ = false; } ///< unsets it: waits wait again
    /// Completes when it is set. A wait that is cancelled or late changes nothing.
    [[nodiscard]] waiting wait() noexcept;

private:
    detail::intrusive_list<waiting, struct event_tag> waiting_;
    bool set_ = false;
};

class event::waiting final : public timed_operation, public detail::list_node<event_tag> {
public:
    explicit waiting(event& awaited) noexcept : awaited_(awaited) {}
    ~waiting() { abandon(); }
    void value() const noexcept {}

private:
    friend class event;
    bool attempt() noexcept override { return awaited_.set_ || woken_; }
    void arm() noexcept override { awaited_.waiting_.push_back(*this); }
    void disarm() noexcept override { list_node<event_tag>::unlink(); }
    error describe(std::error_code code) const override { return {code, "wait for an event", {}, phase::total}; }
    event& awaited_;
    bool woken_ = false;
};

inline event::waiting event::wait() noexcept
{
    return waiting(*this);
}

inline void event::set() noexcept
{
    set_ = true;
    while (!waiting_.empty()) {
        waiting& each = waiting_.pop_front();
        each.woken_ = true;
        each.ready_later();
    }
}

} // namespace portico
