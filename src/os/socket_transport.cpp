// socket_transport: recv, send and their errors.
#include "socket_transport.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/uio.h>

namespace portico::os {

namespace {

bool is_would_block(int code) noexcept
{
    return code == EAGAIN || code == EWOULDBLOCK;
}

} // namespace

io_result socket_transport::try_read(std::span<char> destination) noexcept
{
    if (failure != 0)
        return {io_status::failed, 0, failure};
    ssize_t got;
    do
        got = ::recv(handle(), destination.data(), destination.size(), 0);
    while (got < 0 && errno == EINTR);
    // A short read has emptied the socket, and asking again would only be told so. What comes behind it, the end of the
    // stream too, is seen by the wait: it looks at the state, not only at changes.
    if (got > 0)
        return {io_status::done, static_cast<std::size_t>(got), 0, static_cast<std::size_t>(got) < destination.size()};
    if (got == 0)
        return lost_ == 0 ? io_result{io_status::end} : io_result{io_status::failed, 0, lost_};
    if (is_would_block(errno))
        return {io_status::would_block};
    return {io_status::failed, 0, lost_ = errno};
}

io_result socket_transport::try_write(std::span<const bytes> buffers) noexcept
{
    if (failure != 0)
        return {io_status::failed, 0, failure};
    ssize_t sent;
    do {
        if (buffers.size() == 1)
            sent = ::send(handle(), buffers[0].data(), buffers[0].size(), MSG_NOSIGNAL);
        else {
            std::array<iovec, 16> parts;
            const std::size_t count = std::min(buffers.size(), parts.size());
            std::transform(buffers.begin(), buffers.begin() + static_cast<std::ptrdiff_t>(count), parts.begin(),
                           [](bytes each) { return iovec{const_cast<char*>(each.data()), each.size()}; });
            msghdr message{};
            message.msg_iov = parts.data();
            message.msg_iovlen = count;
            sent = ::sendmsg(handle(), &message, MSG_NOSIGNAL);
        }
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return {io_status::done, static_cast<std::size_t>(sent)};
    if (is_would_block(errno))
        return {io_status::would_block};
    if (errno != EPIPE) // which does not say that the other direction is broken
        lost_ = errno;
    return {io_status::failed, 0, errno};
}

std::error_code socket_transport::connect_result() noexcept
{
    if (failure != 0)
        return {failure, std::system_category()};
    int code = 0;
    socklen_t size = sizeof code;
    if (::getsockopt(handle(), SOL_SOCKET, SO_ERROR, &code, &size) != 0)
        return last_error();
    return {code, std::system_category()};
}

std::error_code socket_transport::shutdown_write() noexcept
{
    return ::shutdown(handle(), SHUT_WR) == 0 ? std::error_code() : last_error();
}

void socket_transport::abort() noexcept
{
    const linger reset{1, 0};
    ::setsockopt(handle(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close_handle();
}

endpoint socket_transport::local_endpoint() const noexcept
{
    socket_address found;
    if (::getsockname(handle(), found.data(), &found.size) != 0)
        return {};
    return from_sockaddr(*found.data());
}

void socket_transport::release() noexcept
{
    close_handle();
    drop();
}

} // namespace portico::os
