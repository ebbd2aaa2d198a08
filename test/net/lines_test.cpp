// for_each_line: what it calls its function with, and when it stops.
#include "support/streams.hpp"

#include <portico/net/lines.hpp>

using namespace portico;
using namespace test;

namespace {

// Runs `body(near, far)` on every transport while `far` sends a text and its end.
template <class Body>
void on_every_stream_with(std::string_view text, const Body& body)
{
    on_every_stream([&](connection& near, connection& far) -> task<> {
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(send_and_end(far, text));
            co_await body(near, far);
            group.cancel();
        });
    });
}

} // namespace

TEST_CASE("every line is given without its end, until the stream ends")
{
    on_every_stream_with("one\r\ntwo\n\nfour\n", [](connection& near, connection&) -> task<> {
        std::vector<std::string> lines;
        co_await for_each_line(near, [&](bytes line) { lines.emplace_back(line.text()); });
        CHECK(lines == std::vector<std::string>{"one", "two", "", "four"});
    });
}

TEST_CASE("a function that returns a task is awaited for each line, and one that returns false ends the loop")
{
    on_every_stream_with("one\nstop\nthree\n", [](connection& near, connection&) -> task<> {
        std::string echoed;
        co_await for_each_line(near, [&](bytes line) -> task<bool> {
            co_await yield();
            const bool more = line != bytes("stop");
            echoed += line.text();
            co_return more;
        });
        const auto rest = co_await near.read_line();
        REQUIRE(rest);
        CHECK(rest->text() == "three");
        CHECK(echoed == "onestop");
    });
}

TEST_CASE("a line without an end, or beyond the limit, fails the loop")
{
    on_every_stream_with("123456\n1234567890\n12", [](connection& near, connection&) -> task<> {
        std::vector<std::size_t> sizes;
        auto outcome = co_await as_result(for_each_line(near, [&](bytes line) { sizes.push_back(line.size()); }, 8));
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().code() == errc::limit_exceeded);
        CHECK(sizes == std::vector<std::size_t>{6});
    });
    on_every_stream_with("1\n2", [](connection& near, connection&) -> task<> {
        auto outcome = co_await as_result(for_each_line(near, [](bytes) {}));
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().code() == errc::truncated);
    });
}
