// memory_listener: see listener.hpp.
#include "listener.hpp"

namespace portico::inline v0_1::memory {

std::pair<transport_ptr, transport_ptr> connect(const memory_link& how, const endpoint& here, const endpoint& there)
{
    const auto forth = std::make_shared<pipe>(how), back = std::make_shared<pipe>(how);
    return {transport_ptr(new stream(back, forth, here, there)), transport_ptr(new stream(forth, back, there, here))};
}

bool listener::takes(const endpoint& to) const noexcept
{
    return at_ == to || (at_.is_unspecified() && at_.family() == to.family() && at_.port() == to.port());
}

void listener::add(transport_ptr stream)
{
    waiting_.push_back(std::move(stream));
    wake();
}

void listener::wake() noexcept
{
    if (waiter_ != nullptr && !waiting_.empty())
        std::exchange(waiter_, nullptr)->ready_later();
}

listener::accepted listener::try_accept() noexcept
{
    if (waiting_.empty())
        return {{io_status::would_block}, nullptr};
    if (const int code = outside_.take_accept_failure())
        return {{io_status::failed, 0, code}, nullptr};
    transport_ptr next = std::move(waiting_.front());
    waiting_.pop_front();
    return {{io_status::done}, std::move(next)};
}

void listener::wait(direction, operation& waiter) noexcept
{
    waiter_ = &waiter;
    wake();
}

void listener::close() noexcept
{
    outside_.remove(*this);
    waiting_.clear();
}

void listener::release() noexcept
{
    close();
    delete this;
}

} // namespace portico::memory
