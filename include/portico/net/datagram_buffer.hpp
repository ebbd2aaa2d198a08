// datagram_buffer: where a datagram socket receives. It holds memory only while something is in it.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

namespace portico::inline v0_1::detail {

/// Blocks that take one datagram behind the other as long as somebody keeps one of them, and are used again from their
/// beginning when nobody does. The last to keep a block frees it.
class datagram_buffer {
    struct block {
        std::size_t capacity, used = 0;
        unsigned keepers = 0;
        char* data() noexcept { return reinterpret_cast<char*>(this + 1); }
    };

public:
    /// Keeps what was received last where it is. Does not outlive the buffer, which is not moved meanwhile.
    class kept {
    public:
        explicit kept(datagram_buffer& from) noexcept : from_(from), block_(from.block_)
        {
            if (block_->keepers++ == 0)
                from_.kept_bytes_ += block_->capacity;
        }
        kept(const kept&) = delete;
        kept& operator=(const kept&) = delete;
        ~kept()
        {
            if (--block_->keepers == 0)
                from_.on_unkept(block_);
        }

    private:
        datagram_buffer& from_;
        block* block_;
    };

    datagram_buffer() noexcept = default;
    datagram_buffer(datagram_buffer&& other) noexcept
        : block_(std::exchange(other.block_, nullptr)), waiting_(std::exchange(other.waiting_, true)) {}
    datagram_buffer& operator=(datagram_buffer&&) = delete;
    ~datagram_buffer() { wait(); }

    /// Room for `size` bytes, valid until the next call unless it is kept.
    std::span<char> prepare(std::size_t size);
    void commit(std::size_t count) noexcept { block_->used += count; }
    /// Until the next `prepare` nothing is in it but what is kept.
    void wait() noexcept;
    /// The memory of what is kept.
    std::size_t kept_bytes() const noexcept { return kept_bytes_; }

private:
    static void release(block* which) noexcept;
    void on_unkept(block* which) noexcept;

    block* block_ = nullptr; // the one that takes the next datagram
    std::size_t kept_bytes_ = 0;
    bool waiting_ = true;
};

} // namespace portico::detail
