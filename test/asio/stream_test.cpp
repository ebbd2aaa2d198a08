// asio_stream: a connection under Asio's algorithms, and under asio::ssl::stream.
#include "catch.hpp"
#include "support/certificate.hpp"

#include <array>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/read.hpp>
#include <asio/read_until.hpp>
#include <asio/ssl.hpp>
#include <asio/streambuf.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <optional>
#include <portico/asio.hpp>
#include <portico/portico.hpp>
#include <string>

using namespace portico;
using namespace std::chrono_literals;

namespace {

/// A loop, a context on it, and two ends of a connection.
struct world {
    asio::io_context loop;
    context own{make_os_backend(loop)};
    std::pair<connection, connection> ends = connection_pair(own);
    asio_stream near{ends.first}, far{ends.second};
};

} // namespace

TEST_CASE("asio::async_read_until and asio::async_write work on a connection, and its end is eof")
{
    world here;
    std::string lines;
    std::error_code end;
    const auto read = [&]() -> asio::awaitable<void> {
        asio::streambuf buffer;
        for (int i = 0; i < 2; ++i) {
            const std::size_t length = co_await asio::async_read_until(here.far, buffer, '\n', asio::use_awaitable);
            lines += std::string(asio::buffers_begin(buffer.data()), asio::buffers_begin(buffer.data())
                                                                         + static_cast<std::ptrdiff_t>(length));
            buffer.consume(length);
        }
        try {
            co_await asio::async_read_until(here.far, buffer, '\n', asio::use_awaitable);
        } catch (const std::system_error& failure) {
            end = failure.code();
        }
    };
    const auto write = [&]() -> asio::awaitable<void> {
        const std::string first = "a line\nanoth", second = "er\n";
        const std::array<asio::const_buffer, 3> parts{asio::buffer(first), asio::const_buffer(), asio::buffer(second)};
        const std::size_t sent = co_await asio::async_write(here.near, parts, asio::use_awaitable);
        CHECK(sent == first.size() + second.size());
        CHECK(here.ends.first.shutdown_write());
    };
    asio::co_spawn(here.loop, read(), asio::detached);
    asio::co_spawn(here.loop, write(), asio::detached);
    here.loop.run();
    CHECK(lines == "a line\nanother\n");
    CHECK(end == asio::error::eof);
}

TEST_CASE("a read into no memory completes at once with nothing")
{
    world here;
    std::optional<std::error_code> told;
    here.near.async_read_some(asio::mutable_buffer(), [&](std::error_code code, std::size_t count) {
        told = code;
        CHECK(count == 0);
    });
    CHECK_FALSE(told);
    here.loop.run();
    REQUIRE(told);
    CHECK_FALSE(*told);
}

TEST_CASE("a read that is cancelled by its slot has taken nothing, and the connection's timeout arrives as its code")
{
    world here;
    std::array<char, 16> buffer{};
    asio::cancellation_signal stop;
    std::error_code cancelled_with, late;
    here.near.async_read_some(asio::buffer(buffer), asio::bind_cancellation_slot(stop.slot(), [&](std::error_code code, std::size_t count) {
        cancelled_with = code;
        CHECK(count == 0);
        here.ends.first.timeout(1ms);
        here.near.async_read_some(asio::buffer(buffer), [&](std::error_code next, std::size_t) {
            late = next;
            CHECK(here.ends.second.try_write("later") == 5);
        });
    }));
    here.loop.poll();
    stop.emit(asio::cancellation_type::terminal);
    here.loop.run();
    CHECK(cancelled_with == asio::error::operation_aborted);
    CHECK(late == errc::timed_out);
    std::string heard;
    here.near.async_read_some(asio::buffer(buffer), [&](std::error_code, std::size_t count) { heard.assign(buffer.data(), count); });
    here.loop.restart();
    here.loop.run();
    CHECK(heard == "later");
}

