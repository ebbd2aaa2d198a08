// portico's server in the benchmark: `serve` and `datagram_server` as they come, with limits, deadlines, accounting and
// await stacks on. Usage: bench_server MODE PORT; see `main`.
#include <portico/portico.hpp>
#include <portico/tls/tls.hpp>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

portico::task<> welcome(portico::connection& client)
{
    co_await client.write("welcome\r\n");
    client.close();
}

portico::task<> echo(portico::connection& peer)
{
    for (;;) {
        auto data = co_await peer.read_some();
        if (data.empty())
            co_return;
        co_await peer.write(data);
    }
}

portico::task<> echo_no_deadline(portico::connection& peer)
{
    peer.timeout(portico::no_timeout);
    for (;;) {
        auto data = co_await peer.read_some();
        if (data.empty())
            co_return;
        co_await peer.write(data);
    }
}

// A flood of welcome connections comes from 127.0.1.*.
portico::task<> welcome_or_echo(portico::connection& peer)
{
    return peer.remote_endpoint().address()[2] == 1 ? welcome(peer) : echo(peer);
}

int serve_flood(std::uint16_t port, unsigned threads)
{
    portico::server_options options;
    options.max_connections = 20'000;
    options.timeout = std::chrono::minutes(10); // longer than a flood
    options.threads = threads;
    return portico::serve(portico::tcp("127.0.0.1", port), welcome_or_echo, options);
}

// With the certificate and key in the file that BENCH_CERTIFICATE names.
int serve_tls(std::uint16_t port)
{
    const char* const file = std::getenv("BENCH_CERTIFICATE");
    portico::tls::server_options options;
    options.certificates.emplace_back().certificate = file == nullptr ? "" : file;
    portico::server secure(portico::tcp("127.0.0.1", port), echo);
    secure.handshake(portico::tls::handshaker(portico::tls::server_context(options)));
    return portico::serve(secure);
}

portico::task<> echo_datagram(portico::packet& request)
{
    co_await request.reply(request.data());
}

portico::task<int> echo_datagrams(std::uint16_t port)
{
    portico::datagram_server server(portico::udp("127.0.0.1", port), echo_datagram);
    co_await server.run();
    co_return 0;
}

constexpr std::size_t datagram_size = 1200, datagrams_a_burst = 50; // as the clients have it

portico::task<int> send_bursts(std::uint16_t port)
{
    static const std::array<char, datagram_size> data{};
    portico::datagram_socket socket = co_await portico::open_datagram(portico::udp("127.0.0.1", port));
    for (;;) {
        portico::datagram request = co_await socket.receive_from();
        for (std::size_t i = 0; i < datagrams_a_burst; ++i)
            co_await socket.send_to(data, request.from);
    }
}

portico::task<int> send_segments(std::uint16_t port)
{
    static const std::array<char, datagram_size * datagrams_a_burst> data{};
    portico::datagram_socket socket = co_await portico::open_datagram(portico::udp("127.0.0.1", port));
    for (;;) {
        portico::datagram request = co_await socket.receive_from();
        co_await socket.send_segments(data, datagram_size, request.from);
    }
}

// The last datagram of a burst is shorter, and wants an answer.
portico::task<int> receive_bursts(std::uint16_t port, bool joined)
{
    portico::datagram_options options;
    options.coalesce = joined;
    portico::datagram_socket socket = co_await portico::open_datagram(portico::udp("127.0.0.1", port), options);
    for (;;) {
        portico::datagram found = co_await socket.receive_from();
        if (found.data.size() < datagram_size)
            co_await socket.send_to(found.data, found.from);
    }
}

int main(int argc, char** argv)
{
    const std::string_view mode = argc == 3 ? argv[1] : "";
    const std::string_view digits = argc == 3 ? argv[2] : "";
    std::uint16_t port = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (port != 0 && mode == "welcome")
        return portico::serve(portico::tcp("127.0.0.1", port), welcome);
    if (port != 0 && mode == "echo")
        return portico::serve(portico::tcp("127.0.0.1", port), echo);
    if (port != 0 && mode == "echo-no-deadline")
        return portico::serve(portico::tcp("127.0.0.1", port), echo_no_deadline);
    if (port != 0 && mode == "echo-tls")
        return serve_tls(port);
    if (port != 0 && mode == "flood")
        return serve_flood(port, 1);
    if (port != 0 && mode == "flood-threads")
        return serve_flood(port, 2);
    if (port != 0 && mode == "udp")
        return portico::run(echo_datagrams(port));
    if (port != 0 && mode == "udp-send")
        return portico::run(send_bursts(port));
    if (port != 0 && mode == "udp-send-segments")
        return portico::run(send_segments(port));
    if (port != 0 && (mode == "udp-receive" || mode == "udp-receive-joined"))
        return portico::run(receive_bursts(port, mode == "udp-receive-joined"));
    std::fputs("usage: bench_server welcome|echo|echo-no-deadline|echo-tls|flood|flood-threads|\n"
               "       udp|udp-send|udp-send-segments|udp-receive|udp-receive-joined PORT\n",
               stderr);
    return 2;
}
