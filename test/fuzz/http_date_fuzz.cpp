// Fuzzes dates: what is one can be sent, and means the same when it comes back.
#include "fuzz.hpp"
#include <cstddef>
#include <cstdint>
#include <portico/http/date.hpp>
#include <string_view>

/// The input is a date, and a value of Retry-After.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace portico::http;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto date = parse_date(input);
    const bool sendable = date && *date < std::chrono::sys_days(std::chrono::year(9999) / 12 / 31)
                          && *date >= std::chrono::sys_days(std::chrono::year(1601) / 1 / 1);
    require(!sendable || parse_date(format_date(*date)) == date);
    const auto wait = parse_retry_after(input, std::chrono::sys_seconds(std::chrono::seconds(1'000'000'000)));
    require(!wait || (wait->count() >= 0 && *wait <= std::chrono::days(365)));
    return 0;
}
