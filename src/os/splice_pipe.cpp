// splice_pipe: see splice_pipe.hpp.
#include "splice_pipe.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace portico::inline v0_1::os {

namespace {

/// After a call has failed for a descriptor that somebody has made non-blocking: whether it is worth another try.
bool wait_to_try_again(int handle) noexcept
{
    if (errno == EINTR)
        return true;
    if (errno != EAGAIN)
        return false;
    pollfd writable{handle, POLLOUT, 0};
    return ::poll(&writable, 1, -1) >= 0 || errno == EINTR;
}

} // namespace

int write_all(int handle, bytes data) noexcept
{
    while (!data.empty()) {
        const ssize_t written = ::write(handle, data.data(), data.size());
        if (written >= 0)
            data.remove_prefix(static_cast<std::size_t>(written));
        else if (!wait_to_try_again(handle))
            return errno;
    }
    return 0;
}

bool splice_pipe::is_open() noexcept
{
    if (entry_)
        return true;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return false;
    exit_ = descriptor(ends[0]);
    entry_ = descriptor(ends[1]);
    // The more it holds, the fewer calls. Users have a limit for all of their pipes (/proc/sys/fs/pipe-user-pages-soft).
    for (int size = 1 << 20; size > 64 * 1024 && ::fcntl(ends[1], F_SETPIPE_SZ, size) < 0;)
        size /= 2;
    capacity_ = static_cast<std::size_t>(std::max(::fcntl(ends[1], F_GETPIPE_SZ), 4096));
    return true;
}

ssize_t splice_pipe::take(int socket, std::size_t count) noexcept
{
    ssize_t taken;
    do
        taken = ::splice(socket, nullptr, entry_.get(), nullptr, std::min(count, capacity_),
                         SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    while (taken < 0 && errno == EINTR);
    return taken;
}

int splice_pipe::pass_on(int file, std::size_t count) noexcept
{
    while (count != 0) {
        ssize_t moved = ::splice(exit_.get(), nullptr, file, nullptr, count, SPLICE_F_MOVE);
        if (moved < 0 && errno == EINVAL) // opened with O_APPEND, or of a kind that cannot
            moved = copy(file, count);
        if (moved > 0)
            count -= static_cast<std::size_t>(moved);
        else if (moved == 0 || !wait_to_try_again(file)) {
            const int code = moved == 0 ? EIO : errno;
            entry_.close();
            exit_.close();
            return code;
        }
    }
    return 0;
}

ssize_t splice_pipe::copy(int file, std::size_t count) noexcept
{
    std::array<char, 16 * 1024> part;
    const ssize_t got = ::read(exit_.get(), part.data(), std::min(count, part.size()));
    if (got <= 0)
        return got;
    errno = write_all(file, {part.data(), static_cast<std::size_t>(got)});
    return errno == 0 ? got : -1;
}

} // namespace portico::os
