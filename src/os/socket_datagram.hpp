// socket_datagram: a UDP or Unix datagram socket.
#pragma once

#include "bound_socket.hpp"

#include <portico/net/datagram_transport.hpp>

namespace portico::inline v0_1::os {

class socket_datagram final : public bound_socket<datagram_transport> {
public:
    static result<datagram_transport_ptr> open(backend& outside, const endpoint& at, const datagram_options& options);
    static result<datagram_transport_ptr> adopt(backend& outside, int handle);

    io_result try_receive(std::span<char> destination, arrival& what, bool peek) noexcept override;
    io_result try_send(bytes data, const endpoint& to, const endpoint& from, std::size_t segment) noexcept override;
    std::error_code connect(const endpoint& to) noexcept override;
    std::error_code set_membership(bool member, const endpoint& group, std::uint32_t interface,
                                   const endpoint& source) noexcept override;
    endpoint local_endpoint() const noexcept override { return local_; }
    endpoint remote_endpoint() const noexcept override { return remote_endpoint_of(handle()); }

private:
    socket_datagram(backend& outside, descriptor handle, bound_path path)
        : bound_socket(outside, std::move(handle), std::move(path)), bound_(local_endpoint_of(this->handle())),
          local_(bound_) {}
    void read_control(msghdr& message, arrival& what) noexcept;
    /// Sending binds a socket that was adopted unbound.
    void learn_port() noexcept;
    std::error_code set_peer(const endpoint& to) noexcept;
    std::error_code disconnect() noexcept;

    endpoint bound_, local_; // local_ is what connecting has made of bound_
};

} // namespace portico::os
