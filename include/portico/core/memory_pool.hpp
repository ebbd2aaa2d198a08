// memory_pool: where coroutine frames, sessions and transports live. A bounded cache of freed blocks for each thread.
#pragma once

#include <cstddef>

namespace portico::inline v0_1::detail {

/// Blocks of `size` bytes; freed ones are kept, up to 256 KiB a size class and thread, and used again. Of blocks of more
/// than 2 KiB each thread keeps the one, up to 256 KiB, that was freed last. Under
/// AddressSanitizer every block comes from and returns to the heap, so that a use after free is seen.
void* pool_allocate(std::size_t size);
void pool_release(void* block, std::size_t size) noexcept;

/// Gives a class the pool's `new` and `delete`.
struct pooled {
    static void* operator new(std::size_t size) { return pool_allocate(size); }
    static void operator delete(void* block, std::size_t size) noexcept { pool_release(block, size); }
};

/// The pool as an allocator.
template <class T>
struct pool_allocator {
    using value_type = T;
    pool_allocator() = default;
    template <class U>
    pool_allocator(const pool_allocator<U>&) noexcept
    {
    }
    T* allocate(std::size_t count) { return static_cast<T*>(pool_allocate(count * sizeof(T))); }
    void deallocate(T* block, std::size_t count) noexcept { pool_release(block, count * sizeof(T)); }
    friend bool operator==(pool_allocator, pool_allocator) noexcept { return true; }
};

} // namespace portico::detail
