// Stream conformance: what reads give, on every transport, however the bytes come.
#include "support/streams.hpp"

#include <array>
#include <functional>

using namespace portico;
using namespace test;

namespace {

using reader = std::function<task<>(connection&)>;

task<> read_then_tell(const reader& read, connection& from, bool& done)
{
    co_await read(from);
    done = true;
}

// Runs `read` on every transport with an input that comes whole, and byte by byte, and then ends.
void reads(const std::string& input, const reader& read)
{
    for (const bool slowly : {false, true}) {
        INFO((slowly ? "byte by byte" : "whole"));
        on_every_stream([&](connection& near, connection& far) -> task<> {
            bool done = false;
            task<> send = slowly ? send_slowly(near, far, input, done) : send_and_end(near, input);
            co_await when_all(std::move(send), read_then_tell(read, far, done));
        });
    }
}

std::string text(std::optional<bytes> part)
{
    REQUIRE(part);
    return std::string(part->text());
}

template <class Operation>
task<std::error_code> failure_of(Operation&& read)
{
    auto outcome = co_await as_result(std::move(read));
    REQUIRE_FALSE(outcome);
    co_return outcome.error().code();
}

} // namespace

TEST_CASE("a line ends with LF or CR LF, and a CR elsewhere is part of it")
{
    reads("one\r\ntwo\n\r\nfo\rur\r\r\n\nlast\r\n", [](connection& from) -> task<> {
        for (const char* const line : {"one", "two", "", "fo\rur\r", "", "last"}) {
            const auto part = co_await from.read_line();
            CHECK(text(part) == line);
        }
        const auto nothing = co_await from.read_line();
        CHECK_FALSE(nothing);
        const auto still_nothing = co_await from.read_line();
        CHECK_FALSE(still_nothing);
    });
}

TEST_CASE("the limit of a line holds to the byte, whatever its end, and leaves a longer one to be read")
{
    reads("12345\r\n12345\n\r\n123456\nrest", [](connection& from) -> task<> {
        const auto with_return = co_await from.read_line(5);
        CHECK(text(with_return) == "12345");
        const auto without = co_await from.read_line(5);
        CHECK(text(without) == "12345");
        const auto empty = co_await from.read_line(0);
        CHECK(text(empty) == "");
        const auto code = co_await failure_of(from.read_line(5));
        CHECK(code == errc::limit_exceeded);
        const auto longer = co_await from.read_line(6);
        CHECK(text(longer) == "123456");
        const auto rest = co_await from.read_all(4);
        CHECK(rest == "rest");
    });
    reads("1234567", [](connection& from) -> task<> {
        const auto code = co_await failure_of(from.read_line(5)); // known before the line has an end
        CHECK(code == errc::limit_exceeded);
        const auto all = co_await from.read_all(100);
        CHECK(all == "1234567");
    });
    reads("a line\n", [](connection& from) -> task<> {
        const auto line = co_await from.read_line(SIZE_MAX);
        CHECK(text(line) == "a line");
    });
}

TEST_CASE("read_until finds a delimiter of several bytes, whose beginning may come before it in vain")
{
    reads("head\r\n\r\r\n\r\ntail--x----y", [](connection& from) -> task<> {
        const auto head = co_await from.read_until("\r\n\r\n", 100);
        CHECK(text(head) == "head\r\n\r\r\n\r\n");
        const auto tail = co_await from.read_until("--", 6);
        CHECK(text(tail) == "tail--");
        const auto code = co_await failure_of(from.read_until("--", 2));
        CHECK(code == errc::limit_exceeded);
        const auto x = co_await from.read_until("--", 3);
        CHECK(text(x) == "x--");
        const auto none = co_await from.read_until("--", 2);
        CHECK(text(none) == "--");
        const auto inside = co_await failure_of(from.read_until("--", 100));
        CHECK(inside == errc::truncated);
        const auto rest = co_await from.read_exactly(1);
        CHECK(rest == "y");
        const auto nothing = co_await from.read_until("--", 100);
        CHECK_FALSE(nothing);
    });
}

TEST_CASE("read_exactly gives its count, nothing at the end, and errc::truncated where the end comes inside")
{
    reads("abcdefghij", [](connection& from) -> task<> {
        const auto first = co_await from.read_exactly(3);
        CHECK(first == "abc");
        const auto none = co_await from.read_exactly(0);
        CHECK(none.empty());
        const auto second = co_await from.read_exactly(4);
        CHECK(second == "defg");
        const auto code = co_await failure_of(from.read_exactly(4));
        CHECK(code == errc::truncated);
        const auto rest = co_await from.read_exactly(3);
        CHECK(rest == "hij");
        const auto end = co_await from.read_exactly(1);
        CHECK(end.empty());
    });
}

TEST_CASE("a line that the end of the stream cuts is errc::truncated, and its bytes can still be read")
{
    reads("whole\ncut", [](connection& from) -> task<> {
        const auto whole = co_await from.read_line();
        CHECK(text(whole) == "whole");
        const auto code = co_await failure_of(from.read_line());
        CHECK(code == errc::truncated);
        const auto rest = co_await from.read_all(100);
        CHECK(rest == "cut");
        const auto end = co_await from.read_some();
        CHECK(end.empty());
    });
}

