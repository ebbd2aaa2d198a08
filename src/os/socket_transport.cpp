// socket_transport: connect, recv, send and their errors.
#include "socket_transport.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <limits>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <new>
#include <sys/sendfile.h>
#include <sys/uio.h>

namespace portico::inline v0_1::os {

namespace {

std::error_code bind_source(int handle, const endpoint& source) noexcept
{
    if (source.family() == endpoint::family::none)
        return {};
    // A path would make a file that nobody removes.
    if (!source.is_ip() && !source.path().starts_with('@'))
        return std::make_error_code(std::errc::invalid_argument);
    if (source.is_ip() && source.port() == 0)
        // The port is chosen by connect, which may share it with connections to others.
        set_integer_option(handle, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    else if (source.is_ip()) // several attempts at the same time, to different addresses
        set_integer_option(handle, SOL_SOCKET, SO_REUSEADDR, 1);
    const socket_address from(source);
    return ::bind(handle, from.data(), from.size) == 0 ? std::error_code() : last_error();
}

// What says that the connection is broken, in both directions; not EPIPE, nor what was wrong with a single call.
bool breaks_connection(int code) noexcept
{
    switch (code) {
    case ECONNRESET: case ECONNABORTED: case ETIMEDOUT: case EHOSTUNREACH: case ENETUNREACH: case ENETDOWN: return true;
    default: return false;
    }
}

} // namespace

result<transport_ptr> socket_transport::connect(backend& outside, const endpoint& to, const connect_options& options)
{
    const auto failed = [&] { return error(last_error(), "connect to", to_string(to)); };
    descriptor handle = open_socket(to, SOCK_STREAM);
    if (!handle)
        return failed();
    if (to.is_ip()) {
        set_integer_option(handle.get(), IPPROTO_TCP, TCP_NODELAY, 1);
        set_integer_option(handle.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
    }
    if (const std::error_code code = bind_source(handle.get(), options.source))
        return error(code, "connect from " + to_string(options.source) + " to", to_string(to));
    const socket_address where(to);
    int code;
    do
        code = ::connect(handle.get(), where.data(), where.size);
    while (code != 0 && errno == EINTR);
    if (code != 0 && errno != EINPROGRESS)
        return failed();
    return transport_ptr(new socket_transport(outside, std::move(handle), to));
}

io_result socket_transport::after_read(ssize_t got, std::size_t room) noexcept
{
    // A short read has emptied the socket, and asking again would only be told so. What comes behind it, the end of the
    // stream too, is seen by the wait: it looks at the state, not only at changes.
    if (got > 0)
        return {io_status::done, static_cast<std::size_t>(got), 0, static_cast<std::size_t>(got) < room};
    if (got == 0)
        return lost_ == 0 ? io_result{io_status::end} : io_result{io_status::failed, 0, lost_};
    if (is_would_block(errno))
        return {io_status::would_block};
    if (breaks_connection(errno))
        lost_ = errno;
    return {io_status::failed, 0, errno};
}

io_result socket_transport::after_write(ssize_t sent) noexcept
{
    if (sent >= 0)
        return {io_status::done, static_cast<std::size_t>(sent)};
    if (is_would_block(errno))
        return {io_status::would_block};
    if (breaks_connection(errno))
        lost_ = errno;
    return {io_status::failed, 0, errno};
}

io_result socket_transport::try_read(std::span<char> destination) noexcept
{
    if (failure != 0)
        return {io_status::failed, 0, failure};
    ssize_t got;
    do
        got = ::recv(handle(), destination.data(), destination.size(), 0);
    while (got < 0 && errno == EINTR);
    return after_read(got, destination.size());
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
    return after_write(sent);
}

namespace {

constexpr std::size_t most_descriptors = 253; // SCM_MAX_FD: what the system takes in one message

union descriptor_message {
    cmsghdr header;
    char space[CMSG_SPACE(most_descriptors * sizeof(int))];
};

} // namespace

io_result socket_transport::try_write_descriptors(bytes data, std::span<const int> handles) noexcept
{
    if (failure != 0)
        return {io_status::failed, 0, failure};
    if (remote_.is_ip()) // which would drop them without a word
        return {io_status::failed, 0, EOPNOTSUPP};
    if (handles.size() > most_descriptors)
        return {io_status::failed, 0, EINVAL};
    descriptor_message control{};
    iovec part{const_cast<char*>(data.data()), data.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!handles.empty()) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(handles.size_bytes());
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(handles.size_bytes());
        std::memcpy(CMSG_DATA(header), handles.data(), handles.size_bytes());
    }
    ssize_t sent;
    do
        sent = ::sendmsg(handle(), &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return after_write(sent);
}

io_result socket_transport::try_read_descriptors(std::span<char> destination, std::size_t most,
                                                 std::vector<int>& handles) noexcept
{
    if (failure != 0)
        return {io_status::failed, 0, failure};
    if (remote_.is_ip())
        return {io_status::failed, 0, EOPNOTSUPP};
    descriptor_message control{};
    iovec part{destination.data(), destination.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen = most == 0 ? 0 : CMSG_LEN(std::min(most, most_descriptors) * sizeof(int)); // not one more
    try {
        handles.reserve(most_descriptors); // what has arrived must have a place
    } catch (const std::bad_alloc&) {
        return {io_status::failed, 0, ENOMEM};
    }
    ssize_t got;
    do
        got = ::recvmsg(handle(), &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got >= 0)
        for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each))
            if (each->cmsg_level == SOL_SOCKET && each->cmsg_type == SCM_RIGHTS) {
                const std::size_t count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (std::size_t i = 0; i < count; ++i) {
                    int received = -1;
                    std::memcpy(&received, CMSG_DATA(each) + i * sizeof(int), sizeof(int));
                    handles.push_back(received);
                }
            }
    return after_read(got, 0); // descriptors end a read early: it has not emptied the socket
}

namespace {

/// sendfile has no MSG_NOSIGNAL. What it raises in this thread is taken back, whatever the program does with SIGPIPE.
class without_broken_pipe_signal {
public:
    without_broken_pipe_signal() noexcept
    {
        ::sigemptyset(&broken_pipe_);
        ::sigaddset(&broken_pipe_, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &broken_pipe_, &before_);
        was_pending_ = is_pending();
    }
    without_broken_pipe_signal(const without_broken_pipe_signal&) = delete;
    without_broken_pipe_signal& operator=(const without_broken_pipe_signal&) = delete;
    ~without_broken_pipe_signal()
    {
        const int code = errno;
        const timespec at_once{};
        if (!was_pending_ && is_pending())
            ::sigtimedwait(&broken_pipe_, nullptr, &at_once);
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        errno = code;
    }

private:
    static bool is_pending() noexcept
    {
        sigset_t pending;
        return ::sigpending(&pending) == 0 && ::sigismember(&pending, SIGPIPE) == 1;
    }
    sigset_t broken_pipe_, before_;
    bool was_pending_;
};

} // namespace

io_result socket_transport::try_write_file(int file, std::uint64_t offset, std::size_t count) noexcept
{
    if (failure != 0)
        return {io_status::failed, 0, failure};
    const without_broken_pipe_signal guard;
    auto position = static_cast<off_t>(offset);
    ssize_t sent;
    do
        sent = ::sendfile(handle(), file, &position, std::min<std::size_t>(count, std::numeric_limits<int>::max()));
    while (sent < 0 && errno == EINTR);
    return sent == 0 ? io_result{io_status::end} : after_write(sent);
}

// SO_RCVLOWAT; a smaller one than before wakes at once where so much is there. Unix sockets know it not.
void socket_transport::set_expected(std::size_t count) noexcept
{
    expected_ = count;
    if (remote_.is_ip())
        set_integer_option(handle(), SOL_SOCKET, SO_RCVLOWAT, static_cast<int>(count));
}

// It always says that the socket is drained, so that between two tries the loop has a turn: what it costs to be woken is
// little beside what has been moved by then.
io_result socket_transport::try_read_to_file(int file, std::size_t count) noexcept
{
    if (failure != 0)
        return {io_status::failed, 0, failure};
    splice_pipe& through = outside().pipe();
    if (!through.is_open())
        return {io_status::failed, 0, EOPNOTSUPP};
    const ssize_t taken = through.take(handle(), count);
    if (taken < 0 && (errno == EINVAL || errno == ENOSYS)) // no such call, or none for such a socket
        return {io_status::failed, 0, EOPNOTSUPP};
    const io_result got = after_read(taken, SIZE_MAX);
    const int code = got.status == io_status::done ? through.pass_on(file, got.count) : 0;
    if (code == 0)
        return got;
    failure = ECONNABORTED; // what was in the pipe is lost
    return {.status = io_status::failed, .code = code, .of_file = true};
}

std::error_code socket_transport::connect_result() noexcept
{
    if (failure != 0)
        return {failure, std::system_category()};
    const int code = option_of(handle(), SOL_SOCKET, SO_ERROR, -1);
    return code < 0 ? last_error() : std::error_code(code, std::system_category());
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

} // namespace portico::os
