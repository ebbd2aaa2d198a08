// Datagram sockets where memory is short: a receive fails, and takes no packet.
#include "support/datagrams.hpp"

#include <cstdlib>
#include <new>

// A sanitizer has an operator new of its own, which checks more than this one.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HEAP_IS_REPLACED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HEAP_IS_REPLACED 1
#endif
#endif

#ifndef HEAP_IS_REPLACED

using namespace portico;
using namespace test;

namespace {

thread_local std::size_t largest_allocation = SIZE_MAX;

} // namespace

// None of them inline: GCC 12 would see one without the other, and warn of memory that is freed in another way.
[[gnu::noinline]] void* operator new(std::size_t size)
{
    void* const block = size <= largest_allocation ? std::malloc(size) : nullptr;
    if (block == nullptr)
        throw std::bad_alloc();
    return block;
}

[[gnu::noinline]] void operator delete(void* block) noexcept
{
    std::free(block);
}

[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept
{
    std::free(block);
}

TEST_CASE("a receive without memory for the packet fails, and a later one gets the packet")
{
    datagram_options options;
    options.coalesce = false;
    options.max_size = 400'000; // of which the pool keeps no block
    const auto run_short = [](datagram_socket& near, datagram_socket& far) -> task<> {
        co_await near.send_to("patient", far.local_endpoint());
        largest_allocation = 300'000;
        const auto failed = co_await as_result(receive_once(far));
        largest_allocation = SIZE_MAX;
        REQUIRE_FALSE(failed);
        CHECK(failed.error().code() == std::errc::not_enough_memory);
        co_await expect_packet(far, "patient");
    };
    on_every_datagram(run_short, options);
}

#endif
