// socket_listener: a listening stream socket.
#pragma once

#include "bound_socket.hpp"

namespace portico::inline v0_1::os {

class socket_listener final : public bound_socket<listener> {
public:
    /// Binds and listens. Options that accepted sockets inherit are set here, once.
    static result<listener_ptr> open(backend& outside, const endpoint& at, const listen_options& options);
    static result<listener_ptr> adopt(backend& outside, int handle);

    accepted try_accept() noexcept override;

private:
    socket_listener(backend& outside, descriptor handle, bound_path path)
        : bound_socket(outside, std::move(handle), std::move(path)), backend_(outside) {}

    static constexpr unsigned probe_every = 64;

    backend& backend_;
    unsigned passed_over_ = 0;
};

} // namespace portico::os
