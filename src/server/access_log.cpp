// access_log: see access_log.hpp. What a peer may have written is escaped here, and nowhere else.
#include <portico/server/access_log.hpp>

#include <fmt/format.h>
#include <portico/wire/json.hpp>
#include <portico/wire/text.hpp>

namespace portico::inline v0_1 {

namespace {

constexpr std::size_t longest_error = 500; // of which each byte may become 6

std::string without_spaces(const std::string& text)
{
    std::string result;
    for (const char each : text)
        each == ' ' ? result += "\\x20" : result += each;
    return result;
}

} // namespace

std::string log_time(std::chrono::system_clock::time_point when)
{
    const auto whole = std::chrono::floor<std::chrono::milliseconds>(when);
    const auto day = std::chrono::floor<std::chrono::days>(whole);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss time(whole - day);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                       time.minutes().count(), time.seconds().count(), time.subseconds().count());
}

std::string access_log_line(const closed_session& which, std::chrono::system_clock::time_point ended,
                            log_format format)
{
    const std::string time = log_time(ended);
    const std::string peer = without_spaces(to_string(which.remote));
    const std::string_view how = to_string(which.how);
    const double seconds = std::chrono::duration<double>(which.length).count();
    std::string line;
    if (format == log_format::text) {
        line = fmt::format("{} {} {}, {:.3f} s, {} bytes read, {} written", time, peer, how, seconds, which.bytes_read,
                           which.bytes_written);
        if (which.failure)
            line += ": " + text::escape(what_of(which.failure), longest_error);
        return line;
    }
    line = fmt::format(R"({{"time":"{}","peer":{},"end":"{}","seconds":{:.3f},"bytes_read":{},"bytes_written":{})",
                       time, text::json_string(peer), how, seconds, which.bytes_read, which.bytes_written);
    if (which.failure)
        line += R"(,"error":)" + text::json_string(what_of(which.failure).substr(0, longest_error));
    return line + '}';
}

} // namespace portico
