// A context on an io_context of the caller's.
#pragma once

#include <portico/asio/library.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/io_context.hpp>
#include <portico/core/context.hpp>

namespace portico::inline v0_1 {

/// How many threads run the caller's event loop.
enum class loop_threads { one, several };

/// The backend of the operating system on an event loop that the caller runs, for `context`:
///
///     asio::io_context loop;
///     portico::context own(portico::make_os_backend(loop));
///     portico::start(own, main(), asio::detached);
///     loop.run();
///
/// With `several` threads the context gets a strand, and so remains one sequence of execution; `one` saves that, and
/// is only right where a single thread runs the loop. The loop outlives the context; nothing of the context runs once
/// it is destroyed, which happens in its sequence or while the loop does not run. `context::run` is not for it.
std::unique_ptr<backend> make_os_backend(asio::io_context& loop, loop_threads threads = loop_threads::several);

/// The executor of a context's sequence: the strand, or the loop that one thread runs. For Asio objects that its tasks
/// use. Throws `misuse` where the context is not on the operating system.
asio::any_io_executor get_executor(context& of);

} // namespace portico
