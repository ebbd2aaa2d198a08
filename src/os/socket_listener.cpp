// socket_listener: socket, bind, listen, accept4.
#include "socket_listener.hpp"

#include "socket_transport.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <exception>

namespace portico::inline v0_1::os {

result<listener_ptr> socket_listener::open(backend& outside, const endpoint& at, const listen_options& options)
{
    const auto failed = [&](std::error_code code) { return error(code, "listen at", to_string(at)); };
    descriptor handle = open_socket(at, SOCK_STREAM);
    if (!handle)
        return failed(last_error());
    if (at.is_ip()) {
        // A server that restarts must not wait for connections of its former life in TIME_WAIT.
        if (!set_integer_option(handle.get(), SOL_SOCKET, SO_REUSEADDR, 1))
            return failed(last_error());
        if (options.reuse_port && !set_integer_option(handle.get(), SOL_SOCKET, SO_REUSEPORT, 1))
            return failed(last_error());
        // Each family has a socket of its own, so that :: and 0.0.0.0 can be bound side by side.
        if (at.family() == endpoint::family::ipv6
            && !set_integer_option(handle.get(), IPPROTO_IPV6, IPV6_V6ONLY, options.dual_stack ? 0 : 1))
            return failed(last_error());
        set_integer_option(handle.get(), IPPROTO_TCP, TCP_NODELAY, 1);
        set_integer_option(handle.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
    }
    bound_path path;
    if (const std::error_code code = path.bind(handle.get(), at, options.mode))
        return failed(code);
    if (::listen(handle.get(), options.backlog) != 0)
        return failed(last_error());
    return listener_ptr(new socket_listener(outside, std::move(handle), std::move(path)));
}

result<listener_ptr> socket_listener::adopt(backend& outside, int handle)
{
    std::error_code code = check_type(handle, SOCK_STREAM);
    if (!code && option_of(handle, SOL_SOCKET, SO_ACCEPTCONN, 0) == 0)
        code = std::make_error_code(std::errc::invalid_argument); // as accept(2) has it: it does not listen
    if (!code)
        code = make_non_blocking(handle);
    if (code)
        return error(code, "adopt a listening socket", "descriptor " + std::to_string(handle));
    return listener_ptr(new socket_listener(outside, descriptor(handle), {}));
}

listener::accepted socket_listener::try_accept() noexcept
{
    if (failure != 0)
        return {{io_status::failed, 0, std::exchange(failure, 0)}, nullptr};
    // Not asked again for nothing; but while another listener keeps its acceptor busy nobody waits for this one.
    if (!readable && ++passed_over_ % probe_every != 0)
        return {{io_status::would_block}, nullptr};
    socket_address from;
    descriptor connected(::accept4(handle(), from.data(), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (connected)
        try {
            return {{io_status::done}, transport_ptr(new socket_transport(backend_, std::move(connected), from.to_endpoint()))};
        } catch (const std::exception&) {
            return {{io_status::failed, 0, ENOMEM}, nullptr};
        }
    if (!is_would_block(errno))
        return {{io_status::failed, 0, errno}, nullptr};
    readable = false;
    return {{io_status::would_block}, nullptr};
}

} // namespace portico::os
