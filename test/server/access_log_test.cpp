// The access log: lines of text and of JSON, whatever a peer has had a hand in.
#include "catch.hpp"

#include <algorithm>
#include <climits>
#include <cstdint>
#include <portico/error.hpp>
#include <portico/server/access_log.hpp>
#include <stdexcept>

using namespace portico;
using namespace std::chrono_literals;

namespace {

const auto when = std::chrono::system_clock::time_point(1'795'381'443'125ms);

std::string line_of(const endpoint& peer, log_format format, const std::exception_ptr& failure = {},
                    session_end how = session_end::served, duration length = 2ms)
{
    return access_log_line({peer, length, 4711, 21, how, failure}, when, format);
}

std::exception_ptr failure_of(std::string text)
{
    return std::make_exception_ptr(std::runtime_error(std::move(text)));
}

const endpoint somebody = endpoint::ipv4({192, 0, 2, 1}, 50123);

} // namespace

TEST_CASE("a session that was served is a line of its time, peer, end, seconds and bytes")
{
    CHECK(line_of(somebody, log_format::text)
          == "2026-11-22T21:04:03.125Z 192.0.2.1:50123 served, 0.002 s, 4711 bytes read, 21 written");
    CHECK(line_of(somebody, log_format::json)
          == R"({"time":"2026-11-22T21:04:03.125Z","peer":"192.0.2.1:50123","end":"served","seconds":0.002,)"
             R"("bytes_read":4711,"bytes_written":21})");
}

TEST_CASE("a line says how a session has ended and what its handler has thrown")
{
    const auto late = std::make_exception_ptr(error(errc::timed_out, "read from", "192.0.2.1:50123", phase::read));
    CHECK(line_of(somebody, log_format::text, late, session_end::timed_out, 75s + 500us)
          == "2026-11-22T21:04:03.125Z 192.0.2.1:50123 timed_out, 75.001 s, 4711 bytes read, 21 written: "
             + std::string(error(errc::timed_out, "read from", "192.0.2.1:50123", phase::read).what()));
    CHECK(line_of(somebody, log_format::json, failure_of("no luck"), session_end::failed).ends_with(
        R"("end":"failed","seconds":0.002,"bytes_read":4711,"bytes_written":21,"error":"no luck"})"));
    const auto strange = std::make_exception_ptr(1);
    CHECK(line_of(somebody, log_format::text, strange).ends_with(": an exception of an unknown type"));
}

TEST_CASE("times are in UTC with milliseconds, before and after 1970 and on the last day of February")
{
    using clock = std::chrono::system_clock;
    CHECK(log_time(clock::time_point()) == "1970-01-01T00:00:00.000Z");
    CHECK(log_time(clock::time_point(-1ms)) == "1969-12-31T23:59:59.999Z");
    CHECK(log_time(clock::time_point(1'709'251'199'999ms)) == "2024-02-29T23:59:59.999Z");
    CHECK(log_time(clock::time_point(1'709'251'200'000ms + 999us)) == "2024-03-01T00:00:00.000Z");
}

TEST_CASE("controls, quotation marks, backslashes and bytes that are no UTF-8 are escaped in a line")
{
    const std::exception_ptr failure = failure_of("say \"no\"\\\r\n\x1b[2J\x7f\xff \xc3\xbc");
    CHECK(line_of(somebody, log_format::text, failure).ends_with(R"(: say "no"\\\r\n\x1b[2J\x7f\xff \xc3\xbc)"));
    CHECK(line_of(somebody, log_format::json, failure).ends_with(
        R"("error":"say \"no\"\\\r\n\u001b[2J\u007f\ufffd \u00fc"})"));
}

TEST_CASE("the name of a Unix socket cannot forge a field of a line")
{
    const endpoint forger = endpoint::local("/tmp/\"x\", 1 s\n2026 \xff\\");
    CHECK(line_of(forger, log_format::text).starts_with(
        R"(2026-11-22T21:04:03.125Z unix:/tmp/"x",\x201\x20s\n2026\x20\xff\\ served, 0.002 s)"));
    CHECK(line_of(forger, log_format::json).find(
        R"("peer":"unix:/tmp/\"x\",\\x201\\x20s\\n2026\\x20\\xff\\\\","end":"served")") != std::string::npos);
    CHECK(line_of(endpoint::local(""), log_format::text).find("Z unix: served") != std::string::npos);
}

TEST_CASE("a line is printable ASCII and is written to a pipe as a whole, however long names and errors are")
{
    for (const char filling : {'x', ' ', '"', '\\', '\n', '\0', '\xff', '\x7f'}) {
        CAPTURE(static_cast<int>(filling));
        const endpoint peer = endpoint::local("@" + std::string(107, filling));
        const std::exception_ptr failure = failure_of(std::string(100'000, filling));
        for (const log_format format : {log_format::text, log_format::json}) {
            const std::string line = access_log_line(
                {peer, duration::max(), UINT64_MAX, UINT64_MAX, session_end::cancelled, failure}, when, format);
            CHECK(line.size() < PIPE_BUF);
            CHECK(std::ranges::all_of(line, [](char each) { return each >= 0x20 && each < 0x7f; }));
        }
    }
}
