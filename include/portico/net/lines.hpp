// for_each_line: a connection as a sequence of lines.
#pragma once

#include <portico/net/connection.hpp>
#include <type_traits>

namespace portico::inline v0_1 {

/// Calls `function(line)` for each line of a connection until the stream ends, as `for line in socket.makefile()` does
/// in Python. `line` is a `bytes` without its end (LF or CR LF), valid during the call. What the function returns is
/// awaited where it is a task; where that, or what it returns at once, is a bool, `false` stops the loop. Fails like
/// `read_line`: a line longer than `limit` bytes is `errc::limit_exceeded`, a stream that ends inside a line is
/// `errc::truncated`.
///
///     co_await for_each_line(peer, [&](bytes line) { count += line.size(); });
template <class F>
task<> for_each_line(connection& from, F function, std::size_t limit = 8192)
{
    using returned = std::invoke_result_t<F&, bytes>;
    for (;;) {
        const auto line = co_await from.read_line(limit);
        if (!line)
            co_return;
        bool going_on = true;
        if constexpr (std::is_same_v<returned, task<bool>>)
            going_on = co_await function(*line);
        else if constexpr (std::is_same_v<returned, task<>>)
            co_await function(*line);
        else if constexpr (std::is_same_v<returned, bool>)
            going_on = function(*line);
        else {
            static_assert(std::is_void_v<returned>, "the function returns a task, a bool or nothing");
            function(*line);
        }
        if (!going_on)
            co_return;
    }
}

} // namespace portico
