// The PROXY protocol on connections: reading a header and nothing else, deadlines and cancellation at every byte, and
// what a connection is after it.
#include "support/run_in_memory.hpp"
#include "support/streams.hpp"

#include <cstdio>
#include <portico/net/proxy_protocol.hpp>
#include <sys/socket.h>

using namespace portico;
using namespace test;

namespace {

using version = proxy_header::version;

const endpoint client = endpoint::ipv4({192, 0, 2, 1}, 56324), server = endpoint::ipv4({198, 51, 100, 7}, 443);

std::vector<proxy_header> headers()
{
    return {proxy_header(client, server, version::v1), proxy_header(client, server),
            proxy_header(endpoint::local("@client"), endpoint::local("/run/x.sock")), proxy_header(version::v1),
            proxy_header()};
}

/// The error that reading a header from a peer ends with who sends this, and then the end of the stream.
result<proxy_header> read_from(std::string_view sent)
{
    return run_in_memory([&](context& own, memory_backend& outside) -> task<result<proxy_header>> {
        auto ends = outside.make_link();
        connection near(own, std::move(ends.first)), far(own, std::move(ends.second));
        co_await send_and_end(far, sent);
        auto outcome = co_await as_result(read_proxy_header(near));
        if (!outcome)
            CHECK(outcome.error().target() == to_string(near.remote_endpoint()));
        co_return outcome;
    });
}

} // namespace

TEST_CASE("PROXY: a header is read on every kind of stream, and what follows it stays to be read")
{
    for (const proxy_header& header : headers()) {
        const std::string text = to_bytes(header);
        CAPTURE(text);
        on_every_stream([&](connection& near, connection& far) -> task<> {
            const auto send = [&]() -> task<> {
                co_await write_proxy_header(near, header);
                co_await send_and_end(near, "hello\r\n");
            };
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(send());
                const proxy_header seen = co_await read_proxy_header(far);
                CHECK(seen == header);
                const bytes rest = co_await far.read_all(100);
                CHECK(rest.text() == "hello\r\n");
                CHECK(far.bytes_read() == text.size() + 7);
            });
        });
    }
}

TEST_CASE("PROXY: a header is complete with its last byte, also where nothing follows")
{
    on_every_stream([&](connection& near, connection& far) -> task<> {
        for (const proxy_header& header : headers()) {
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(write_proxy_header(near, header));
                const proxy_header seen = co_await read_proxy_header(far);
                CHECK(seen == header);
                CHECK(far.buffered() == 0);
            });
        }
    });
}

TEST_CASE("PROXY: a stream that ends inside of a header is truncated, at every byte")
{
    for (const proxy_header& header : headers()) {
        const std::string text = to_bytes(header);
        for (std::size_t size = 0; size < text.size(); ++size) {
            CAPTURE(text, size);
            const auto outcome = read_from(std::string_view(text).substr(0, size));
            REQUIRE_FALSE(outcome);
            CHECK(outcome.error().code() == errc::truncated);
            CHECK(outcome.error().detail() == "the stream ended before it was whole");
            CHECK_THROWS_AS(outcome.value(), protocol_error);
        }
    }
}

TEST_CASE("PROXY: a wrong header fails at once, with the peer and the rule")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        for (const char* const wrong : {"GET /", "PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n"}) {
            auto ends = outside.make_link();
            connection near(own, std::move(ends.first)), far(own, std::move(ends.second));
            co_await far.write(wrong); // and no end
            const auto outcome = co_await as_result(read_proxy_header(near));
            REQUIRE_FALSE(outcome);
            CHECK(outcome.error().code() == errc::malformed);
            CHECK(std::string(outcome.error().what()).starts_with(
                "read the PROXY header from " + to_string(near.remote_endpoint()) + ": "));
            CHECK_THROWS_AS(outcome.value(), protocol_error);
        }
    });
    const auto lost = run_in_memory([](context& own, memory_backend& outside) -> task<result<proxy_header>> {
        auto ends = outside.make_link();
        connection near(own, std::move(ends.first)), far(own, std::move(ends.second));
        co_await far.write("PROXY ");
        far.abort();
        auto outcome = co_await as_result(read_proxy_header(near));
        co_return outcome;
    });
    REQUIRE_FALSE(lost);
    CHECK(lost.error().code() == std::errc::connection_reset);
}