TEST_CASE("read_some gives at least one byte and at most its limit, and nothing at the end")
{
    reads("abcdefghij", [](connection& from) -> task<> {
        std::string got;
        for (;;) {
            const auto part = co_await from.read_some(3);
            CHECK(part.size() <= 3);
            if (part.empty())
                break;
            got += part.text();
        }
        CHECK(got == "abcdefghij");
        CHECK(from.bytes_read() == 10);
    });
}

TEST_CASE("read_into takes what was left behind, then reads straight into the caller's memory")
{
    reads("line\nabcdefgh", [](connection& from) -> task<> {
        const auto line = co_await from.read_line();
        CHECK(text(line) == "line");
        std::string got;
        std::array<char, 3> memory;
        for (;;) {
            const std::size_t count = co_await from.read_into(memory);
            CHECK(count <= memory.size());
            if (count == 0)
                break;
            got.append(memory.data(), count);
        }
        CHECK(got == "abcdefgh");
    });
}

TEST_CASE("read_all gives everything up to its limit to the byte, and leaves what is longer to be read")
{
    reads("0123456789", [](connection& from) -> task<> {
        const auto code = co_await failure_of(from.read_all(9));
        CHECK(code == errc::limit_exceeded);
        const auto all = co_await from.read_all(10);
        CHECK(all == "0123456789");
        const auto nothing = co_await from.read_all(0);
        CHECK(nothing.empty());
    });
    reads("", [](connection& from) -> task<> {
        const auto nothing = co_await from.read_all(10);
        CHECK(nothing.empty());
    });
}

TEST_CASE("reads of every form follow each other in one stream, and each leaves the rest to the next")
{
    const std::string much = pattern(40'000);
    const std::string input = "GET /\r\n" + much + "\nname: value\r\n\r\nlast";
    on_every_stream([&](connection& near, connection& far) -> task<> {
        const auto read = [&](connection& from) -> task<> {
            const auto line = co_await from.read_line();
            CHECK(text(line) == "GET /");
            const auto body = co_await from.read_exactly(much.size());
            CHECK((body == bytes(much)));
            std::array<char, 1> newline;
            const auto count = co_await from.read_into(newline);
            CHECK((count == 1 && newline[0] == '\n'));
            const auto head = co_await from.read_until("\r\n\r\n", 100);
            CHECK(text(head) == "name: value\r\n\r\n");
            const auto some = co_await from.read_some(1);
            CHECK(some == "l");
            const auto rest = co_await from.read_all(3);
            CHECK(rest == "ast");
        };
        co_await when_all(send_and_end(near, input), read(far));
    });
}

TEST_CASE("a view of what was read stays as it is until the next read")
{
    on_every_stream([](connection& near, connection& far) -> task<> {
        const auto read = [&](connection& from) -> task<> {
            const auto line = co_await from.read_line();
            co_await from.write("answer");
            const auto answer = co_await near.read_exactly(6);
            CHECK(answer == "answer");
            CHECK(text(line) == "first");
            const auto next = co_await from.read_line();
            CHECK(text(next) == "second");
        };
        co_await when_all(near.write("first\nsecond\nthird\n"), read(far));
    });
}

TEST_CASE("a line longer than a buffer arrives whole")
{
    const std::string line = std::string(50'000, 'x') + "\n";
    on_every_stream([&](connection& near, connection& far) -> task<> {
        const auto read = [&](connection& from) -> task<> {
            const auto got = co_await from.read_line(50'000);
            CHECK(text(got) == line.substr(0, 50'000));
        };
        co_await when_all(send_and_end(near, line), read(far));
    });
}

TEST_CASE("reads that make no sense are misuse")
{
    on_every_stream([](connection& near, connection&) -> task<> {
        CHECK_THROWS_AS((void)near.read_some(0), misuse);
        CHECK_THROWS_AS((void)near.read_into({}), misuse);
        CHECK_THROWS_AS((void)near.read_until("", 10), misuse);
        co_return;
    });
}

TEST_CASE("an idle connection holds no buffer, and one with unread bytes does")
{
    on_every_stream([](connection& near, connection& far) -> task<> {
        context& own = near.owner();
        char* const kept = own.borrow_buffer();
        own.return_buffer(kept);
        const auto is_free = [&] {
            char* const next = own.borrow_buffer();
            own.return_buffer(next);
            return next == kept;
        };
        const auto wait_for_line = [](connection& from) -> task<> {
            const auto line = co_await from.read_line();
            CHECK(text(line) == "a line");
        };
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(wait_for_line(far));
            CHECK(is_free());
            co_await near.write("a line\nmore");
        });
        const auto more = co_await far.read_exactly(2);
        CHECK(more == "mo");
        CHECK_FALSE(is_free());
        const auto rest = co_await far.read_exactly(2);
        CHECK(rest == "re");
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(wait_for_line(far));
            CHECK(is_free());
            co_await near.write("a line\n");
        });
    });
}
