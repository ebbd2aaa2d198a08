// socket_listener: a listening stream socket.
#pragma once

#include "readiness.hpp"

namespace portico::os {

class socket_listener final : public listener {
public:
    /// Binds and listens. Options that accepted sockets inherit are set here, once.
    static result<std::unique_ptr<listener>> open(backend& outside, const endpoint& at, const listen_options& options);

    accepted try_accept() noexcept override;
    void wait(operation& waiter) noexcept override { socket_->wait_for(direction::read, waiter); }
    void abandon() noexcept override { socket_->forget(direction::read); }
    endpoint local_endpoint() const noexcept override;

private:
    class listening_socket final : public readiness {
        using readiness::readiness;
    };
    struct close_and_drop {
        void operator()(listening_socket* which) const noexcept
        {
            which->close_handle();
            which->drop();
        }
    };
    socket_listener(backend& outside, descriptor handle)
        : backend_(outside), socket_(new listening_socket(outside, std::move(handle))) {}

    static constexpr unsigned probe_every = 64;

    backend& backend_;
    std::unique_ptr<listening_socket, close_and_drop> socket_;
    unsigned passed_over_ = 0;
};

} // namespace portico::os
