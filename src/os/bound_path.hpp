// bound_path: the file of a Unix socket, from bind to close.
#pragma once

#include "socket.hpp"

#include <string>
#include <sys/types.h>

namespace portico::inline v0_1::os {

/// Binds a socket and, where that makes a file, removes the file with this object: only if it is still the same one,
/// so that nothing is taken from a server that has taken the path over.
class bound_path {
public:
    bound_path() = default;
    bound_path(bound_path&& other) noexcept : path_(std::exchange(other.path_, {})), device_(other.device_), file_(other.file_) {}
    bound_path& operator=(bound_path&&) = delete;
    ~bound_path() { remove(); }

    /// A file that a socket has left behind and that no process has open any more is replaced. `mode`
    /// (-1: as the umask has it) holds from the first moment on.
    std::error_code bind(int handle, const endpoint& at, int mode);
    void remove() noexcept;
    /// The file stays.
    void forget() noexcept { path_.clear(); }

private:
    std::string path_; // empty for none
    dev_t device_{};
    ino_t file_{};
};

} // namespace portico::os
