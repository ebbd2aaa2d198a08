// session_info: as text, for a person.
#include <portico/server/session_info.hpp>

#include <fmt/format.h>
#include <portico/core/await_stack.hpp>

namespace portico::inline v0_1 {

std::string_view to_string(session_end how) noexcept
{
    switch (how) {
    case session_end::served: return "served";
    case session_end::refused: return "refused";
    case session_end::lost: return "lost";
    case session_end::timed_out: return "timed_out";
    case session_end::failed: return "failed";
    case session_end::cancelled: return "cancelled";
    case session_end::aborted: return "aborted";
    }
    return {};
}

namespace {

double seconds(duration length) noexcept
{
    return std::chrono::duration<double>(length).count();
}

} // namespace

std::string to_string(const session_info& which)
{
    std::string text = fmt::format("{} at {}: {:.3f} s old, {} bytes read, {} written\n", to_string(which.remote),
                                   to_string(which.local), seconds(which.age), which.bytes_read, which.bytes_written);
    for (const session_wait& each : which.waits) {
        text += fmt::format("  {}, for {:.3f} s, ", each.what, seconds(each.since));
        text += each.remaining == no_timeout ? "without a deadline\n"
                                             : fmt::format("{:.3f} s left\n", seconds(each.remaining));
        text += to_string(each.stack);
    }
    return text;
}

} // namespace portico