TEST_CASE("PROXY: a header that does not come costs the deadline, at every byte, and nothing is lost of it")
{
    for (const proxy_header& header : headers()) {
        const std::string text = to_bytes(header);
        for (std::size_t size = 0; size < text.size(); ++size) {
            CAPTURE(text, size);
            run_in_memory([&](context& own, memory_backend& outside) -> task<> {
                outside.advance_when_idle();
                auto ends = outside.make_link();
                connection near(own, std::move(ends.first)), far(own, std::move(ends.second));
                co_await far.write(std::string_view(text).substr(0, size));
                const time_point begin = own.now();
                const auto late = co_await as_result(with_deadline(5s, read_proxy_header(near)));
                REQUIRE_FALSE(late);
                CHECK(late.error().code() == errc::timed_out);
                CHECK(own.now() - begin == 5s);
                near.timeout(3s);
                const auto idle = co_await as_result(read_proxy_header(near));
                REQUIRE_FALSE(idle);
                CHECK(idle.error().phase() == phase::read);
                CHECK(own.now() - begin == 8s);
                co_await far.write(std::string_view(text).substr(size));
                const proxy_header seen = co_await read_proxy_header(near);
                CHECK(seen == header);
            });
        }
    }
}

TEST_CASE("PROXY: reading a header can be cancelled at every byte, and nothing is lost of it")
{
    for (const proxy_header& header : headers()) {
        const std::string text = to_bytes(header);
        for (std::size_t size = 0; size < text.size(); ++size) {
            CAPTURE(text, size);
            run_in_memory([&](context& own, memory_backend& outside) -> task<> {
                auto ends = outside.make_link();
                connection near(own, std::move(ends.first)), far(own, std::move(ends.second));
                co_await far.write(std::string_view(text).substr(0, size));
                bool stopped = false;
                const auto read = [&]() -> task<> {
                    try {
                        (void)co_await read_proxy_header(near);
                    } catch (const cancelled&) {
                        stopped = true;
                    }
                };
                co_await scope([&](task_group& group) -> task<> {
                    group.spawn(read());
                    co_await outside.settle();
                    CHECK_FALSE(stopped);
                    group.cancel();
                });
                CHECK(stopped);
                co_await far.write(std::string_view(text).substr(size));
                const proxy_header seen = co_await read_proxy_header(near);
                CHECK(seen == header);
            });
        }
    }
}

TEST_CASE("PROXY: writing a header keeps to the deadline and can be cancelled")
{
    memory_link link;
    link.capacity = 10;
    run_in_memory([&](context& own, memory_backend& outside) -> task<> {
        outside.link(link);
        auto ends = outside.make_link();
        connection near(own, std::move(ends.first)), far(own, std::move(ends.second));
        outside.advance_when_idle();
        const proxy_header header(client, server);
        const time_point begin = own.now();
        const auto late = co_await as_result(with_deadline(5s, write_proxy_header(near, header)));
        REQUIRE_FALSE(late);
        CHECK(late.error().code() == errc::timed_out);
        CHECK(own.now() - begin == 5s);
        CHECK(near.bytes_written() == 10);
        bool stopped = false;
        const auto write = [&]() -> task<> {
            try {
                co_await write_proxy_header(near, header);
            } catch (const cancelled&) {
                stopped = true;
            }
        };
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(write());
            co_await outside.settle();
            CHECK_FALSE(stopped);
            group.cancel();
        });
        CHECK(stopped);
        CHECK_THROWS_AS(co_await write_proxy_header(near, proxy_header(client, endpoint())), misuse);
    });
}

TEST_CASE("PROXY: a connection has the endpoints of the header that was applied, and its errors name them")
{
    run_in_memory([&](context& own, memory_backend& outside) -> task<> {
        auto ends = outside.make_link();
        connection near(own, std::move(ends.first)), far(own, std::move(ends.second));
        apply_proxy_header(near, proxy_header(client, server));
        CHECK(near.remote_endpoint() == client);
        CHECK(near.local_endpoint() == server);
        const auto late = co_await as_result(with_deadline(0s, near.read_some()));
        REQUIRE_FALSE(late);
        CHECK(std::string(late.error().what()) == "read from 192.0.2.1:56324: timed out");
        connection moved(std::move(near));
        CHECK(moved.remote_endpoint() == client);
        moved.close();
        CHECK(moved.remote_endpoint() == client);
        CHECK(moved.local_endpoint() == endpoint());
        CHECK_THROWS_AS(apply_proxy_header(moved, proxy_header(client, server)), misuse);
    });
}

TEST_CASE("PROXY: a header of the proxy itself changes nothing")
{
    run_in_memory([&](context& own, memory_backend& outside) -> task<> {
        auto ends = outside.make_link();
        connection near(own, std::move(ends.first)), far(own, std::move(ends.second));
        apply_proxy_header(near, proxy_header());
        CHECK(near.remote_endpoint() == far.local_endpoint());
        CHECK(near.local_endpoint() == far.remote_endpoint());
        co_return;
    });
}

