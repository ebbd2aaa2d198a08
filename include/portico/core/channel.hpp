// channel: a bounded queue between tasks of one context.
#pragma once

#include <cstddef>
#include <optional>
#include <portico/core/operation.hpp>
#include <utility>
#include <vector>

namespace portico::inline v0_1 {

/// A queue of at most `capacity` values. Senders wait while it is full, receivers while it is empty, each served in
/// the order in which they came. It outlives the operations that wait for it.
template <class T>
class channel {
public:
    class sending;
    class receiving;

    /// Throws `misuse` where the capacity is 0.
    explicit channel(std::size_t capacity) : capacity_(capacity)
    {
        if (capacity == 0)
            throw misuse("channel: a capacity of 0 would never let a value through");
    }
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;

    /// Completes when the value is in the queue. Fails with `errc::closed` once the channel is closed. A wait that is
    /// cancelled or late has sent nothing.
    [[nodiscard]] sending send(T value) { return sending(*this, std::move(value)); }
    /// Completes with the next value, or with none once the channel is closed and drained. A wait that is cancelled or
    /// late has taken nothing.
    [[nodiscard]] receiving receive() noexcept { return receiving(*this); }

    /// Without waiting: false where it is full, closed, or where others wait to send; `value` is then untouched.
    bool try_send(T&& value)
    {
        if (closed_ || size() >= capacity_ || !senders_.empty())
            return false;
        push(std::move(value));
        return true;
    }
    /// Without waiting: none where it is empty, or where others wait to receive.
    std::optional<T> try_receive()
    {
        return receivers_.empty() ? pop() : std::nullopt;
    }

    /// No more values: senders fail, receivers get what is left and then none. Idempotent.
    void close() noexcept
    {
        closed_ = true;
        senders_.for_each([](sending& each) { each.ready_later(); });
        receivers_.for_each([](receiving& each) { each.ready_later(); });
    }
    bool is_closed() const noexcept { return closed_; } ///< whether `close` was called
    std::size_t size() const noexcept { return values_.size() - taken_; } ///< values in the queue

private:
    struct queue_tag;

    void push(T&& value)
    {
        values_.push_back(std::move(value));
        wake(receivers_);
    }
    std::optional<T> pop()
    {
        if (size() == 0)
            return {};
        std::optional<T> value(std::move(values_[taken_++]));
        if (taken_ * 2 >= values_.size()) { // seldom enough that each value is moved about once
            values_.erase(values_.begin(), values_.begin() + static_cast<std::ptrdiff_t>(taken_));
            taken_ = 0;
        }
        wake(senders_);
        return value;
    }
    // The first in line stays there until it has been served, so that nobody overtakes it.
    template <class Waiting>
    static void wake(detail::intrusive_list<Waiting, queue_tag>& line) noexcept
    {
        if (!line.empty())
            line.front().ready_later();
    }
    template <class Waiting>
    static bool is_first(detail::intrusive_list<Waiting, queue_tag>& line, Waiting& which) noexcept
    {
        return line.empty() || &line.front() == &which;
    }
    // Whoever leaves the line passes on a wake-up that may have been meant for it.
    template <class Waiting>
    static void leave(detail::intrusive_list<Waiting, queue_tag>& line, Waiting& which, bool more) noexcept
    {
        detail::list_node<queue_tag>& link = which;
        if (!link.is_linked())
            return;
        link.unlink();
        if (more)
            wake(line);
    }

    std::size_t capacity_;
    std::vector<T> values_;
    std::size_t taken_ = 0; // how many of them, in front, are gone
    bool closed_ = false;
    detail::intrusive_list<sending, queue_tag> senders_;
    detail::intrusive_list<receiving, queue_tag> receivers_;
};

template <class T>
class channel<T>::sending final : public timed_operation, public detail::list_node<queue_tag> {
public:
    sending(channel& target, T&& value) : target_(target), value_(std::move(value)) {}
    ~sending()
    {
        abandon();
        leave();
    }
    void value() const noexcept {}

private:
    friend class channel;
    bool attempt() noexcept override
    {
        if (target_.closed_)
            fail(errc::closed);
        else if (target_.size() >= target_.capacity_ || !channel::is_first(target_.senders_, *this))
            return false;
        else
            target_.push(std::move(value_));
        leave();
        return true;
    }
    void arm() noexcept override
    {
        if (!detail::list_node<queue_tag>::is_linked())
            target_.senders_.push_back(*this);
    }
    void disarm() noexcept override { leave(); }
    void leave() noexcept
    {
        channel::leave(target_.senders_, *this, target_.size() < target_.capacity_ || target_.closed_);
    }
    error describe(std::error_code code) const override { return {code, "send to a channel", {}, phase::write}; }
    channel& target_;
    T value_;
};

template <class T>
class channel<T>::receiving final : public timed_operation, public detail::list_node<queue_tag> {
public:
    explicit receiving(channel& source) noexcept : source_(source) {}
    ~receiving()
    {
        abandon();
        leave();
    }
    std::optional<T> value() noexcept { return std::move(value_); }

private:
    friend class channel;
    bool attempt() noexcept override
    {
        if (!channel::is_first(source_.receivers_, *this))
            return false;
        value_ = source_.pop();
        if (!value_ && !source_.closed_)
            return false;
        leave();
        return true;
    }
    void arm() noexcept override
    {
        if (!detail::list_node<queue_tag>::is_linked())
            source_.receivers_.push_back(*this);
    }
    void disarm() noexcept override { leave(); }
    void leave() noexcept
    {
        channel::leave(source_.receivers_, *this, source_.size() != 0 || source_.closed_);
    }
    error describe(std::error_code code) const override { return {code, "receive from a channel", {}, phase::read}; }
    channel& source_;
    std::optional<T> value_;
};

} // namespace portico
