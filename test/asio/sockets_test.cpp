// Sockets that change hands: from Asio to portico and back, with all that they carry.
#include "catch.hpp"

#include <array>
#include <asio/connect.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>
#include <asio/local/connect_pair.hpp>
#include <asio/local/datagram_protocol.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <optional>
#include <portico/asio.hpp>
#include <portico/core/when.hpp>
#include <portico/portico.hpp>
#include <string>

using namespace portico;

namespace {

template <class Work>
void run(const Work& work)
{
    asio::io_context loop;
    context own(make_os_backend(loop, loop_threads::one));
    std::exception_ptr failure;
    start(own, work(loop), [&](std::exception_ptr outcome) { failure = outcome; });
    loop.run();
    if (failure)
        std::rethrow_exception(failure);
}

/// What one end writes arrives at the other, both ways.
template <class Socket>
task<> talk(connection& here, Socket& there)
{
    co_await here.write("to there");
    std::string heard(8, ' ');
    co_await asio::async_read(there, asio::buffer(heard), use_operation);
    CHECK(heard == "to there");
    const std::string answer = "to here";
    co_await asio::async_write(there, asio::buffer(answer), use_operation);
    const bytes got = co_await here.read_exactly(answer.size());
    CHECK(got == answer);
}

} // namespace

TEST_CASE("a TCP connection goes from Asio to portico and back, over IPv4 and IPv6")
{
    const auto where = GENERATE(std::pair("127.0.0.1", endpoint::family::ipv4), std::pair("::1", endpoint::family::ipv6));
    run([host = where.first, family = where.second](asio::io_context& loop) -> task<> {
        using asio::ip::tcp;
        tcp::acceptor listening(loop, tcp::endpoint(asio::ip::make_address(host), 0));
        tcp::socket far(loop), near(loop);
        far.connect(listening.local_endpoint());
        listening.accept(near);
        connection here = adopt_connection(co_await this_context(), std::move(near));
        CHECK_FALSE(near.is_open());
        CHECK(here.remote_endpoint().family() == family);
        CHECK(here.remote_endpoint().port() == far.local_endpoint().port());
        co_await talk(here, far);

        tcp::socket back = release_as<tcp::socket>(here, loop);
        CHECK_FALSE(here.is_open());
        CHECK(back.remote_endpoint() == far.local_endpoint());
        connection there = adopt_connection(co_await this_context(), std::move(far));
        co_await talk(there, back);
    });
}

TEST_CASE("a Unix connection goes from Asio to portico and back")
{
    run([](asio::io_context& loop) -> task<> {
        using asio::local::stream_protocol;
        stream_protocol::socket near(loop), far(loop);
        asio::local::connect_pair(near, far);
        connection here = adopt_connection(co_await this_context(), std::move(near));
        co_await talk(here, far);
        stream_protocol::socket back = release_as<stream_protocol::socket>(here, loop);
        connection there = adopt_connection(co_await this_context(), std::move(far));
        co_await talk(there, back);
    });
}

TEST_CASE("a UDP socket goes from Asio to portico and back, and so does a Unix datagram socket")
{
    run([](asio::io_context& loop) -> task<> {
        using asio::ip::udp;
        context& own = co_await this_context();
        udp::socket near(loop, udp::endpoint(asio::ip::address_v4::loopback(), 0));
        udp::socket far(loop, udp::endpoint(asio::ip::address_v4::loopback(), 0));
        datagram_socket here = adopt_datagram_socket(own, std::move(near));
        const auto where = endpoint::ipv4({127, 0, 0, 1}, far.local_endpoint().port());
        co_await here.send_to("a packet", where);
        std::string heard(16, ' ');
        udp::endpoint from;
        const std::size_t got = co_await far.async_receive_from(asio::buffer(heard), from, use_operation);
        CHECK(heard.substr(0, got) == "a packet");
        CHECK(from.port() == here.local_endpoint().port());
        const udp::socket back = release_as<udp::socket>(here, loop);
        CHECK_FALSE(here.is_open());
        CHECK(back.local_endpoint() == from);

        using asio::local::datagram_protocol;
        datagram_protocol::socket one(loop), other(loop);
        asio::local::connect_pair(one, other);
        datagram_socket adopted = adopt_datagram_socket(own, std::move(one));
        const datagram_protocol::socket again = release_as<datagram_protocol::socket>(adopted, loop);
        CHECK(again.is_open());
    });
}

TEST_CASE("an acceptor of Asio's accepts for portico")
{
    run([](asio::io_context& loop) -> task<> {
        using asio::ip::tcp;
        tcp::acceptor listening(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        const tcp::endpoint where = listening.local_endpoint();
        acceptor accepting = adopt_acceptor(co_await this_context(), std::move(listening));
        CHECK_FALSE(listening.is_open());
        tcp::socket far(loop);
        far.connect(where);
        connection here = co_await accepting.accept();
        co_await talk(here, far);
    });
}

TEST_CASE("a socket that cannot be adopted stays Asio's, and the error says why")
{
    run([](asio::io_context& loop) -> task<> {
        context& own = co_await this_context();
        asio::ip::tcp::socket unconnected(loop, asio::ip::tcp::v4()), closed(loop);
        CHECK_THROWS_AS(adopt_connection(own, std::move(unconnected)), error);
        CHECK(unconnected.is_open());
        try {
            adopt_connection(own, std::move(closed));
            CHECK(false);
        } catch (const error& failure) {
            CHECK(std::string(failure.what()) == "adopt a stream socket descriptor -1: Bad file descriptor");
        }
    });
}

TEST_CASE("a read that is under way in Asio when its socket is adopted ends there and takes nothing")
{
    run([](asio::io_context& loop) -> task<> {
        asio::local::stream_protocol::socket near(loop), far(loop);
        asio::local::connect_pair(near, far);
        std::array<char, 8> buffer{};
        std::optional<std::error_code> told;
        near.async_read_some(asio::buffer(buffer), [&](std::error_code code, std::size_t) { told = code; });
        connection here = adopt_connection(co_await this_context(), std::move(near));
        co_await talk(here, far);
        REQUIRE(told);
        CHECK(*told == asio::error::operation_aborted);
    });
}

TEST_CASE("a connection with bytes that nobody has read, of another family, or without a socket is not released")
{
    run([](asio::io_context& loop) -> task<> {
        context& own = co_await this_context();
        using unix_socket = asio::local::stream_protocol::socket;
        auto pair = connection_pair(own);
        co_await pair.first.write("two words");
        const bytes first = co_await pair.second.read_some(3);
        CHECK(first == "two");
        CHECK_THROWS_AS(release_as<unix_socket>(pair.second, loop), misuse);
        CHECK_THROWS_AS(release_as<asio::ip::tcp::socket>(pair.first, loop), misuse);
        const bytes rest = co_await pair.second.read_exactly(6);
        CHECK(rest == " words");
        const unix_socket released = release_as<unix_socket>(pair.second, loop);
        CHECK(released.is_open());
        CHECK_THROWS_AS(release_as<unix_socket>(pair.second, loop), misuse);
    });
}
