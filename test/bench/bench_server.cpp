// portico's server in the benchmark: `serve` as it comes, with limits, deadlines, accounting and await stacks on.
// Usage: bench_server welcome|echo|echo-no-deadline PORT
#include <portico/portico.hpp>

#include <charconv>
#include <cstdint>
#include <cstdio>
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
    if (port != 0 && mode == "echo-no-deadline") {
        return portico::serve(portico::tcp("127.0.0.1", port), echo_no_deadline);
    }
    std::fputs("usage: bench_server welcome|echo|echo-no-deadline PORT\n", stderr);
    return 2;
}
