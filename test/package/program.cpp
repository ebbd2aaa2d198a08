// What a user's program is: a server and a client on loopback, and what the library throws, caught as what it is.
#include <cstdio>
#include <portico/portico.hpp>

using namespace portico;

static_assert(PORTICO_VERSION_MAJOR == 0 && __cplusplus >= 202002L);

task<> greet(connection& client)
{
    auto name = co_await client.read_line();
    if (name)
        co_await client.write("Hello, " + std::string(name->text()) + "!\r\n");
}

task<> introduce(endpoint where, task_group& others)
{
    connection peer = co_await connect(where);
    co_await peer.write("world\r\n");
    auto line = co_await peer.read_line();
    std::puts(line ? std::string(line->text()).c_str() : "no answer");
    others.cancel();
}

task<> fail()
{
    try {
        co_await connect(local("/nowhere/at/all"));
    } catch (const error& failure) {
        std::puts(failure.code() == std::errc::no_such_file_or_directory ? "error" : failure.what());
    }
    context& own = co_await this_context();
    auto ends = connection_pair(own);
    try {
        co_await ends.first.read_until("", 1);
    } catch (const misuse&) {
        std::puts("misuse");
    }
    try {
        co_await with_deadline(std::chrono::milliseconds(1), ends.first.read_some());
    } catch (const std::system_error& failure) {
        std::puts(failure.code() == errc::timed_out ? "timed out" : failure.what());
    }
}

task<int> all()
{
    acceptor source = co_await listen(tcp("127.0.0.1", 0));
    const endpoint where = source.local_endpoints().front();
    server greeter(tcp("127.0.0.1", 0), greet);
    co_await scope([&](task_group& group) -> task<> {
        group.spawn(introduce(where, group));
        try {
            co_await greeter.run(std::move(source));
        } catch (const cancelled&) {
            std::puts("cancelled");
            throw;
        }
    });
    co_await fail();
    co_return 0;
}

int main()
{
    context own;
    return own.run(all());
}
