// foreign_operation: the base of waits for what goes on outside of a context's tasks: on a thread, in another context, in
// Asio. It may refer to what the task holds, and so a wait for it is never abandoned.
#pragma once

#include <memory>
#include <portico/core/context.hpp>

namespace portico::inline v0_1::detail {

/// A wait for something that is begun here and ends elsewhere. It begins when it is awaited, unless its scope is
/// cancelled by then. A cancellation or a deadline asks it to end (`interrupt`), and the wait goes on until it has. What
/// it has brought by then is not lost: only what ended because it was asked to is `cancelled` or `errc::timed_out`.
class foreign_operation : public timed_operation {
protected:
    /// How the end finds the wait, if there is still one. Used in the context's sequence alone.
    struct link {
        foreign_operation* waiting = nullptr;
        bool ended = false;

        /// Ends the wait. Called from the loop, or within `begin`.
        void end() noexcept;
    };

    explicit foreign_operation(std::shared_ptr<link> shared) noexcept : link_(std::move(shared)) { link_->waiting = this; }
    /// The end finds nobody then. What has begun is for the derived destructor to deal with.
    ~foreign_operation();

    bool is_abandonable() const noexcept final { return !begun_ || has_ended(); }
    bool has_begun() const noexcept { return begun_; }
    bool has_ended() const noexcept { return link_->ended; }
    /// Ends the wait later, from where nobody may be resumed.
    void end_later() noexcept;

    virtual void begin() noexcept = 0;
    /// Once it has ended: says whether it failed.
    virtual void conclude() noexcept = 0;

private:
    bool attempt() noexcept final;
    void arm() noexcept final;
    void disarm() noexcept final {}

    std::shared_ptr<link> link_;
    bool begun_ = false;
};

} // namespace portico::detail