TEST_CASE("the timeout of a connection holds for each of its reads")
{
    world here;
    here.ends.first.timeout(100ms);
    std::array<char, 16> buffer{};
    std::error_code late;
    here.near.async_read_some(asio::buffer(buffer), [&](std::error_code code, std::size_t) {
        CHECK_FALSE(code);
        here.near.async_read_some(asio::buffer(buffer), [&](std::error_code next, std::size_t) { late = next; });
    });
    here.loop.poll(); // it waits
    CHECK(here.ends.second.try_write("first") == 5);
    here.loop.run();
    CHECK(late == errc::timed_out);
}

TEST_CASE("a write that is cancelled says how much was sent")
{
    world here;
    const std::string much(16 << 20, 'x');
    asio::cancellation_signal stop;
    std::size_t sent = 0;
    std::error_code how;
    here.near.async_write_some(asio::buffer(much), asio::bind_cancellation_slot(stop.slot(), [&](std::error_code code, std::size_t count) {
        how = code;
        sent = count;
    }));
    here.loop.poll();
    stop.emit(asio::cancellation_type::terminal);
    here.loop.run();
    CHECK(how == asio::error::operation_aborted);
    CHECK(sent > 0);
    CHECK(sent < much.size());
    CHECK(sent == here.ends.first.bytes_written());
}

TEST_CASE("a second read while one is under way is an error, and is reported")
{
    world here;
    std::vector<std::string> reports;
    here.own.on_report([&](const report& what) { reports.push_back(what.text); });
    std::array<char, 16> buffer{};
    std::error_code second;
    here.near.async_read_some(asio::buffer(buffer), [](std::error_code, std::size_t) {});
    here.near.async_read_some(asio::buffer(buffer), [&](std::error_code code, std::size_t) {
        second = code;
        here.ends.second.close();
    });
    here.loop.run();
    CHECK(second == std::errc::invalid_argument);
    CHECK(reports == std::vector<std::string>{"a second read on a connection while one is under way"});
}

TEST_CASE("asio::ssl::stream carries TLS over a connection, with a verified certificate, and ends it well")
{
    world here;
    const test::certificate own_certificate("localhost");
    asio::ssl::context server_side(asio::ssl::context::tls_server), client_side(asio::ssl::context::tls_client);
    server_side.use_certificate(asio::buffer(own_certificate.pem()), asio::ssl::context::pem);
    server_side.use_private_key(asio::buffer(own_certificate.key_pem()), asio::ssl::context::pem);
    client_side.add_certificate_authority(asio::buffer(own_certificate.pem()));
    client_side.set_verify_mode(asio::ssl::verify_peer);

    const std::string much(1 << 20, 'm');
    std::string heard;
    bool ended_well = false;
    const auto serve = [&]() -> asio::awaitable<void> {
        asio::ssl::stream<asio_stream> tls(here.far, server_side);
        co_await tls.async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
        std::string request(5, ' ');
        co_await asio::async_read(tls, asio::buffer(request), asio::use_awaitable);
        CHECK(request == "hello");
        co_await asio::async_write(tls, asio::buffer(much), asio::use_awaitable);
        co_await tls.async_shutdown(asio::use_awaitable);
        here.ends.second.close();
    };
    const auto ask = [&]() -> asio::awaitable<void> {
        asio::ssl::stream<asio_stream> tls(here.near, client_side);
        tls.set_verify_callback(asio::ssl::host_name_verification("localhost"));
        co_await tls.async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
        co_await asio::async_write(tls, asio::buffer("hello", 5), asio::use_awaitable);
        try {
            co_await asio::async_read(tls, asio::dynamic_buffer(heard), asio::use_awaitable);
        } catch (const std::system_error& failure) {
            ended_well = failure.code() == asio::error::eof;
        }
        try {
            co_await tls.async_shutdown(asio::use_awaitable);
        } catch (const std::system_error&) { // the server has closed by then
        }
    };
    const auto failed = [](std::exception_ptr failure) {
        if (failure)
            std::rethrow_exception(failure);
    };
    asio::co_spawn(here.loop, serve(), failed);
    asio::co_spawn(here.loop, ask(), failed);
    here.loop.run();
    CHECK(heard == much);
    CHECK(ended_well);
}
