// datagram_buffer: making and freeing blocks.
#include <portico/net/datagram_buffer.hpp>

#include <algorithm>
#include <new>
#include <portico/core/memory_pool.hpp>

namespace portico::inline v0_1::detail {

namespace {

constexpr std::size_t smallest_block = 16 * 1024;

} // namespace

std::span<char> datagram_buffer::prepare(std::size_t size)
{
    waiting_ = false;
    if (block_ != nullptr && block_->keepers == 0)
        block_->used = 0;
    if (block_ == nullptr || block_->capacity - block_->used < size) {
        wait();
        const std::size_t capacity = std::max(2 * size, smallest_block);
        block_ = new (pool_allocate(sizeof(block) + capacity)) block{capacity};
        waiting_ = false;
    }
    return {block_->data() + block_->used, size};
}

void datagram_buffer::release(block* which) noexcept
{
    pool_release(which, sizeof(block) + which->capacity);
}

void datagram_buffer::wait() noexcept
{
    waiting_ = true;
    if (block_ != nullptr && block_->keepers == 0)
        release(std::exchange(block_, nullptr));
}

void datagram_buffer::on_unkept(block* which) noexcept
{
    kept_bytes_ -= which->capacity;
    if (which == block_ && !waiting_)
        return;
    if (which == block_)
        block_ = nullptr;
    release(which);
}

} // namespace portico::detail
