// cancel_scope and task_group: cancelling a tree of scopes, and collecting how tasks ended.
#include <portico/core/scope.hpp>

#include <portico/core/context.hpp>

namespace portico::inline v0_1 {

void detail::resume(promise_base& which) noexcept
{
    for (promise_base* each = &which;;) {
        const auto handle = each->handle();
        handle.resume();
        if (!handle.done())
            return;
        if (each->parent == nullptr) {
            each->owner->on_done(*each);
            return;
        }
        each = each->parent;
    }
}

cancel_scope::cancel_scope(cancel_scope& parent, duration timeout, shielding shield) noexcept
    : owner_(parent.owner_), parent_(&parent), shielded_(shield == shielding::on)
{
    cancelled_ = parent.cancelled_ && !shielded_;
    parent.inner_.push_back(*this);
    if (timeout != no_timeout) [[unlikely]]
        expire_after(timeout);
}

void cancel_scope::expire_after(duration timeout) noexcept
{
    owner_.set_timer(*this, add(owner_.now(), timeout));
}

void cancel_scope::cancel() noexcept
{
    if (cancelled_)
        return;
    cancelled_ = true;
    // Cancelling an operation unlinks that one alone, and resumes nobody here.
    waiting_.for_each([](operation& each) { each.cancel(); });
    inner_.for_each([](cancel_scope& each) {
        if (!each.shielded_)
            each.cancel();
    });
}

void cancel_scope::on_expiry() noexcept
{
    expired_ = !cancelled_;
    cancel();
}

task_group::~task_group()
{
    // Only where the task that owns the group is destroyed unfinished: its children go with it.
    while (!running_.empty())
        running_.pop_front().handle().destroy();
}

void task_group::spawn(task<> child)
{
    detail::promise_base& root = child.release().promise();
    root.owner = this;
    root.scope = &scope_;
    running_.push_back(root);
    ++size_;
    detail::resume(root);
}

void task_group::on_done(detail::promise_base& ended) noexcept
{
    const auto handle = std::coroutine_handle<detail::task_promise<void>>::from_address(ended.handle().address());
    const std::exception_ptr failure = handle.promise().failure();
    handle.destroy();
    if (failure)
        fail(failure);
    if (--size_ == 0 && joining_ != nullptr)
        std::exchange(joining_, nullptr)->ready_later();
}

void task_group::finish() noexcept
{
    finished_ = !failure_;
    cancel();
}

void task_group::fail(std::exception_ptr failure) noexcept
{
    try {
        std::rethrow_exception(failure);
    } catch (const cancelled&) {
        return; // `conclude` tells whether it came from outside
    } catch (...) {
        if (failure_ || finished_)
            scope_.owner().report(report(what_of(failure), failure));
    }
    if (!failure_ && !finished_) {
        failure_ = std::move(failure);
        scope_.cancel();
    }
}

void task_group::conclude()
{
    if (failure_)
        std::rethrow_exception(std::exchange(failure_, {}));
    if (scope_.parent()->is_cancelled() && !finished_)
        throw cancelled{};
}

} // namespace portico
