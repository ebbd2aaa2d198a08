// memory_pool: freed blocks are used again, and only a bounded number of them is kept.
#include "catch.hpp"

#include <cstring>
#include <malloc.h>
#include <portico/core/memory_pool.hpp>
#include <set>
#include <thread>
#include <vector>

using namespace portico::detail;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HEAP_IS_REPLACED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HEAP_IS_REPLACED 1
#endif
#endif

TEST_CASE("blocks of every size hold their bytes and do not overlap")
{
    std::vector<std::pair<unsigned char*, std::size_t>> blocks;
    for (int round = 0; round < 3; ++round) {
        for (std::size_t size = 1; size <= 3000; size += 37) {
            auto* const block = static_cast<unsigned char*>(pool_allocate(size));
            CHECK(reinterpret_cast<std::uintptr_t>(block) % 16 == 0);
            std::memset(block, static_cast<int>(size & 0xff), size);
            blocks.emplace_back(block, size);
        }
        bool whole = true;
        for (const auto& [block, size] : blocks) {
            for (std::size_t i = 0; i < size; ++i)
                whole = whole && block[i] == (size & 0xff);
            pool_release(block, size);
        }
        CHECK(whole);
        blocks.clear();
    }
}

TEST_CASE("a block may be freed by another thread than the one that allocated it, and after that thread has ended",
          "[threads]")
{
    std::vector<void*> blocks(100);
    std::thread([&] {
        for (void*& each : blocks)
            each = pool_allocate(200);
        pool_release(pool_allocate(500), 500);
    }).join();
    for (void* const each : blocks)
        pool_release(each, 200);
    CHECK(std::set<void*>(blocks.begin(), blocks.end()).size() == 100);
}

#ifndef HEAP_IS_REPLACED

TEST_CASE("a freed block is the next one of its size class")
{
    void* const first = pool_allocate(100);
    pool_release(first, 100);
    void* const again = pool_allocate(98);
    CHECK(again == first);
    pool_release(again, 98);
}

TEST_CASE("of large blocks the one that was freed last is used again, for the same size")
{
    constexpr std::size_t size = 130'000;
    void* const first = pool_allocate(size);
    void* const second = pool_allocate(size);
    CHECK(first != second);
    pool_release(first, size);
    pool_release(second, size);
    void* const other = pool_allocate(size + 1);
    CHECK(other != second);
    void* const again = pool_allocate(size);
    CHECK(again == second);
    pool_release(again, size);
    pool_release(other, size + 1);
    constexpr std::size_t huge = 1 << 20; // is not kept
    void* const block = pool_allocate(huge);
    const std::size_t in_use = mallinfo2().uordblks + mallinfo2().hblkhd;
    pool_release(block, huge);
    CHECK(mallinfo2().uordblks + mallinfo2().hblkhd + huge <= in_use);
}

TEST_CASE("a size class keeps at most 256 KiB of freed blocks: the rest goes back to the heap")
{
    constexpr std::size_t size = 1024, count = 20'000;
    std::vector<void*> blocks(count);
    for (void*& each : blocks)
        each = pool_allocate(size);
    const std::size_t in_use = mallinfo2().uordblks;
    for (void* const each : blocks)
        pool_release(each, size);
    const std::size_t kept = mallinfo2().uordblks;
    // Of the 20 MB the pool keeps its 256 KiB (with the heap's own bytes); the small blocks of others do not matter.
    CHECK(in_use - kept >= (count * size) - 300 * 1024);
}

namespace {

/// Uses the pool when the thread's cache is gone: it is made before the cache, and so ends after it.
struct late_user {
    static constexpr std::size_t large = 100'000, small = 100;
    unsigned* distinct = nullptr;
    ~late_user()
    {
        for (const std::size_t size : {large, small}) {
            void* const blocks[] = {pool_allocate(size), pool_allocate(size)};
            *distinct += blocks[0] != blocks[1];
            for (void* const each : blocks) {
                std::memset(each, 1, size);
                pool_release(each, size);
            }
        }
    }
};

thread_local late_user late;

} // namespace

TEST_CASE("what is allocated when a thread's pool is gone comes from the heap", "[threads]")
{
    unsigned distinct = 0;
    std::thread([&] {
        late.distinct = &distinct;
        for (const std::size_t size : {late_user::large, late_user::small})
            pool_release(pool_allocate(size), size);
    }).join();
    CHECK(distinct == 2);
}

#endif
