// Stream conformance: what writes send, on every transport, to the byte.
#include "support/streams.hpp"

using namespace portico;
using namespace test;

namespace {

task<> expect(connection& from, std::string_view data)
{
    std::size_t position = 0;
    for (;;) {
        const auto part = co_await from.read_some();
        if (part.empty())
            break;
        REQUIRE(part.size() <= data.size() - position);
        REQUIRE((part.text() == data.substr(position, part.size())));
        position += part.size();
    }
    CHECK(position == data.size());
}

} // namespace

TEST_CASE("much data goes both ways at once, to the byte, and both sides count it")
{
    for (const stream_kind& kind : stream_kinds()) {
        const std::string forth = pattern(kind.much, 1), back = pattern(kind.much + 1, 2);
        run_with_connections(kind, [&](connection& near, connection& far) -> task<> {
            co_await when_all(send_and_end(near, forth), send_and_end(far, back), expect(far, forth),
                              expect(near, back));
            for (const connection* const each : {&near, &far})
                CHECK(each->bytes_read() + each->bytes_written() == forth.size() + back.size());
            CHECK(near.bytes_written() == forth.size());
            CHECK(far.bytes_written() == back.size());
        });
    }
}

TEST_CASE("a gather write sends many buffers in order, large, small and empty ones")
{
    const std::string data = pattern(60'000);
    std::vector<bytes> parts(3); // empty ones come first, last and in a row
    std::size_t position = 0;
    for (std::size_t i = 0; i < 100; ++i) {
        const std::size_t size = i % 7 == 0 ? 0 : i % 10 == 0 ? 5'000 : i;
        parts.push_back(bytes(data).subview(position, size));
        position += parts.back().size();
    }
    parts.resize(parts.size() + 20);
    on_every_stream([&](connection& near, connection& far) -> task<> {
        const auto send = [&](connection& to) -> task<> {
            co_await to.write(parts);
            CHECK(to.bytes_written() == position);
            to.shutdown_write().value();
        };
        co_await when_all(send(near), expect(far, std::string_view(data).substr(0, position)));
    });
}

TEST_CASE("writing nothing completes at once and sends nothing")
{
    on_every_stream([](connection& near, connection& far) -> task<> {
        const std::vector<bytes> none, empty(40);
        co_await near.write("");
        co_await near.write(none);
        co_await near.write(empty);
        CHECK(near.bytes_written() == 0);
        co_await when_all(send_and_end(near, "x"), expect(far, "x"));
    });
}

TEST_CASE("a buffered writer sends nothing below its high-water mark, and everything at it")
{
    on_every_stream([](connection& near, connection& far) -> task<> {
        const auto send = [](connection& to) -> task<> {
            writer out(to, 10);
            co_await out.write("12345");
            out.append("678");
            CHECK(out.size() == 8);
            co_await out.write("9");
            CHECK(to.bytes_written() == 0);
            co_await out.write("0abc");
            CHECK(out.size() == 0);
            CHECK(to.bytes_written() == 13);
            out.append("more than ten bytes");
            CHECK(to.bytes_written() == 13);
            co_await out.flush();
            co_await out.flush(); // of nothing
            CHECK(to.bytes_written() == 32);
            out.append("never flushed");
        };
        const auto send_and_shut_down = [&](connection& to) -> task<> {
            co_await send(to);
            to.shutdown_write().value();
        };
        co_await when_all(send_and_shut_down(near), expect(far, "1234567890abcmore than ten bytes"));
    });
}

TEST_CASE("a flush that is late or cancelled keeps what was not sent, and the next one sends it")
{
    for (const stream_kind& kind : stream_kinds()) {
        const std::string data = pattern(kind.much);
        run_with_connections(kind, [&](connection& near, connection& far) -> task<> {
            writer out(near);
            out.append(bytes(data));
            auto late = co_await as_result(with_deadline(1ms, out.flush()));
            REQUIRE_FALSE(late);
            CHECK(late.error().code() == errc::timed_out);
            CHECK(late.error().phase() == phase::write);
            CHECK(out.size() + near.bytes_written() == data.size());
            CHECK(near.bytes_written() > 0);
            CHECK(out.size() > 0);

            const auto flush = [&]() -> task<> { co_await out.flush(); };
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(flush());
                group.cancel();
                co_return;
            });
            CHECK(out.size() + near.bytes_written() == data.size());

            const auto flush_and_end = [&]() -> task<> {
                co_await out.flush();
                CHECK(out.size() == 0);
                near.shutdown_write().value();
            };
            co_await when_all(flush_and_end(), expect(far, data));
        });
    }
}

TEST_CASE("a buffered writer takes no bytes while it flushes, which would move those that are being sent")
{
    for (const stream_kind& kind : stream_kinds()) {
        const std::string data = pattern(kind.much);
        run_with_connections(kind, [&](connection& near, connection& far) -> task<> {
            writer out(near);
            out.append(bytes(data));
            const auto flush = [&]() -> task<> {
                co_await out.flush();
                near.shutdown_write().value();
            };
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(flush());
                CHECK_THROWS_AS(out.append(bytes(data)), misuse);
                CHECK_THROWS_AS((void)out.write("x"), misuse);
                CHECK_THROWS_AS((void)out.flush(), misuse);
                co_await expect(far, data);
            });
        });
    }
}
