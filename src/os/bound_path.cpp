// bound_path: see bound_path.hpp.
#include "bound_path.hpp"

#include <sys/stat.h>
#include <unistd.h>

namespace portico::os {

namespace {

bool is_same_file(const struct stat& left, const struct stat& right) noexcept
{
    return left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

// Removes the file of a socket that nobody has any more: a connect to it is refused. Whatever else is there stays. The
// probe is a datagram socket, to which a stream socket that is in use says EPROTOTYPE: it never gets a connection.
bool remove_stale(const std::string& path, const socket_address& where) noexcept
{
    struct stat before{}, after{};
    if (::lstat(path.c_str(), &before) != 0 || !S_ISSOCK(before.st_mode))
        return false;
    const descriptor probe(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!probe || ::connect(probe.get(), where.data(), where.size) == 0 || errno != ECONNREFUSED)
        return false;
    return ::lstat(path.c_str(), &after) == 0 && is_same_file(before, after) && ::unlink(path.c_str()) == 0;
}

} // namespace

std::error_code bound_path::bind(int handle, const endpoint& at, int mode)
{
    const socket_address where(at);
    const bool is_file = !at.path().empty() && !at.path().starts_with('@');
    // A new socket file has the mode of its socket, less the umask: it is never open to more than it should be.
    if (is_file && mode >= 0 && ::fchmod(handle, static_cast<mode_t>(mode)) != 0)
        return last_error();
    int code = ::bind(handle, where.data(), where.size);
    std::string path(at.path());
    if (code != 0 && errno == EADDRINUSE && is_file) {
        if (!remove_stale(path, where))
            return std::make_error_code(std::errc::address_in_use);
        code = ::bind(handle, where.data(), where.size);
    }
    if (code != 0)
        return last_error();
    struct stat made{};
    if (is_file && ::lstat(path.c_str(), &made) == 0) {
        path_ = std::move(path);
        device_ = made.st_dev;
        file_ = made.st_ino;
        if (mode >= 0 && ::chmod(path_.c_str(), static_cast<mode_t>(mode)) != 0) // what the umask has taken
            return last_error();
    }
    return {};
}

void bound_path::remove() noexcept
{
    struct stat found{};
    if (!path_.empty() && ::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == file_)
        ::unlink(path_.c_str());
    path_.clear();
}

} // namespace portico::os
