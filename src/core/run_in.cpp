// run_in: the two contexts post to each other, and share nothing that both use at a time.
#include <portico/core/run_in.hpp>

#include <cerrno>
#include <new>

namespace portico::inline v0_1::detail {

namespace {

/// Posts a function when it is destroyed: whether the task that it is kept for has ended or will never run.
class at_the_end {
public:
    using poster = unique_function<void(unique_function<void()>)>;
    at_the_end(poster post, unique_function<void()> function) : post_(std::move(post)), function_(std::move(function)) {}
    at_the_end(at_the_end&&) = default;
    at_the_end& operator=(at_the_end&&) = delete;
    ~at_the_end()
    {
        if (post_)
            post_(std::move(function_));
    }

private:
    poster post_;
    unique_function<void()> function_;
};

} // namespace

void remote_wait::begin() noexcept
{
    try {
        post_there_ = other_.backend().poster();
        at_the_end announcement(owner().backend().poster(), [own = shared_] { own->end(); });
        other_.start(make_task(), [kept = std::move(announcement)](const std::exception_ptr&) {});
    } catch (const std::bad_alloc&) {
        refused_ = ENOMEM;
        shared_->end();
    }
}

void remote_wait::conclude() noexcept
{
    if (refused_ != 0)
        fail(refused_);
    else if (shared_->how == shared::outcome::ended)
        return;
    else if (interrupted_)
        fail_interrupted();
    else
        fail(ECANCELED);
}

void remote_wait::interrupt() noexcept
{
    if (has_begun() && !has_ended() && !std::exchange(interrupted_, true))
        post_there_([own = shared_] { own->cancel(); });
}

} // namespace portico::detail
