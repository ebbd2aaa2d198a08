// file: files of a backend, which block: they are for what a program can wait for, such as a download.
#pragma once

#include <chrono>
#include <cstdint>
#include <portico/bytes.hpp>
#include <portico/error.hpp>
#include <span>

namespace portico::inline v0_1 {

/// How `backend::open_file` opens a file.
enum class file_mode : unsigned char {
    read,       ///< what is there, for reading alone
    create_new, ///< for writing alone; fails (EEXIST) where there is something, a symbolic link too
    truncate,   ///< for writing alone; what was in it is gone
    extend      ///< for reading, and for writing at its end; made where there is none, no symbolic link is followed
};

/// What there is under a name.
struct file_status {
    /// `special`: a device, a pipe, a socket.
    enum class kind : unsigned char { regular, folder, special };
    kind what = kind::regular; ///< symbolic links are followed
    bool is_link = false;      ///< the name is a symbolic link, and the rest is of what it leads to
    std::uint64_t size = 0;    ///< bytes
    std::chrono::system_clock::time_point modified{}; ///< when it was last written to
    std::uint64_t device = 0;  ///< with `number`: the same two are the same file, whatever its names
    std::uint64_t number = 0;  ///< st_ino
};

/// An open file. Errors name the operation, which ends in " file", the path and the reason.
class file {
public:
    virtual ~file() = default;
    /// Reads some bytes, from where the last read ended: the first one reads at the start. 0 at the end of the file.
    virtual result<std::size_t> read(std::span<char> destination) = 0;
    /// Writes all of `data` where the last write ended, or fails; how much was written before a failure is not said.
    virtual result<void> write(bytes data) = 0;
    /// Cuts the file to this size, or fills it up with zeros; the next write is at its end.
    virtual result<void> truncate(std::uint64_t size) = 0;
    /// fsync(2).
    virtual result<void> sync() = 0;
    /// Takes the file for this object until it is closed, without waiting (flock(2)); false where another one, of this
    /// process or of any, has it.
    virtual result<bool> lock() = 0;
    /// What it is, by now.
    virtual result<file_status> status() = 0;
    /// Closes it, and says what could not be written until then. The destructor closes in silence.
    virtual result<void> close() = 0;
    /// The descriptor of the system; -1 where there is none.
    virtual int native_handle() const noexcept = 0;
};

} // namespace portico
