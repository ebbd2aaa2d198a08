// memory_pool: size classes of 16 bytes up to 2 KiB, a singly linked list of free blocks each. A class holds blocks of
// 8 bytes more than a multiple of 16, which is what malloc gives without waste. Of larger blocks the last is kept.
#include <portico/core/memory_pool.hpp>

#include <array>
#include <new>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#define PORTICO_POOL_OFF 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PORTICO_POOL_OFF 1
#endif
#endif

namespace portico::inline v0_1::detail {

#ifdef PORTICO_POOL_OFF

void* pool_allocate(std::size_t size)
{
    return ::operator new(size);
}

void pool_release(void* block, std::size_t) noexcept
{
    ::operator delete(block);
}

#else

namespace {

constexpr std::size_t granularity = 16, extra = 8, largest = 2048 + extra, kept_bytes = 256 * 1024;

struct free_block {
    free_block* next;
};

struct size_class {
    free_block* first = nullptr;
    std::size_t count = 0;
};

struct cache {
    std::array<size_class, largest / granularity + 1> classes{};
    void* large = nullptr; // one that is larger than all of them
    std::size_t large_size = 0;
    bool keeps = false; // not before the thread's destructors are known to run, and not after

    void clear() noexcept
    {
        keeps = false;
        large_size = 0;
        ::operator delete(std::exchange(large, nullptr));
        for (size_class& each : classes)
            while (free_block* const block = each.first) {
                each.first = block->next;
                ::operator delete(block);
            }
    }
};

// Without a destructor, which would have to be asked for at every access.
constinit thread_local cache local_cache;

// The thread keeps blocks from its first call on, until its destructors have run. Not inlined: the registers that this
// needs would be saved at every release.
[[gnu::noinline]] void release_where_none_are_kept(void* block, std::size_t size) noexcept
{
    static thread_local const struct cleaner {
        cleaner() noexcept { local_cache.keeps = true; }
        ~cleaner() { local_cache.clear(); }
    } at_the_end;
    if (local_cache.keeps)
        pool_release(block, size);
    else
        ::operator delete(block);
}

constexpr std::size_t class_of(std::size_t size)
{
    return (size + granularity - 1 - extra) / granularity;
}

} // namespace

void* pool_allocate(std::size_t size)
{
    if (size > largest) {
        if (size != local_cache.large_size)
            return ::operator new(size);
        local_cache.large_size = 0;
        return std::exchange(local_cache.large, nullptr);
    }
    size_class& own = local_cache.classes[class_of(size)];
    free_block* const block = own.first;
    if (block == nullptr)
        return ::operator new(class_of(size) * granularity + extra);
    own.first = block->next;
    --own.count;
    return block;
}

void pool_release(void* block, std::size_t size) noexcept
{
    if (!local_cache.keeps) [[unlikely]]
        return release_where_none_are_kept(block, size);
    if (size <= largest) [[likely]] {
        size_class& own = local_cache.classes[class_of(size)];
        if (own.count * size < kept_bytes) {
            own.first = new (block) free_block{own.first};
            ++own.count;
            return;
        }
    } else if (size <= kept_bytes) {
        local_cache.large_size = size;
        block = std::exchange(local_cache.large, block);
    }
    ::operator delete(block);
}

#endif

} // namespace portico::detail
