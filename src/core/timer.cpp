// timer_wheel: eight levels of 64 slots, into which every instant fits. A timer sits on the level of the highest digit
// in which its tick differs from the current one, and moves down as that digit is reached.
#include <portico/core/timer.hpp>

#include <algorithm>
#include <bit>

namespace portico::inline v0_1::detail {

// A tick is 2^20 ns, about a millisecond: a shift instead of a division.
std::uint64_t timer_wheel::tick_of(time_point instant) noexcept
{
    return static_cast<std::uint64_t>(std::max<time_point::rep>(instant.time_since_epoch().count(), 0)) >> 20;
}

timer_wheel::timer_wheel(time_point now) noexcept : current_(tick_of(now)) {}

void timer_wheel::set(timer& which, time_point expiry) noexcept
{
    which.expiry_ = expiry;
    insert(which);
}

void timer_wheel::insert(timer& which) noexcept
{
    const std::uint64_t tick = std::max(tick_of(which.expiry_), current_);
    const int level = static_cast<int>(std::bit_width((tick ^ current_) | 1) - 1) / slot_bits;
    const int index = static_cast<int>(tick >> (slot_bits * level)) & (slots - 1);
    slots_[static_cast<std::size_t>(level)][static_cast<std::size_t>(index)].push_back(which);
    occupied_[static_cast<std::size_t>(level)] |= std::uint64_t{1} << index;
}

// A timer that is unset may leave an empty slot whose bit is set: `next` is then early by that slot, once, and the
// next `advance` clears it.

void timer_wheel::clear_if_empty(int level, int index) noexcept
{
    const auto l = static_cast<std::size_t>(level), i = static_cast<std::size_t>(index);
    if (slots_[l][i].empty())
        occupied_[l] &= ~(std::uint64_t{1} << index);
}

timer_wheel::place timer_wheel::first() const noexcept
{
    for (int level = 0; level < levels; ++level) {
        const int shift = slot_bits * level;
        const int digit = static_cast<int>(current_ >> shift) & (slots - 1);
        // On a higher level the slot of the current digit is empty: what was there has moved down.
        const std::uint64_t ahead = occupied_[static_cast<std::size_t>(level)] >> digit << digit;
        if (ahead != 0) {
            const auto index = static_cast<std::uint64_t>(std::countr_zero(ahead));
            const std::uint64_t above = current_ >> (shift + slot_bits) << (shift + slot_bits);
            return {level, above | index << shift};
        }
    }
    return {-1, 0};
}

time_point timer_wheel::next() const noexcept
{
    const place found = first();
    if (found.level < 0)
        return time_point::max();
    const time_point begin{duration(static_cast<duration::rep>(found.tick << 20))};
    if (found.level > 0)
        return begin;
    auto& bucket = const_cast<slot&>(slots_[0][found.tick & (slots - 1)]);
    time_point earliest = time_point::max();
    bucket.for_each([&](timer& each) { earliest = std::min(earliest, each.expiry_); });
    return earliest == time_point::max() ? begin : earliest;
}

void timer_wheel::advance(time_point now) noexcept
{
    const std::uint64_t target = std::max(tick_of(now), current_);
    for (place found = first(); found.level >= 0 && found.tick <= target; found = first()) {
        const int index = static_cast<int>(found.tick >> (slot_bits * found.level)) & (slots - 1);
        slot due;
        due.splice(slots_[static_cast<std::size_t>(found.level)][static_cast<std::size_t>(index)]);
        clear_if_empty(found.level, index);
        current_ = std::max(current_, found.tick);
        expire(due, now);
        if (found.level == 0 && found.tick == target)
            break; // what is left in this slot is later than now
    }
    current_ = target;
}

void timer_wheel::expire(slot& due, time_point now) noexcept
{
    // One at a time: an expiry may unset others that are still in `due`.
    slot later;
    while (!due.empty()) {
        timer& each = due.pop_front();
        if (each.expiry_ <= now)
            each.on_expiry();
        else
            later.push_back(each);
    }
    while (!later.empty())
        insert(later.pop_front());
}

} // namespace portico::detail
