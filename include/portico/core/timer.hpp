// timer and timer_wheel: every deadline of a context, in one structure. Knows no clock: it is told the time.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <portico/core/intrusive_list.hpp>

namespace portico::inline v0_1 {

using duration = std::chrono::steady_clock::duration;     ///< of every backend's clock, which is monotonic
using time_point = std::chrono::steady_clock::time_point; ///< an instant of it

/// As a timeout: none, wait for ever.
inline constexpr duration no_timeout = duration::max();

/// `instant + length`, or the last instant where that lies beyond it.
inline time_point add(time_point instant, duration length) noexcept
{
    return length < time_point::max() - instant ? instant + length : time_point::max();
}

/// What is left until an instant, at least 0; `no_timeout` where that is the last instant.
inline duration time_left(time_point until, time_point now) noexcept
{
    return until == time_point::max() ? no_timeout : until > now ? until - now : duration(0);
}

namespace detail {

/// Something that wants to be told when an instant has come. Linked into at most one wheel; destruction unlinks.
class timer : public list_node<struct timer_tag> {
public:
    time_point expiry() const noexcept { return expiry_; }
    bool is_set() const noexcept { return is_linked(); }
    /// The slot that this may leave empty is cleared when its time comes.
    void unset() noexcept { unlink(); }

protected:
    timer() = default;
    ~timer() = default;

private:
    friend class timer_wheel;
    virtual void on_expiry() noexcept = 0;
    time_point expiry_{};
};

/// A hierarchical timing wheel: setting and unsetting a timer take constant time whatever their number, and expiry is
/// exact (a slot is only a bucket of about a millisecond; the order within it is by the instants themselves).
class timer_wheel {
public:
    explicit timer_wheel(time_point now) noexcept;

    /// Sets a timer that is not set. An instant in the past expires at the next `advance`.
    void set(timer& which, time_point expiry) noexcept;

    /// Expires every timer whose instant is `now` or before, earlier slots first.
    void advance(time_point now) noexcept;

    /// No timer expires before this instant; `time_point::max()` where none is set. It may be early, never late.
    time_point next() const noexcept;

private:
    static constexpr int slot_bits = 6, slots = 1 << slot_bits, levels = 8; // for the 43 bits of a tick
    using slot = intrusive_list<timer, timer_tag>;
    struct place {
        int level;
        std::uint64_t tick; // when the slot begins
    };

    static std::uint64_t tick_of(time_point instant) noexcept;
    place first() const noexcept;
    void insert(timer& which) noexcept;
    void clear_if_empty(int level, int index) noexcept;
    void expire(slot& due, time_point now) noexcept;

    std::uint64_t current_; // the tick up to which everything has been looked at
    std::array<std::uint64_t, levels> occupied_{};
    std::array<std::array<slot, slots>, levels> slots_{};
};

} // namespace detail
} // namespace portico
