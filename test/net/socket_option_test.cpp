// socket_options: what is set can be asked, by type and by number, and what cannot be set says so.
#include "support/streams.hpp"

#include <functional>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

using namespace portico;
using namespace test;

namespace {

std::string failure_of(const std::function<void()>& use)
{
    try {
        use();
    } catch (const error& failure) {
        return failure.what();
    }
    return "none";
}

template <class Body>
void on_tcp(const Body& body)
{
    for (const stream_kind& kind : stream_kinds())
        if (!kind.link && !kind.is_unix())
            run_with_connections(kind, body);
}

} // namespace

TEST_CASE("every kind of typed option is set and read back")
{
    on_tcp([](connection& near, connection&) -> task<> {
        const socket_options options = near.options();
        options.set(option::no_delay, false);
        CHECK_FALSE(options.get(option::no_delay));
        options.set(option::receive_buffer, 100'000);
        CHECK(options.get(option::receive_buffer) == 200'000); // socket(7): doubled
        options.set(option::keep_alive_idle, std::chrono::minutes(2));
        CHECK(options.get(option::keep_alive_idle) == 120s);
        options.set(option::keep_alive_interval, 7s);
        CHECK(options.get(option::keep_alive_interval) == 7s);
        options.set(option::keep_alive_count, 3);
        CHECK(options.get(option::keep_alive_count) == 3);
        options.set(option::user_timeout, 1500ms);
        CHECK(options.get(option::user_timeout) == 1500ms);
        options.set(option::linger, 3s);
        CHECK(options.get(option::linger) == 3s);
        options.set(option::linger, std::nullopt);
        CHECK_FALSE(options.get(option::linger));
        options.set(option::hop_limit, 9);
        CHECK(options.get(option::hop_limit) == 9);
        options.set(option::traffic_class, 0x20);
        CHECK(options.get(option::traffic_class) == 0x20);
        options.set(option::congestion_control, "reno");
        CHECK(options.get(option::congestion_control) == "reno");
        CHECK(options.get(option::type) == SOCK_STREAM);
        co_return;
    });
}

TEST_CASE("an option that has no type here is set and read by its numbers")
{
    on_tcp([](connection& near, connection&) -> task<> {
        const socket_options options = near.options();
        options.set(SOL_SOCKET, SO_RCVLOWAT, 5);
        CHECK(options.get(SOL_SOCKET, SO_RCVLOWAT) == 5);
        const timeval time{2, 0};
        options.set(SOL_SOCKET, SO_RCVTIMEO, bytes(reinterpret_cast<const char*>(&time), sizeof time));
        const std::string value = options.get(SOL_SOCKET, SO_RCVTIMEO, 64);
        REQUIRE(value.size() == sizeof time);
        CHECK(value == std::string(reinterpret_cast<const char*>(&time), sizeof time));
        co_return;
    });
}

TEST_CASE("what the system refuses is an error with the option, the socket and the reason")
{
    on_tcp([](connection& near, connection&) -> task<> {
        const std::string local = to_string(near.local_endpoint());
        CHECK(failure_of([&] { near.options().set(option::congestion_control, "no such thing"); })
              == "set the option TCP_CONGESTION of the socket " + local + ": No such file or directory");
        CHECK(failure_of([&] { (void)near.options().get(IPPROTO_TCP, 9999); })
              == "get the option 9999 of level 6 of the socket " + local + ": Protocol not available");
        near.close();
        CHECK(failure_of([&] { near.options().set(option::no_delay, true); })
              == "set the option TCP_NODELAY of the socket: closed on this side");
        co_return;
    });
}

TEST_CASE("a connection in memory has no options, and says so")
{
    run_with_connections(memory_stream("memory", 100, SIZE_MAX, 0), [](connection& near, connection&) -> task<> {
        CHECK(failure_of([&] { near.options().set(option::no_delay, true); })
                  .ends_with(": Protocol not available"));
        co_return;
    });
}
