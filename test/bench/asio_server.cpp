// The server of plain Asio coroutines that portico is measured against, written in the manner of Asio's own examples:
// no deadline, no limit, no accounting. Usage: asio_server welcome|echo PORT
#include <asio.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>

using asio::ip::tcp;

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

int main(int argc, char** argv)
{
    const std::string_view mode = argc == 3 ? argv[1] : "";
    if (mode != "welcome" && mode != "echo") {
        std::fputs("usage: asio_server welcome|echo PORT\n", stderr);
        return 2;
    }
    try {
        asio::io_context context(1);
        const auto port = static_cast<std::uint16_t>(std::atoi(argv[2]));
        auto handler = mode == "welcome" ? welcome : echo;
        asio::co_spawn(context, listen(port, handler), [](std::exception_ptr failure) {
            if (failure)
                std::rethrow_exception(failure);
        });
        context.run();
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        return 1;
    }
}
