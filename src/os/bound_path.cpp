// bound_path: see bound_path.hpp.
#include "bound_path.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace portico::inline v0_1::os {

namespace {

// Whether this is the file of a socket that no process has any more: a connect to it is refused. The probe is a datagram
// socket, to which a stream socket that is in use says EPROTOTYPE: it never gets a connection.
bool is_stale(const struct stat& file, const socket_address& where) noexcept
{
    const descriptor probe(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    return S_ISSOCK(file.st_mode) && probe && ::connect(probe.get(), where.data(), where.size) != 0
        && errno == ECONNREFUSED;
}

// Takes turns, by a lock on its folder, with other servers that start at the same path at this moment: else one could
// remove the file that another has just made. Whoever does not get the lock finds the address in use.
bool make_room(const std::string& path, const socket_address& where)
{
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == path.npos ? "." : path.substr(0, slash + 1);
    const descriptor lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
        return false;
    struct stat file{};
    if (::lstat(path.c_str(), &file) != 0)
        return errno == ENOENT; // another one has removed it
    return is_stale(file, where) && ::unlink(path.c_str()) == 0;
}

} // namespace

std::error_code bound_path::bind(int handle, const endpoint& at, int mode)
{
    const socket_address where(at);
    const bool is_file = at.has_file();
    // A new socket file has the mode of its socket, less the umask: it is never open to more than it should be.
    if (is_file && mode >= 0 && ::fchmod(handle, static_cast<mode_t>(mode)) != 0)
        return last_error();
    std::string path(at.path());
    int code = ::bind(handle, where.data(), where.size);
    if (code != 0 && errno == EADDRINUSE && is_file) {
        if (!make_room(path, where))
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
