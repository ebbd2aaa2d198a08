// The door for Asio users: the one public header that includes Asio.
#pragma once

// The library first: Asio's configuration depends on what libstdc++ has said of itself by then.
#include <portico/core/context.hpp>

#include <asio/io_context.hpp>
#include <memory>

namespace portico::inline v0_1 {

/// How many threads run the caller's event loop.
enum class loop_threads { one, several };

/// The backend of the operating system on an event loop that the caller runs, for `context`:
///
///     asio::io_context loop;
///     context own(make_os_backend(loop));
///     own.start(main(), [](std::exception_ptr failure) { ... });
///     loop.run();
///
/// With `several` threads the context gets a strand, and so remains one sequence of execution; `one` saves that, and
/// is only right where a single thread runs the loop. The loop outlives the context; nothing of the context runs once
/// it is destroyed, which happens in its sequence or while the loop does not run. `context::run` is not for it.
///
/// The program is built with the version of Asio, and the configuration macros, that the library was built with.
std::unique_ptr<backend> make_os_backend(asio::io_context& loop, loop_threads threads = loop_threads::several);

} // namespace portico
