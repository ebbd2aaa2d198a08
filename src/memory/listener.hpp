// memory_listener: connections in memory that wait to be accepted.
#pragma once

#include "stream.hpp"

#include <deque>

namespace portico::inline v0_1::memory {

/// Two connected ends: the one at `here`, and the one at `there`.
std::pair<transport_ptr, transport_ptr> connect(const memory_link& how, const endpoint& here, const endpoint& there);

class listener final : public portico::listener {
public:
    listener(memory_backend& outside, const endpoint& at, const listen_options& options)
        : outside_(outside), at_(at), backlog_(static_cast<std::size_t>(options.backlog)) {}

    bool takes(const endpoint& to) const noexcept;
    bool has_room() const noexcept { return waiting_.size() < backlog_; }
    void add(transport_ptr stream);

    accepted try_accept() noexcept override;
    void wait(direction, operation& waiter) noexcept override;
    void abandon(direction) noexcept override { waiter_ = nullptr; }
    void close() noexcept override;
    void release() noexcept override;
    endpoint local_endpoint() const noexcept override { return at_; }

private:
    void wake() noexcept;

    memory_backend& outside_;
    endpoint at_;
    std::size_t backlog_;
    std::deque<transport_ptr> waiting_;
    operation* waiter_ = nullptr;
};

} // namespace portico::memory
