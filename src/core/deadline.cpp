// sleep_for: an operation that an instant completes.
#include <portico/core/deadline.hpp>

namespace portico::inline v0_1::detail {

bool sleeping::attempt() noexcept
{
    const time_point now = owner().now();
    if (until_ == time_point::min())
        until_ = add(now, length_);
    return now >= until_;
}

void sleeping::arm() noexcept
{
    owner().set_timer(alarm_, until_);
}

void sleeping::disarm() noexcept
{
    alarm_.unset();
}

} // namespace portico::detail
