// What a user's program with TLS is: what that throws, caught as what it is, and no OpenSSL of its own.
#include <cstdio>
#include <portico/portico.hpp>
#include <portico/tls/tls.hpp>

using namespace portico;

void expect_a_file()
{
    tls::client_options options;
    options.ca_file = "/nowhere/at/all";
    try {
        const tls::client_context trust(options);
    } catch (const error& failure) {
        std::puts(failure.code() == std::errc::no_such_file_or_directory ? "no file" : failure.what());
    }
}

task<int> ask()
{
    expect_a_file();
    context& own = co_await this_context();
    auto [client, server] = connection_pair(own);
    co_await server.write("220 an old server\r\n");
    server.shutdown_write().value();
    try {
        co_await tls::handshake(client, tls::client_context(), "localhost");
    } catch (const protocol_error& failure) {
        std::puts(failure.code() == errc::malformed ? "no TLS" : failure.what());
    }
    co_return 0;
}

int main()
{
    return run(ask());
}
