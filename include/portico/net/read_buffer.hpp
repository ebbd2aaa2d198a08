// read_buffer: the bytes that a connection has received and nobody has consumed. Borrowed from the context while there
// are any, so that an idle connection holds none.
#pragma once

#include <cstddef>
#include <portico/bytes.hpp>
#include <portico/core/stream_group.hpp>
#include <span>

namespace portico::inline v0_1::detail {

class read_buffer {
public:
    explicit read_buffer(stream_group& group) noexcept : group_(group) {}
    read_buffer(read_buffer&& other) noexcept;
    read_buffer& operator=(read_buffer&& other) noexcept;
    ~read_buffer()
    {
        if (data_ != nullptr)
            free();
    }

    stream_group& group() const noexcept { return *group_; }
    bytes view() const noexcept { return {data_ + begin_, end_ - begin_}; }
    std::size_t size() const noexcept { return end_ - begin_; }
    /// The first `count` bytes, which are no longer in the buffer but stay where they are until the next `prepare`
    /// or `release_if_empty`.
    bytes consume(std::size_t count) noexcept
    {
        const bytes taken(data_ + begin_, count);
        begin_ += count;
        return taken;
    }

    /// Room behind the bytes that are there: at least 1 byte, as much as there is; made by moving or growing, so that
    /// `wanted` bytes in all could be held (growth at least doubles). None where the group or the system has no more
    /// memory.
    std::span<char> prepare(std::size_t wanted) noexcept;
    void commit(std::size_t count) noexcept { end_ += count; }
    void release_if_empty() noexcept
    {
        if (begin_ == end_ && data_ != nullptr)
            free();
    }

private:
    bool grow(std::size_t capacity) noexcept;
    void free() noexcept;

    stream_group::pointer group_;
    char* data_ = nullptr;
    std::size_t begin_ = 0, end_ = 0, capacity_ = 0;
};

} // namespace portico::detail
