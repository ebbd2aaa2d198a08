// splice_pipe: a pipe through which bytes go from a socket to a file without being copied into the program.
#pragma once

#include <cstddef>
#include <portico/bytes.hpp>
#include <portico/net/descriptor.hpp>
#include <sys/types.h>

namespace portico::inline v0_1::os {

/// Empty between two moves, so that one serves every socket.
class splice_pipe {
public:
    /// Opens it where it is not; false where there can be none.
    bool is_open() noexcept;
    /// Takes what has arrived at a socket, at most `count` bytes: their number, 0 at the end of the stream, -1 and errno.
    ssize_t take(int socket, std::size_t count) noexcept;
    /// Gives all of that to a file, whatever it is; waits for one that is slow. An errno value, or 0; after a failure
    /// the rest is gone.
    int pass_on(int file, std::size_t count) noexcept;

private:
    ssize_t copy(int file, std::size_t count) noexcept;
    descriptor entry_, exit_;
    std::size_t capacity_ = 0;
};

/// write(2) of all of it to a descriptor of any kind; waits for one that is slow. An errno value, or 0.
int write_all(int handle, bytes data) noexcept;

} // namespace portico::os
