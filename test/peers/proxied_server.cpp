// proxied_server: tells those for whom proxies that it trusts connect who they are, and where they have connected.
//
//     proxied_server PATH NETWORK...
//
// Listens at 127.0.0.1, ::1 and a Unix socket; prints a line with its endpoints.
#include <cstdio>
#include <portico/net/network.hpp>
#include <portico/portico.hpp>
#include <string>
#include <vector>

using namespace portico;

namespace {

task<> answer(connection& peer)
{
    const std::string text = to_string(peer.remote_endpoint()) + " " + to_string(peer.local_endpoint()) + "\n";
    co_await peer.write(text);
}

void print(const std::vector<endpoint>& places)
{
    for (const endpoint& each : places)
        std::printf("%s ", to_string(each).c_str());
    std::puts("");
    std::fflush(stdout);
}

} // namespace

int main(int count, char** arguments)
{
    try {
        const std::vector<std::string> words(arguments + 1, arguments + count);
        std::vector<network> trusted;
        for (std::size_t index = 1; index < words.size(); ++index)
            trusted.push_back(network::parse(words[index]));
        server proxied({tcp("127.0.0.1", 0), tcp("::1", 0), local(words.at(0))}, answer);
        proxied.on_listening(print);
        proxied.trust_proxies(std::move(trusted));
        context().run(proxied.run());
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "proxied_server: %s\n", failure.what());
        return 1;
    }
}
