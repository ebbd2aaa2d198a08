// socket_listener: a listening stream socket.
#pragma once

#include "bound_path.hpp"
#include "readiness.hpp"

namespace portico::os {

class socket_listener final : public os_socket<listener> {
public:
    /// Binds and listens. Options that accepted sockets inherit are set here, once.
    static result<listener_ptr> open(backend& outside, const endpoint& at, const listen_options& options);
    static result<listener_ptr> adopt(backend& outside, int handle);

    accepted try_accept() noexcept override;
    void close() noexcept override;
    /// The file of a Unix socket stays then.
    int release_handle() noexcept override;

private:
    socket_listener(backend& outside, descriptor handle, bound_path path)
        : os_socket(outside, std::move(handle)), backend_(outside), path_(std::move(path)) {}

    static constexpr unsigned probe_every = 64;

    backend& backend_;
    bound_path path_;
    unsigned passed_over_ = 0;
};

} // namespace portico::os