TEST_CASE("PROXY: what is buffered when a header is applied stays, and all goes on as before on every kind of stream")
{
    on_every_stream([&](connection& near, connection& far) -> task<> {
        co_await near.write("early, "); // 7 bytes, which every kind holds
        (void)co_await far.peek(3);
        const std::size_t buffered = far.buffered();
        apply_proxy_header(far, proxy_header(client, server));
        CHECK(far.buffered() == buffered);
        const std::string_view late = "late, last";
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(send_and_end(near, late));
            group.spawn(send_and_end(far, "answer"));
            const bytes all = co_await far.read_all(100);
            CHECK(all.text() == "early, late, last");
        });
        const bytes answer = co_await near.read_all(100);
        CHECK(answer.text() == "answer");
        far.close();
        CHECK_FALSE(far.is_open());
    });
}

TEST_CASE("PROXY: an end or a reset that came before a header is applied is seen after it")
{
    on_every_stream([&](connection& near, connection& far) -> task<> {
        near.shutdown_write().value();
        const bytes none = co_await far.read_some();
        CHECK(none.empty());
        apply_proxy_header(far, proxy_header(client, server));
        const bytes still_none = co_await far.read_some();
        CHECK(still_none.empty());
    });
    on_every_stream_that_resets([&](connection& near, connection& far) -> task<> {
        near.abort();
        co_await far.wait_readable();
        apply_proxy_header(far, proxy_header(client, server));
        std::error_code code;
        co_await expect_failure(read_line_from(far), code);
        CHECK(code == std::errc::connection_reset);
    });
}

TEST_CASE("PROXY: a large transfer goes through a connection that a header was applied to, in both directions at once")
{
    for (const stream_kind& kind : stream_kinds()) {
        const std::string up = pattern(kind.much, 1), down = pattern(kind.much, 2);
        run_with_connections(kind, [&](connection& near, connection& far) -> task<> {
            apply_proxy_header(far, proxy_header(client, server));
            std::string got_up, got_down;
            const auto read = [&](connection& from, std::string& into) -> task<> {
                for (;;) {
                    const bytes some = co_await from.read_some();
                    if (some.empty())
                        co_return;
                    into += some.text();
                }
            };
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(send_and_end(near, up));
                group.spawn(send_and_end(far, down));
                group.spawn(read(near, got_down));
                group.spawn(read(far, got_up));
                co_return;
            });
            CHECK(got_up == up);
            CHECK(got_down == down);
        });
    }
}

TEST_CASE("PROXY: options, files, descriptors and the handle are those of the socket below")
{
    context own(make_os_backend());
    own.run(with_deadline(patience, [](context& here) -> task<> {
        auto [near, far] = connection_pair(here);
        const int handle = near.native_handle();
        apply_proxy_header(near, proxy_header(client, server));
        CHECK(near.native_handle() == handle);
        near.options().set(option::send_buffer, 32 * 1024);
        CHECK(near.options().get(option::send_buffer) >= 32 * 1024);

        std::FILE* const file = std::tmpfile();
        REQUIRE(file != nullptr);
        std::fputs("from a file", file);
        std::fflush(file);
        const std::uint64_t sent = co_await near.write_file(fileno(file));
        CHECK(sent == 11);
        const std::string from_file(co_await far.read_exactly(11));
        CHECK(from_file == "from a file");

        const int passed[] = {fileno(file)};
        co_await near.write_descriptors("x", passed);
        const received_descriptors there = co_await far.read_descriptors();
        CHECK(there.handles.size() == 1);
        co_await far.write_descriptors("y", passed);
        const received_descriptors back = co_await near.read_descriptors();
        CHECK(back.handles.size() == 1);
        CHECK(back.data == "y");
        std::fclose(file);

        const descriptor released(near.release());
        CHECK(released.get() == handle);
        CHECK(near.local_endpoint() == endpoint());
        CHECK_FALSE(near.is_open());
    }(own)));
}

TEST_CASE("a transport is exchanged only while nothing is under way")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        auto ends = outside.make_link();
        auto others = outside.make_link();
        connection near(own, std::move(ends.first)), far(own, std::move(ends.second));
        connection other(own, std::move(others.second));
        transport_ptr spare = std::move(others.first);
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(read_line_from(near));
            co_await outside.settle();
            CHECK_THROWS_AS(apply_proxy_header(near, proxy_header(client, server)), misuse);
            co_await far.write("line\n");
        });
        spare = near.exchange_transport(std::move(spare));
        co_await other.write("through the other\n");
        const auto line = co_await near.read_line();
        REQUIRE(line);
        CHECK(line->text() == "through the other");
        CHECK(near.remote_endpoint() == other.local_endpoint());
        spare = near.exchange_transport(std::move(spare));
        CHECK(near.remote_endpoint() == far.local_endpoint());
    });
}
