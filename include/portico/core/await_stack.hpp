// await_stack: where a task that waits is, as a debugger would show it for a thread.
#pragma once

#include <portico/core/context.hpp>
#include <source_location>
#include <string>
#include <vector>

namespace portico::inline v0_1 {

/// The `co_await`s at which an operation is waited for: the innermost first, then that of the task which awaits that
/// one, up to the task that was spawned.
std::vector<std::source_location> await_stack(const operation& waiting);

/// An await stack as text, a line each: `  read_request at server.cpp:42`. The name is that of the function alone.
std::string to_string(const std::vector<std::source_location>& stack);

/// The await stacks of everything that waits in a context, for a person to read.
std::string await_stacks(context& of);

} // namespace portico
