// descriptor: a descriptor of the system that is closed with its owner.
#pragma once

#include <utility>

namespace portico::inline v0_1 {

/// Owns a file descriptor (`native_handle` elsewhere); -1 for none. Moving leaves none behind.
class descriptor {
public:
    descriptor() noexcept = default;
    /// Owns it from now on; -1 for none.
    explicit descriptor(int handle) noexcept : handle_(handle) {}
    /// `other` then owns none.
    descriptor(descriptor&& other) noexcept : handle_(other.release()) {}
    /// Closes what it owned before.
    descriptor& operator=(descriptor&& other) noexcept
    {
        const descriptor before(std::exchange(handle_, other.release()));
        return *this;
    }
    ~descriptor() { close(); }

    int get() const noexcept { return handle_; } ///< -1 where it owns none
    explicit operator bool() const noexcept { return handle_ >= 0; } ///< whether it owns one
    /// Whether there is something open under a number.
    static bool is_open(int handle) noexcept;
    /// Owns another one for the same open file (dup(2)), which programs that are started do not inherit; none where
    /// there are too many.
    static descriptor duplicate(int handle) noexcept;
    /// Gives it up to the caller.
    int release() noexcept { return std::exchange(handle_, -1); }
    /// Closes it, if there is one.
    void close() noexcept;

private:
    int handle_ = -1;
};

} // namespace portico
