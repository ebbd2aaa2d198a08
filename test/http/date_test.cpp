// Dates of HTTP, of cookies and of people, and Retry-After.
#include "catch.hpp"

#include <portico/http/date.hpp>
#include <string>

using namespace portico::http;
using namespace std::chrono_literals;
using std::chrono::seconds;
using std::chrono::sys_seconds;

namespace {

constexpr sys_seconds at(long long since_1970)
{
    return sys_seconds(seconds(since_1970));
}

std::optional<long long> parsed(std::string_view text)
{
    const auto date = parse_date(text);
    return date ? std::optional<long long>(date->time_since_epoch().count()) : std::nullopt;
}

} // namespace

TEST_CASE("the three forms of RFC 9110 are one instant, which is sent in the first form")
{
    constexpr long long instant = 784111777;
    CHECK(parsed("Sun, 06 Nov 1994 08:49:37 GMT") == instant);
    CHECK(parsed("Sunday, 06-Nov-94 08:49:37 GMT") == instant);
    CHECK(parsed("Sun Nov  6 08:49:37 1994") == instant);
    CHECK(format_date(at(instant)) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(format_date(at(0)) == "Thu, 01 Jan 1970 00:00:00 GMT");
    CHECK(format_date(at(-1)) == "Wed, 31 Dec 1969 23:59:59 GMT");
    CHECK(format_date(at(253402300799)) == "Fri, 31 Dec 9999 23:59:59 GMT");
    CHECK(format_date(at(951782400)) == "Tue, 29 Feb 2000 00:00:00 GMT");
}

TEST_CASE("a date may have its parts in any order and leave some out")
{
    struct date {
        const char* text;
        long long expected;
    };
    const date table[] = {
        {"dec 12 11:00:00 1999 GMT", 944996400},
        {"Tue, 13 Jun 2000 12:10:00 GMT", 960898200},
        {"TUESDAY, 13-JUNE-00 12:10:00 utc", 960898200},
        {"13 Jun 2000 12:10", 960898200},
        {"GMT 12:10:00 13-Jun-2000 Tuesday", 960898200},
        {"2000 Jun 13 12:10:00", 960898200},
        {"2000-06-13 12:10:00", 960898200},
        {"2000-06-13T12:10:00Z", 960898200},
        {"2000-06-13t12:10:00.123456+02:00", 960891000},
        {"20000613 12:10:00", 960898200},
        {"20000613", 960854400},
        {"2000-06-13", 960854400},
        {"13 Jun 2000", 960854400},
        {" \t13 Jun 2000 ", 960854400},
        {"20000613 +0200", 960847200},
        {"Thu Jan  1 00:00:00 GMT 1970", 0},
        {"Fri Feb 13 11:56:27 GMT 2525", 17517902187},
        {"Fri, 13-Feb-2525 11:56:27 GMT", 17517902187},
        {"Mon, 10-Dec-69 20:35:03 GMT", 3153933303},
        {"Mon, 10-Dec-70 20:35:03 GMT", 29709303},
        {"Fri, 31 Dec 1999 23:59:60 GMT", 946684800},
        {"Sat, 01 Jan 2000 0:00:00 GMT", 946684800},
        {"Mon, 29 Feb 2000 00:00:00 GMT", 951782400}, // it was a Tuesday
        {"Sept 6 1994", 778809600},
    };
    for (const date& each : table) {
        CAPTURE(each.text);
        CHECK(parsed(each.text) == each.expected);
    }
}

TEST_CASE("a zone is a number or a name, and the year may be long ago")
{
    CHECK(parsed("Wed, 09 Oct 1940 16:45:49 +0100") == -922349651);
    CHECK(parsed("Wed, 09 Oct 1940 16:45:49 GMT+0100 (Central European Standard Time)") == -922349651);
    CHECK(parsed("09 Oct 1940 16:45:49 GMT+01:00") == -922349651);
    CHECK(parsed("09 Oct 1940 11:45:49-0400") == -922349651);
    CHECK(parsed("09 Oct 1940 11:45:49 EDT") == -922349651);
    CHECK(parsed("+0100 16:45:49 09-Oct-1940") == -922349651);
    CHECK(parsed("Mon, 01 Jan 1601 00:00:00 GMT") == -11644473600);
    CHECK(parsed("Fri, 31 Dec 9999 23:59:59 GMT") == 253402300799);
}

TEST_CASE("what is no date is none, names of files too")
{
    for (const char* text : {
             "",
             " ",
             "tomorrow",
             "0",
             "12",
             "GMT",
             "12:10:00",
             "Jun 13",
             "13 Jun",
             "Jun 2000",
             "2000-06",
             "2000",
             "report-20240101.csv",
             "2000-06-13.html",
             "20000613.tar.gz",
             "/2000-06-13",
             "index.html",
             "13 Jun 2000 24:00:00",
             "13 Jun 2000 12:60:00",
             "13 Jun 2000 12:10:61",
             "13 Jun 2000 12:10:",
             "Thu, 01 Jan 1970 00:00:",
             "13 Jun 2000 12:10:0",
             "13 Jun 2000 12:10:00 PM",
             "13 Jun 2000 12",
             "31 Feb 2000",
             "29 Feb 1999",
             "0 Jun 2000",
             "32 Jun 2000",
             "2000-13-01",
             "2000-00-01",
             "20001301",
             "13 Jun 1600",
             "13 Jun 0099",
             "13 Jun 199",
             "13 Jun 10000",
             "13 Jun 20000613",
             "13 Juno 2000",
             "13 Ju 2000",
             "13 Jun Jul 2000",
             "13 14 15 Jun",
             "12:10 12:11 13 Jun 2000",
             "13 Jun 2000 GMT UTC",
             "13 Jun 2000 12:10:00 +0100 +0200",
             "13 Jun 2000 12:10:00 +1500",
             "13 Jun 2000 12:10:00 +0060",
             "13 Jun 2000 12:10:00 +01",
             "13 Jun 2000 XYZ",
             "T 13 Jun 2000",
             "13 Jun 2000 T",
             "13 Jun 2000 (comment",
             "13 Jun 2000 )",
             "13/Jun/2000",
             "12/31/1999",
             "13 Jun 2000;",
             "13 Jun 2000\r\n",
             "13 Jun 2000 \xc3\xbc",
             "99999999999999999999 Jun 2000",
         }) {
        CAPTURE(text);
        CHECK(!parse_date(text));
    }
    CHECK(!parse_date(std::string_view("13 Jun 2000\0", 12)));
}

TEST_CASE("every start of a date is read without harm, and every date that is written is read again")
{
    const std::string date = "Wed, 09 Oct 1940 16:45:49.5 GMT+01:00 (x)";
    for (std::size_t size = 0; size <= date.size(); ++size)
        (void)parse_date(std::string(date, 0, size)); // a copy, whose end the sanitiser knows
    for (long long time = -11644473600; time < 253402300800; time += 86400LL * 97 + 12345)
        CHECK(parsed(format_date(at(time))) == time);
}

TEST_CASE("Retry-After is seconds or a date, never in the past and never longer than a year")
{
    const sys_seconds now = at(784111777);
    CHECK(parse_retry_after("120", now) == 120s);
    CHECK(parse_retry_after(" 0 ", now) == 0s);
    CHECK(parse_retry_after("Sun, 06 Nov 1994 08:51:37 GMT", now) == 120s);
    CHECK(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now) == 0s);
    CHECK(parse_retry_after("Mon, 01 Jan 1601 00:00:00 GMT", now) == 0s);
    constexpr seconds year = std::chrono::days(365);
    CHECK(parse_retry_after("31536000", now) == year);
    CHECK(parse_retry_after("31536001", now) == year);
    CHECK(parse_retry_after("20240101", now) == 20240101s);
    CHECK(parse_retry_after(std::string(1000, '9'), now) == year);
    CHECK(parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", now) == year);
    for (const char* value : {"", " ", "-1", "+5", "1.5", "soon", "1s", "0x10", "12, 13"}) {
        CAPTURE(value);
        CHECK(!parse_retry_after(value, now));
    }
}
