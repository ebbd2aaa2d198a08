// foreign_operation: it begins once, and is looked at again when it has ended.
#include <portico/core/foreign_operation.hpp>

namespace portico::inline v0_1::detail {

foreign_operation::~foreign_operation()
{
    abandon();
    link_->waiting = nullptr;
}

void foreign_operation::link::end() noexcept
{
    ended = true;
    if (waiting != nullptr && waiting->is_armed()) {
        waiting->owner().begin_turn();
        waiting->ready();
    }
}

void foreign_operation::end_later() noexcept
{
    link_->ended = true;
    ready_later();
}

// What began may have cancelled the scope that waits for it.
void foreign_operation::arm() noexcept
{
    if (waiting()->scope->is_cancelled())
        interrupt();
}

bool foreign_operation::attempt() noexcept
{
    if (!begun_) {
        begun_ = true;
        make_uninterruptible();
        begin();
    }
    if (has_ended())
        conclude();
    return has_ended();
}

} // namespace portico::detail
