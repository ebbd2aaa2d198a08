// Sockets that change hands between Asio and portico.
#pragma once

#include <portico/asio/library.hpp>

#include <asio/basic_datagram_socket.hpp>
#include <asio/basic_socket_acceptor.hpp>
#include <asio/basic_stream_socket.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>
#include <asio/local/datagram_protocol.hpp>
#include <asio/local/stream_protocol.hpp>
#include <portico/net/acceptor.hpp>
#include <portico/net/connection.hpp>
#include <portico/net/datagram_socket.hpp>

namespace portico::inline v0_1 {

namespace detail {

/// `taken` owns the descriptor by now: the socket gives it up. Its pending operations complete with
/// `asio::error::operation_aborted`.
template <class Taken, class Socket>
Taken give_up(Taken taken, Socket& socket)
{
    socket.release();
    return taken;
}

/// The protocol of a socket at this endpoint, in Asio's words. Throws `misuse` where it is of another family.
template <class Protocol>
Protocol protocol_at(const endpoint& local)
{
    constexpr bool for_ip = requires { Protocol::v4(); };
    if (local.is_ip() != for_ip)
        throw misuse("the socket at " + to_string(local) + " was to be released as one of another family");
    if constexpr (for_ip)
        return local.family() == endpoint::family::ipv6 ? Protocol::v6() : Protocol::v4();
    else
        return Protocol();
}

template <class Socket, class Where, class Owner>
Socket release_as(Owner& which, Where&& where)
{
    if (which.native_handle() < 0)
        throw misuse("a socket was to be released that has no descriptor");
    Socket socket(std::forward<Where>(where));
    const auto protocol = protocol_at<typename Socket::protocol_type>(which.local_endpoint());
    descriptor handle(which.release());
    socket.assign(protocol, handle.get());
    handle.release();
    return socket;
}

} // namespace detail

/// A connection on a socket that Asio has connected, TCP or Unix. The socket is closed then, as far as Asio is concerned;
/// its pending operations complete with `asio::error::operation_aborted`. Throws `error` where it is not connected; then
/// it stays the caller's.
template <class Protocol, class Executor>
connection adopt_connection(context& owner, asio::basic_stream_socket<Protocol, Executor>&& socket)
{
    return detail::give_up(adopt_connection(owner, socket.native_handle()), socket);
}

/// An acceptor on a socket that listens; as above.
template <class Protocol, class Executor>
acceptor adopt_acceptor(context& owner, asio::basic_socket_acceptor<Protocol, Executor>&& socket)
{
    return detail::give_up(adopt_acceptor(owner, socket.native_handle()), socket);
}

/// A datagram socket, UDP or Unix; as above.
template <class Protocol, class Executor>
datagram_socket adopt_datagram_socket(context& owner, asio::basic_datagram_socket<Protocol, Executor>&& socket)
{
    return detail::give_up(adopt_datagram_socket(owner, socket.native_handle()), socket);
}

/// `auto socket = release_as<asio::ip::tcp::socket>(peer, loop);`: the connection's socket for Asio, on an executor or an
/// execution context; a type of a TCP or a Unix socket. The connection is closed then, without a word to the peer. Throws
/// `misuse`, and the connection stays as it was, where the socket is of the other kind, where bytes have been received
/// that nobody has read, or where there is no socket of the system.
template <class Socket, class Where>
Socket release_as(connection& which, Where&& where)
{
    using protocol = typename Socket::protocol_type;
    static_assert(std::is_same_v<protocol, asio::ip::tcp> || std::is_same_v<protocol, asio::local::stream_protocol>);
    return detail::release_as<Socket>(which, std::forward<Where>(where));
}

/// The same for a datagram socket; packets that have been received and that nobody has read are lost.
template <class Socket, class Where>
Socket release_as(datagram_socket& which, Where&& where)
{
    using protocol = typename Socket::protocol_type;
    static_assert(std::is_same_v<protocol, asio::ip::udp> || std::is_same_v<protocol, asio::local::datagram_protocol>);
    return detail::release_as<Socket>(which, std::forward<Where>(where));
}

} // namespace portico
