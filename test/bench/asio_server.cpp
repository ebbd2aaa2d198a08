// The server of plain Asio coroutines that portico is measured against, written in the manner of Asio's own examples:
// no deadline, no limit, no accounting. Usage: asio_server welcome|echo|udp|udp-send|udp-receive PORT
#include <asio.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>

using asio::ip::tcp;
using asio::ip::udp;

constexpr std::size_t datagram_size = 1200, datagrams_a_burst = 50; // as the clients have it

asio::awaitable<void> welcome(tcp::socket client)
{
    try {
        co_await asio::async_write(client, asio::buffer("welcome\r\n", 9), asio::use_awaitable);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "%s\n", failure.what());
    }
}

asio::awaitable<void> echo(tcp::socket peer)
{
    try {
        char data[4096];
        for (;;) {
            std::size_t size = co_await peer.async_read_some(asio::buffer(data), asio::use_awaitable);
            co_await asio::async_write(peer, asio::buffer(data, size), asio::use_awaitable);
        }
    } catch (const std::system_error& failure) {
        if (failure.code() != asio::error::eof)
            std::fprintf(stderr, "%s\n", failure.what());
    }
}

template <typename Handler>
asio::awaitable<void> listen(std::uint16_t port, Handler handler)
{
    auto executor = co_await asio::this_coro::executor;
    tcp::acceptor acceptor(executor, {asio::ip::address_v4::loopback(), port});
    for (;;) {
        tcp::socket client = co_await acceptor.async_accept(asio::use_awaitable);
        asio::co_spawn(executor, handler(std::move(client)), asio::detached);
    }
}

asio::awaitable<void> echo_datagrams(udp::socket socket)
{
    static char data[65536];
    for (;;) {
        udp::endpoint from;
        std::size_t size = co_await socket.async_receive_from(asio::buffer(data), from, asio::use_awaitable);
        co_await socket.async_send_to(asio::buffer(data, size), from, asio::use_awaitable);
    }
}

asio::awaitable<void> send_bursts(udp::socket socket)
{
    static char data[datagram_size];
    for (;;) {
        udp::endpoint from;
        char request[8];
        co_await socket.async_receive_from(asio::buffer(request), from, asio::use_awaitable);
        for (std::size_t i = 0; i < datagrams_a_burst; ++i)
            co_await socket.async_send_to(asio::buffer(data), from, asio::use_awaitable);
    }
}

asio::awaitable<void> receive_bursts(udp::socket socket)
{
    static char data[65536];
    for (;;) {
        udp::endpoint from;
        std::size_t size = co_await socket.async_receive_from(asio::buffer(data), from, asio::use_awaitable);
        if (size < datagram_size)
            co_await socket.async_send_to(asio::buffer(data, size), from, asio::use_awaitable);
    }
}

asio::awaitable<void> serve(std::string_view mode, std::uint16_t port)
{
    if (mode == "welcome" || mode == "echo") {
        co_await listen(port, mode == "welcome" ? welcome : echo);
        co_return;
    }
    auto executor = co_await asio::this_coro::executor;
    udp::socket socket(executor, {asio::ip::address_v4::loopback(), port});
    auto exchange = mode == "udp" ? echo_datagrams : mode == "udp-send" ? send_bursts : receive_bursts;
    co_await exchange(std::move(socket));
}

int main(int argc, char** argv)
{
    const std::string_view mode = argc == 3 ? argv[1] : "";
    if (mode != "welcome" && mode != "echo" && mode != "udp" && mode != "udp-send" && mode != "udp-receive") {
        std::fputs("usage: asio_server welcome|echo|udp|udp-send|udp-receive PORT\n", stderr);
        return 2;
    }
    try {
        asio::io_context context(1);
        const auto port = static_cast<std::uint16_t>(std::atoi(argv[2]));
        asio::co_spawn(context, serve(mode, port), [](std::exception_ptr failure) {
            if (failure)
                std::rethrow_exception(failure);
        });
        context.run();
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        return 1;
    }
}
