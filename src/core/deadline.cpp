// sleep_for: an operation that an instant completes.
#include <portico/core/deadline.hpp>

namespace portico::detail {

bool sleeping::attempt() noexcept
{
    const time_point now = owner().now();
    if (until_ == time_point::min())
        until_ = length_ < time_point::max() - now ? now + length_ : time_point::max();
    return now >= until_;
}

void sleeping::arm() noexcept
{
    owner().set_timer_at(alarm_, until_);
}

void sleeping::disarm() noexcept
{
    owner().unset_timer(alarm_);
}

} // namespace portico::detail
