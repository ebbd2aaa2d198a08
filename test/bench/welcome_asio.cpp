// A welcome server on plain Asio, only compiled: what a user's file costs the compiler beside welcome_portico.cpp.
#include <asio.hpp>

#include <cstdio>
#include <exception>

using asio::ip::tcp;

asio::awaitable<void> welcome(tcp::socket client)
{
    try {
        co_await asio::async_write(client, asio::buffer("Welcome to Asio!\r\n", 18), asio::use_awaitable);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "%s\n", failure.what());
    }
}

asio::awaitable<void> listen()
{
    auto executor = co_await asio::this_coro::executor;
    tcp::acceptor acceptor(executor, {asio::ip::address_v4::loopback(), 9999});
    for (;;) {
        tcp::socket client = co_await acceptor.async_accept(asio::use_awaitable);
        asio::co_spawn(executor, welcome(std::move(client)), asio::detached);
    }
}

int main()
{
    asio::io_context context(1);
    asio::co_spawn(context, listen(), asio::detached);
    context.run();
}
