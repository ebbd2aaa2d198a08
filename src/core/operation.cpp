// operation: how an await begins, waits and ends.
#include <portico/core/operation.hpp>

#include <portico/core/context.hpp>
#include <portico/core/scope.hpp>

namespace portico {

context& operation::owner() const noexcept
{
    return waiting_->scope->owner();
}

bool operation::start(detail::promise_base& task) noexcept
{
    waiting_ = &task;
    if (task.scope->is_cancelled() && !uninterruptible_) [[unlikely]] {
        state_ = state::cancelled;
        return true;
    }
    if (!owner().spend()) [[unlikely]]
        return false;
    if (!attempt())
        state_ = state::waiting;
    else
        state_ = state::complete;
    return state_ == state::complete;
}

void operation::suspend() noexcept
{
    if (state_ == state::waiting)
        wait();
    else {
        state_ = state::waiting;
        owner().make_ready(*this); // its turn is over: tried again after the others
    }
}

void operation::wait() noexcept
{
    waiting_->scope->waiting_.push_back(*this);
    if (timeout_ != no_timeout && !timer::is_set())
        owner().set_timer(*this, timeout_);
    armed_ = true;
    arm();
}

void operation::ready() noexcept
{
    list_node<operation_tag>::unlink();
    armed_ = false;
    if (state_ == state::waiting) {
        if (waiting_->scope->is_cancelled() && !uninterruptible_)
            state_ = state::cancelled;
        else if (attempt())
            state_ = state::complete;
        else
            return wait();
    }
    owner().unset_timer(*this);
    detail::resume(*waiting_);
}

void operation::ready_later() noexcept
{
    armed_ = false;
    list_node<operation_tag>::unlink();
    owner().make_ready(*this);
}

void operation::end(state how) noexcept
{
    if (state_ != state::waiting)
        return;
    state_ = how;
    owner().unset_timer(*this);
    if (armed_)
        disarm();
    ready_later();
}

void operation::cancel() noexcept
{
    if (!uninterruptible_)
        end(state::cancelled);
}

void operation::on_expiry() noexcept
{
    end(state::expired);
}

void operation::check_cancelled() const
{
    if (state_ == state::cancelled)
        throw cancelled{};
}

error operation::failure() const
{
    if (state_ == state::expired)
        return describe(make_error_code(errc::timed_out));
    if (failure_ < 0)
        return describe(make_error_code(static_cast<errc>(-failure_)));
    return describe(std::error_code(failure_, std::system_category()));
}

void operation::raise() const
{
    check_cancelled();
    if (failure_ == outside_context)
        throw misuse("an object was used outside its context");
    failure().raise();
}

} // namespace portico
