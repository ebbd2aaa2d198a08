// readiness: one asynchronous wait a direction, whoever waits for it.
#include "readiness.hpp"

#include <portico/core/memory_pool.hpp>

namespace portico::inline v0_1::os {

class readiness::handler {
public:
    using allocator_type = detail::pool_allocator<void>;
    allocator_type get_allocator() const noexcept { return {}; }
    handler(readiness& target, direction which) noexcept : target_(&target), which_(which) { ++target.references_; }
    handler(handler&& other) noexcept : target_(std::exchange(other.target_, nullptr)), which_(other.which_) {}
    handler& operator=(handler&&) = delete;
    ~handler()
    {
        if (target_ != nullptr)
            target_->drop();
    }
    void operator()(const std::error_code& code) { target_->on_ready(which_, code); }

private:
    readiness* target_;
    direction which_;
};

void readiness::drop() noexcept
{
    if (--references_ == 0)
        delete this;
}

bool readiness::register_with_loop() noexcept
{
    try {
        std::error_code code;
        socket_.emplace(backend_->loop_executor());
        // Asio only looks at the descriptor: the protocol is of no consequence for waiting.
        socket_->assign(asio::generic::stream_protocol(AF_UNSPEC, 0), handle_.get(), code);
        if (!code) {
            handle_.release();
            return true;
        }
        failure = code.value();
    } catch (const std::exception&) {
        failure = ENOMEM;
    }
    socket_.reset();
    return false;
}

void readiness::wait_for(direction which, operation& waiter) noexcept
{
    const auto index = static_cast<std::size_t>(which);
    waiters_[index] = &waiter;
    if (armed_[index])
        return; // what an abandoned wait has asked for serves this one
    if (!socket_ && !register_with_loop()) {
        waiters_[index] = nullptr;
        waiter.ready_later(); // and the next try tells of the failure
        return;
    }
    armed_[index] = true;
    const auto type = which == direction::read ? asio_socket::wait_read : asio_socket::wait_write;
    backend_->in_sequence([&](auto&& bound) { socket_->async_wait(type, std::forward<decltype(bound)>(bound)); },
                          handler(*this, which));
}

void readiness::on_ready(direction which, const std::error_code& code) noexcept
{
    const auto index = static_cast<std::size_t>(which);
    armed_[index] = false;
    if (code && code != asio::error::operation_aborted)
        failure = code.value();
    if (which == direction::read)
        readable = true;
    if (operation* const waiter = std::exchange(waiters_[index], nullptr)) {
        backend_->owner().begin_turn();
        waiter->ready();
    }
    cancel_unawaited();
}

void readiness::forget(direction which) noexcept
{
    waiters_[static_cast<std::size_t>(which)] = nullptr;
    cancel_unawaited();
}

// A wait that nobody has an interest in would keep a caller's loop running. Asio cancels both directions at once, and so
// this is for when neither is awaited; a wait that begins before the handler has run is merely early.
void readiness::cancel_unawaited() noexcept
{
    if ((armed_[0] || armed_[1]) && waiters_[0] == nullptr && waiters_[1] == nullptr) {
        std::error_code ignored;
        socket_->cancel(ignored);
    }
}

int readiness::take_handle() noexcept
{
    waiters_ = {};
    number_ = -1;
    if (!socket_)
        return handle_.release();
    std::error_code failed;
    const int taken = socket_->release(failed);
    return failed ? -1 : taken;
}

void readiness::close_handle() noexcept
{
    waiters_ = {};
    if (socket_) {
        std::error_code ignored;
        socket_->close(ignored);
    }
    handle_.close();
    number_ = -1;
}

} // namespace portico::os
