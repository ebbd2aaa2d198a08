// operation: how an await begins, waits and ends.
#include <portico/core/operation.hpp>

#include <portico/core/context.hpp>
#include <portico/core/scope.hpp>

namespace portico::inline v0_1 {

bool operation::start(detail::promise_base& task) noexcept
{
    waiting_ = &task;
    if (!owner().spend()) [[unlikely]] // also of one that is cancelled: a loop that catches everything lets others run
        return false;
    if (task.scope->is_cancelled() && !uninterruptible_) [[unlikely]] {
        state_ = state::cancelled;
        return true;
    }
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
    if (!waited_) {
        waited_ = true;
        since_ = owner().now();
        if (timeout_ != no_timeout)
            watched_ = watch_deadline();
    }
    armed_ = true;
    arm();
}

void operation::ready() noexcept
{
    list_node<operation_tag>::unlink();
    if (state_ == state::waiting) {
        if (waiting_->scope->is_cancelled() && !uninterruptible_) {
            state_ = state::cancelled;
            abandon();
        } else {
            armed_ = false;
            if (!attempt())
                return wait();
            state_ = state::complete;
        }
    }
    if (watched_)
        unwatch_deadline();
    detail::resume(*waiting_);
}

void operation::ready_later() noexcept
{
    list_node<operation_tag>::unlink();
    owner().make_ready(*this);
}

void operation::end(state how) noexcept
{
    if (state_ != state::waiting)
        return;
    state_ = how;
    if (watched_)
        unwatch_deadline();
    abandon();
    ready_later();
}

void operation::cancel() noexcept
{
    if (uninterruptible_)
        interrupt();
    else
        end(state::cancelled);
}

void operation::expire() noexcept
{
    if (uninterruptible_)
        interrupt();
    else
        end(state::expired);
}

void operation::fail_interrupted() noexcept
{
    if (waiting_->scope->is_cancelled())
        failure_ = interrupted;
    else
        fail(errc::timed_out);
}

bool timed_operation::watch_deadline() noexcept
{
    owner().set_timer(*this, deadline());
    return true;
}

void operation::check_cancelled() const
{
    if (state_ == state::cancelled || failure_ == interrupted)
        throw cancelled{};
    if (failure_ == outside_context)
        throw misuse("an object was used outside its context");
}

std::string operation::description() const
{
    const error what = describe({});
    return what.target().empty() ? what.operation() : what.operation() + ' ' + what.target();
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
    failure().raise();
}

} // namespace portico
