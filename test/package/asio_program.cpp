// What a program of Asio's is that has portico as a guest: a session of each side, on one io_context.
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>
#include <cstdio>
#include <portico/asio.hpp>
#include <portico/portico.hpp>

using asio::ip::tcp;

portico::task<> answer(portico::acceptor& source)
{
    portico::connection peer = co_await source.accept();
    auto line = co_await peer.read_line();
    co_await portico::sleep_for(std::chrono::milliseconds(1));
    if (line)
        co_await peer.write("Hello, " + std::string(line->text()) + "!\n");
}

portico::task<> talk(tcp::socket& socket, std::string& text)
{
    portico::acceptor source = co_await portico::listen(portico::tcp("127.0.0.1", 0));
    const auto where = source.local_endpoints().front();
    socket.async_connect(tcp::endpoint(asio::ip::address_v4::loopback(), where.port()), [&](std::error_code) {
        asio::async_write(socket, asio::buffer("world\n", 6), [&](std::error_code, std::size_t) {
            asio::async_read_until(socket, asio::dynamic_buffer(text), '\n', [&](std::error_code, std::size_t) {
                socket.close();
            });
        });
    });
    co_await answer(source);
}

portico::task<> nap()
{
    co_await portico::sleep_for(std::chrono::milliseconds(1));
}

int main()
{
    asio::io_context loop;
    tcp::socket socket(loop);
    std::string text;
    portico::context own(portico::make_os_backend(loop, portico::loop_threads::one));
    own.start(talk(socket, text), [](std::exception_ptr failure) { std::puts(failure ? "failed" : "done"); });
    loop.run();
    std::printf("%s", text.c_str());
    // A context with a loop of its own, in the same program.
    portico::context other;
    other.run(nap());
    std::puts("slept");
}
