// One echo handler of portico's and sessions of Asio's own on one loop, with one thread and with four.
#include "catch.hpp"

#include <array>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/read.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <atomic>
#include <future>
#include <portico/asio.hpp>
#include <portico/portico.hpp>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <vector>

using namespace portico;
using asio::ip::tcp;

namespace {

constexpr int portico_clients = 1000, asio_clients = 100, rounds = 3;

task<> echo(connection& peer)
{
    for (;;) {
        const bytes data = co_await peer.read_some();
        if (data.empty())
            co_return;
        co_await peer.write(data);
    }
}

asio::awaitable<void> asio_echo(tcp::socket peer)
{
    std::array<char, 1024> data{};
    try {
        for (;;) {
            const std::size_t count = co_await peer.async_read_some(asio::buffer(data), asio::use_awaitable);
            co_await asio::async_write(peer, asio::buffer(data, count), asio::use_awaitable);
        }
    } catch (const std::system_error&) { // the client is gone
    }
}

asio::awaitable<void> asio_accept(tcp::acceptor& listening, asio::io_context& loop)
{
    try {
        for (;;) {
            tcp::socket peer = co_await listening.async_accept(asio::make_strand(loop), asio::use_awaitable);
            const auto executor = peer.get_executor();
            asio::co_spawn(executor, asio_echo(std::move(peer)), asio::detached);
        }
    } catch (const std::system_error&) { // closed
    }
}

/// Clients on one thread: all connect, and only then do they talk.
class clients {
public:
    int talk_to(unsigned short portico_port, unsigned short asio_port)
    {
        for (int i = 0; i < portico_clients + asio_clients; ++i)
            asio::co_spawn(loop_, talk(i, i < portico_clients ? portico_port : asio_port), [](std::exception_ptr failure) {
                if (failure)
                    std::rethrow_exception(failure);
            });
        loop_.run();
        return answered_;
    }

private:
    asio::awaitable<void> talk(int number, unsigned short port)
    {
        tcp::socket server(loop_);
        co_await server.async_connect(tcp::endpoint(asio::ip::address_v4::loopback(), port), asio::use_awaitable);
        if (++connected_ == portico_clients + asio_clients)
            all_connected_.cancel();
        else
            co_await wait();
        for (int round = 0; round < rounds; ++round) {
            const std::string said = "client " + std::to_string(number) + " says " + std::to_string(round);
            std::string heard(said.size(), ' ');
            co_await asio::async_write(server, asio::buffer(said), asio::use_awaitable);
            co_await asio::async_read(server, asio::buffer(heard), asio::use_awaitable);
            answered_ += heard == said;
        }
    }
    asio::awaitable<void> wait()
    {
        try {
            co_await all_connected_.async_wait(asio::use_awaitable);
        } catch (const std::system_error&) { // the cancellation that everyone waits for
        }
    }

    asio::io_context loop_;
    asio::steady_timer all_connected_{loop_, asio::steady_timer::time_point::max()};
    int connected_ = 0, answered_ = 0;
};

/// Each connection takes two descriptors of this process.
bool may_open_enough()
{
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    const rlim_t wanted = 2 * (portico_clients + asio_clients) + 200;
    if (limit.rlim_cur < wanted && limit.rlim_max >= wanted) {
        limit.rlim_cur = wanted;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur >= wanted;
}

} // namespace

TEST_CASE("a thousand connections to a handler of portico's, beside Asio's sessions, on a loop of one and of four threads",
          "[threads]")
{
    REQUIRE(may_open_enough());
    const unsigned threads = GENERATE(1U, 4U);
    asio::io_context loop;
    context own(make_os_backend(loop, threads == 1 ? loop_threads::one : loop_threads::several));
    server echoing(portico::tcp("127.0.0.1", 0), echo);
    std::promise<unsigned short> listening;
    echoing.on_listening([&](const std::vector<endpoint>& where) { listening.set_value(where.front().port()); });
    asio::cancellation_signal stop;
    std::exception_ptr outcome;
    start(own, echoing.run(), asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr how) { outcome = how; }));

    tcp::acceptor asio_listening(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    const unsigned short asio_port = asio_listening.local_endpoint().port();
    asio::co_spawn(loop, asio_accept(asio_listening, loop), asio::detached);

    std::vector<std::thread> running;
    for (unsigned i = 0; i < threads; ++i)
        running.emplace_back([&] { loop.run(); });
    const int answered = clients().talk_to(listening.get_future().get(), asio_port);
    stop.emit(asio::cancellation_type::terminal);
    asio::post(loop, [&] { asio_listening.close(); });
    for (std::thread& each : running)
        each.join();

    CHECK(answered == (portico_clients + asio_clients) * rounds);
    CHECK(echoing.statistics().accepted == portico_clients);
    CHECK(echoing.statistics().open == 0);
    CHECK_THROWS_AS(std::rethrow_exception(outcome), std::system_error);
}
