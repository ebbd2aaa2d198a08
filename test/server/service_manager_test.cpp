// service_manager: what systemd sets is set here, in child processes; notifications and pings in memory, to the tick.
#include "support/datagrams.hpp"
#include "support/run_in_memory.hpp"
#include "support/services.hpp"

#include <portico/server/service_manager.hpp>

using namespace portico;
using namespace test;

namespace {

std::string describe_sockets()
{
    std::string text;
    for (const inherited_socket& each : take_inherited_sockets()) {
        context own;
        acceptor found = adopt_acceptor(own, each.socket.get());
        const bool closed_on_exec = (::fcntl(each.socket.get(), F_GETFD) & FD_CLOEXEC) != 0;
        text += each.name + "=" + to_string(found.local_endpoints().front()) + (closed_on_exec ? " " : "! ");
        found.release();
    }
    return text;
}

acceptor listen_here(context& own)
{
    return listen(own, endpoint::ipv4({127, 0, 0, 1}, 0));
}

// What `read`, an std::string(), says in a child that has set this first; or what it throws.
template <class Set, class Read>
std::string in_child(const Set& set, const Read& read)
{
    child_process child([&] {
        for (const char* each :
             {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"})
            ::unsetenv(each);
        set();
        try {
            say(read());
        } catch (const error& failure) {
            say(failure.what());
        }
        return 0;
    });
    return child.read_line();
}

std::string own_id()
{
    return std::to_string(::getpid());
}

std::string describe_manager()
{
    const service_manager found = service_manager::from_environment();
    if (!found.is_there())
        return "none";
    if (found.ping_interval() == no_timeout)
        return "no pings";
    return std::to_string(found.ping_interval() / 1us);
}

} // namespace

TEST_CASE("the sockets that a service manager passes are taken with their names, closed on exec, and only once")
{
    context own;
    acceptor first = listen_here(own), second = listen_here(own);
    const std::vector<int> handles{first.native_handles().front(), second.native_handles().front()};
    const std::string web = "=" + to_string(first.local_endpoints().front()) + " ";
    const std::string admin = "=" + to_string(second.local_endpoints().front()) + " ";

    const auto twice = [] {
        const std::string once = describe_sockets();
        return once + "then " + describe_sockets();
    };
    CHECK(in_child([&] { pass_sockets(handles, "web:admin"); }, twice) == "web" + web + "admin" + admin + "then ");
    CHECK(in_child([&] { pass_sockets(handles); }, describe_sockets) == "unknown" + web + "unknown" + admin);
    CHECK(in_child([&] { pass_sockets(handles, ":"); }, describe_sockets) == web + admin);
}

TEST_CASE("sockets that were passed to another process, or none, are none")
{
    CHECK(in_child([] {}, describe_sockets) == "");
    CHECK(in_child([] { pass_sockets({}); }, describe_sockets) == "");
    const auto to_another = [] {
        ::setenv("LISTEN_PID", "1", 1);
        ::setenv("LISTEN_FDS", "1", 1);
    };
    CHECK(in_child(to_another, describe_sockets) == "");
}

TEST_CASE("an environment that contradicts itself is an error that names the variable")
{
    const auto listening = [](const char* count, const char* names) {
        return in_child(
            [&] {
                ::setenv("LISTEN_PID", own_id().c_str(), 1);
                ::setenv("LISTEN_FDS", count, 1);
                ::setenv("LISTEN_FDNAMES", names, 1);
            },
            describe_sockets);
    };
    const std::string read = "read the environment variable ";
    CHECK(listening("1x", "a") == read + "LISTEN_FDS: \"1x\" is no number");
    CHECK(listening("-1", "a") == read + "LISTEN_FDS: \"-1\" is no number");
    CHECK(listening("", "a") == read + "LISTEN_FDS: \"\" is no number");
    CHECK(listening("1000001", "a") == read + "LISTEN_FDS: \"1000001\" is more than a process can have");
    CHECK(listening("2", "a") == read + "LISTEN_FDNAMES: \"a\" has not as many names as LISTEN_FDS says");
    const auto no_such = [] {
        ::setenv("LISTEN_PID", own_id().c_str(), 1);
        ::setenv("LISTEN_FDS", "900000", 1);
    };
    CHECK(in_child(no_such, describe_sockets).find("LISTEN_FDS: \"900000\" but descriptor ") != std::string::npos);
    const auto one_too_few = [] { // descriptor 4 is not open, and could be that of a copy
        pass_sockets({0});
        for (int each = 4; each < 200; ++each)
            ::close(each);
        ::setenv("LISTEN_FDS", "2", 1);
    };
    CHECK(in_child(one_too_few, describe_sockets).find("LISTEN_FDS: \"2\" but descriptor 4 ") != std::string::npos);
    CHECK(in_child([] { ::setenv("LISTEN_PID", "me", 1); }, describe_sockets)
          == read + "LISTEN_PID: \"me\" is no number");
}

TEST_CASE("the service manager and its watchdog are those of the environment")
{
    const auto with = [](const char* socket, const char* microseconds, const std::string& process) {
        return in_child(
            [&] {
                ::setenv("NOTIFY_SOCKET", socket, 1);
                ::setenv("WATCHDOG_USEC", microseconds, 1);
                if (!process.empty())
                    ::setenv("WATCHDOG_PID", process == "own" ? own_id().c_str() : process.c_str(), 1);
            },
            describe_manager);
    };
    CHECK(in_child([] {}, describe_manager) == "none");
    CHECK(in_child([] { ::setenv("NOTIFY_SOCKET", "/run/x", 1); }, describe_manager) == "no pings");
    CHECK(with("/run/x", "3000000", "") == "1500000");
    CHECK(with("@x", "3000000", "own") == "1500000");
    CHECK(with("@x", "3000000", "1") == "no pings");
    CHECK(with("@x", "0", "") == "no pings");
    CHECK(with("vsock:2:1", "3000000", "") == "none");
    CHECK(with("@x", "3s", "") == "read the environment variable WATCHDOG_USEC: \"3s\" is no number");
    CHECK(with("@x", "18446744073709551615", "")
          == "read the environment variable WATCHDOG_USEC: \"18446744073709551615\" is too large");
}

TEST_CASE("notifications are assignments, a line each, in one datagram")
{
    run_in_memory([](context& own, memory_backend&) -> task<> {
        datagram_socket manager = co_await open_datagram(endpoint::local("/run/notify"));
        service_manager tell("/run/notify");
        co_await tell.ready("serving");
        co_await expect_packet(manager, "READY=1\nSTATUS=serving");
        co_await tell.stopping("draining");
        co_await expect_packet(manager, "STOPPING=1\nSTATUS=draining");
        co_await tell.ping();
        co_await expect_packet(manager, "WATCHDOG=1");
        co_await tell.notify("MAINPID=4711");
        co_await expect_packet(manager, "MAINPID=4711");
        co_await tell.reloading();
        const std::string now = std::to_string(own.now().time_since_epoch() / 1us);
        co_await expect_packet(manager, "RELOADING=1\nMONOTONIC_USEC=" + now);
    });
}

TEST_CASE("the watchdog is pinged twice in its time, and not at all where there is none")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        datagram_socket manager = co_await open_datagram(endpoint::local("/run/notify"));
        service_manager tell("/run/notify", 3s), silent("/run/notify");
        co_await silent.keep_pinging();
        CHECK_FALSE(manager.try_receive_from());
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(tell.keep_pinging());
            co_await expect_packet(manager, "WATCHDOG=1");
            for (int count = 0; count < 3; ++count) {
                outside.advance(1500ms - 1ns);
                co_await outside.settle();
                CHECK_FALSE(manager.try_receive_from());
                outside.advance(1ns);
                co_await outside.settle();
                co_await expect_packet(manager, "WATCHDOG=1");
            }
            group.cancel();
        });
    });
}

TEST_CASE("a service manager that does not listen is reported once and hurts nobody")
{
    memory_world world;
    const auto test = []() -> task<> {
        service_manager tell("/run/nobody");
        co_await tell.ready("serving");
        co_await tell.ping();
        service_manager none;
        co_await none.ready("serving");
    };
    world.own.run(test());
    REQUIRE(world.reports.size() == 1);
    CHECK(world.reports.front().starts_with("notify the service manager: "));
}
