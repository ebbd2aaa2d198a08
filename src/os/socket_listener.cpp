// socket_listener: socket, bind, listen, accept4.
#include "socket_listener.hpp"

#include "socket_transport.hpp"

#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <new>

namespace portico::os {

result<std::unique_ptr<listener>> socket_listener::open(backend& outside, const endpoint& at,
                                                        const listen_options& options)
{
    const auto failed = [&] { return error(last_error(), "listen at", to_string(at)); };
    const bool is_ipv6 = at.family() == endpoint::family::ipv6;
    descriptor handle(::socket(is_ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!handle)
        return failed();
    // A server that restarts must not wait for connections of its former life in TIME_WAIT.
    if (!set_option(handle.get(), SOL_SOCKET, SO_REUSEADDR, 1))
        return failed();
    // Each family has a socket of its own, so that :: and 0.0.0.0 can be bound side by side.
    if (is_ipv6 && !set_option(handle.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1))
        return failed();
    set_option(handle.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(handle.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
    socket_address where = to_sockaddr(at);
    if (::bind(handle.get(), where.data(), where.size) != 0 || ::listen(handle.get(), options.backlog) != 0)
        return failed();
    return std::unique_ptr<listener>(new socket_listener(outside, std::move(handle)));
}

listener::accepted socket_listener::try_accept() noexcept
{
    if (socket_->failure != 0)
        return {{io_status::failed, 0, std::exchange(socket_->failure, 0)}, nullptr};
    // Not asked again for nothing; but while another listener keeps its acceptor busy nobody waits for this one.
    if (!socket_->readable && ++passed_over_ % probe_every != 0)
        return {{io_status::would_block}, nullptr};
    socket_address from;
    descriptor handle(::accept4(socket_->handle(), from.data(), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (handle)
        try {
            const endpoint remote = from_sockaddr(*from.data());
            return {{io_status::done}, transport_ptr(new socket_transport(backend_, std::move(handle), remote))};
        } catch (const std::bad_alloc&) {
            return {{io_status::failed, 0, ENOMEM}, nullptr};
        }
    if (errno != EAGAIN && errno != EWOULDBLOCK)
        return {{io_status::failed, 0, errno}, nullptr};
    socket_->readable = false;
    return {{io_status::would_block}, nullptr};
}

endpoint socket_listener::local_endpoint() const noexcept
{
    socket_address found;
    if (::getsockname(socket_->handle(), found.data(), &found.size) != 0)
        return {};
    return from_sockaddr(*found.data());
}

} // namespace portico::os
