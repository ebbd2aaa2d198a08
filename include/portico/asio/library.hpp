// The link guard: a program with another Asio than the library's does not link, where it would else crash when it runs.
#pragma once

// The standard library first: Asio's configuration depends on what libstdc++ has said of itself by then.
#include <memory>

#include <asio/detail/config.hpp>
#include <asio/version.hpp>

namespace portico::inline v0_1::detail::configuration {

// What changes the layout or the inline functions of Asio's types.
enum class threads : bool { off, on };
enum class epoll : bool { off, on };
enum class eventfd : bool { off, on };
enum class timerfd : bool { off, on };
enum class io_uring : bool { off, on };
enum class io_uring_as_default : bool { off, on };
enum class handler_tracking : bool { off, on };
enum class small_block_recycling : bool { off, on };
enum class ts_executor_as_default : bool { off, on };

/// `undefined reference` to this: the program was built with another version of Asio (102201 is 1.22.1), or with other
/// macros that configure it, than portico. The library defines it for its own. Build both with the same.
template <unsigned version, auto... options>
struct asio_of_this_program {
    static void is_not_that_of_portico();
};

using this_asio = asio_of_this_program<
    ASIO_VERSION,
#if defined(ASIO_HAS_THREADS)
    threads::on,
#else
    threads::off,
#endif
#if defined(ASIO_HAS_EPOLL)
    epoll::on,
#else
    epoll::off,
#endif
#if defined(ASIO_HAS_EVENTFD)
    eventfd::on,
#else
    eventfd::off,
#endif
#if defined(ASIO_HAS_TIMERFD)
    timerfd::on,
#else
    timerfd::off,
#endif
#if defined(ASIO_HAS_IO_URING)
    io_uring::on,
#else
    io_uring::off,
#endif
#if defined(ASIO_HAS_IO_URING_AS_DEFAULT)
    io_uring_as_default::on,
#else
    io_uring_as_default::off,
#endif
#if defined(ASIO_ENABLE_HANDLER_TRACKING)
    handler_tracking::on,
#else
    handler_tracking::off,
#endif
#if defined(ASIO_DISABLE_SMALL_BLOCK_RECYCLING)
    small_block_recycling::off,
#else
    small_block_recycling::on,
#endif
#if defined(ASIO_USE_TS_EXECUTOR_AS_DEFAULT)
    ts_executor_as_default::on
#else
    ts_executor_as_default::off
#endif
    >;

/// Every file of the program that includes this refers to it.
[[gnu::used]] inline constexpr auto check = &this_asio::is_not_that_of_portico;

} // namespace portico::detail::configuration
