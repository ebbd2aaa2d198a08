// output_queue: encrypted bytes that the transport below has not taken yet. Holds no memory while it is empty and idle.
#pragma once

#include <algorithm>
#include <cstring>
#include <new>
#include <portico/bytes.hpp>
#include <portico/core/memory_pool.hpp>

namespace portico::inline v0_1::tls::detail {

class output_queue {
public:
    output_queue() noexcept = default;
    output_queue(const output_queue&) = delete;
    output_queue& operator=(const output_queue&) = delete;
    ~output_queue() { release(); }

    bool empty() const noexcept { return begin_ == end_; }
    bytes view() const noexcept { return {data_ + begin_, end_ - begin_}; }
    void consume(std::size_t count) noexcept
    {
        begin_ += count;
        if (empty())
            begin_ = end_ = 0;
    }
    /// False where there is no memory.
    bool append(bytes data) noexcept
    {
        if (!reserve(data.size()))
            return false;
        std::memcpy(data_ + end_, data.data(), data.size());
        end_ += data.size();
        return true;
    }
    /// Makes room for so much more.
    bool reserve(std::size_t more) noexcept
    {
        if (capacity_ - end_ >= more)
            return true;
        const std::size_t size = end_ - begin_;
        const std::size_t capacity = std::max({size + more, 2 * size, std::size_t{512}});
        char* made = nullptr;
        try {
            made = static_cast<char*>(portico::detail::pool_allocate(capacity));
        } catch (const std::bad_alloc&) {
            return false;
        }
        if (size != 0)
            std::memcpy(made, data_ + begin_, size);
        release();
        data_ = made;
        end_ = size;
        capacity_ = capacity;
        return true;
    }
    void release() noexcept
    {
        if (data_ != nullptr)
            portico::detail::pool_release(data_, capacity_);
        data_ = nullptr;
        begin_ = end_ = capacity_ = 0;
    }

private:
    char* data_ = nullptr;
    std::size_t begin_ = 0, end_ = 0, capacity_ = 0;
};

} // namespace portico::tls::detail
