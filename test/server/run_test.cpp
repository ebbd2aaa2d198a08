// run and serve: signals, exit statuses and standard error, in processes of their own.
#include "support/datagrams.hpp"
#include "support/services.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <portico/server/datagram_server.hpp>

using namespace portico;
using namespace test;

namespace {

// Serves as a child process, and says where.
int serve_and_tell(serve_options options = {}, const notify_socket* manager = nullptr)
{
    if (manager != nullptr)
        ::setenv("NOTIFY_SOCKET", manager->name().c_str(), 1);
    server which(anywhere, hold);
    return serve_and_say(which, std::move(options));
}

task<> tell_cancelled(connection& peer)
{
    co_await peer.write("cancelled\n");
    co_await sleep_for(24h);
}

// Says when it is cancelled, and does not end.
task<> persist(connection& peer)
{
    co_await peer.write("open\n");
    bool stopped = false;
    try {
        co_await sleep_for(24h);
    } catch (const cancelled&) {
        stopped = true;
    }
    if (stopped)
        co_await shield(24h, tell_cancelled(peer));
}

int serve_persistently(serve_options options, const notify_socket& manager)
{
    ::setenv("NOTIFY_SOCKET", manager.name().c_str(), 1);
    server which(anywhere, persist);
    return serve_and_say(which, std::move(options));
}

task<> expect_line(connection& from, const char* wanted)
{
    const auto line = co_await from.read_line();
    REQUIRE(line);
    CHECK(line->text() == wanted);
}

task<> expect_end(connection& of)
{
    const auto end = co_await as_result(of.read_some());
    CHECK((!end || end->empty()));
}

task<> wait_for_ever()
{
    say("ready");
    co_await sleep_for(24h);
}

// Says when it is cancelled, and lets that go on.
task<> tell_of_cancellation()
{
    try {
        co_await sleep_for(24h);
    } catch (const cancelled&) {
        say("cancelled");
        throw;
    }
}

} // namespace

TEST_CASE("serve serves until SIGTERM or SIGINT comes, lets its sessions end, and returns 0")
{
    for (const int number : {SIGTERM, SIGINT}) {
        notify_socket manager;
        child_process child([&] { return serve_and_tell({}, &manager); });
        const endpoint where = endpoint_of(child.read_line());
        CHECK(manager.next().starts_with("READY=1\n"));
        run_here([&]() -> task<> {
            connection first = co_await connect(where), second = co_await connect(where);
            child.send_signal(number);
            CHECK(manager.next().starts_with("STOPPING=1\n"));
            co_await expect_service(first);
            co_await expect_service(second);
        });
        CHECK(child.exit_status() == 0);
        CHECK(child.errors() == program() + "drained: 2 connections finished, 0 cancelled, 0 aborted\n");
        run_here([&]() -> task<> {
            const auto refused = co_await as_result(connect(where));
            CHECK_FALSE(refused);
        });
    }
}

TEST_CASE("serve returns 0 without a word where nothing is open when a signal ends it")
{
    child_process child([] { return serve_and_tell(); });
    child.read_line();
    child.send_signal(SIGTERM);
    CHECK(child.exit_status() == 0);
    CHECK(child.errors() == "");
}

TEST_CASE("a second signal cancels the sessions of serve and a third aborts them")
{
    notify_socket manager;
    child_process child([&] { return serve_persistently({}, manager); });
    const endpoint where = endpoint_of(child.read_line());
    run_here([&]() -> task<> {
        connection client = co_await connect(where);
        co_await expect_line(client, "open");
        child.send_signal(SIGTERM);
        CHECK(manager.next().starts_with("READY=1\n"));
        CHECK(manager.next().starts_with("STOPPING=1\n"));
        child.send_signal(SIGINT);
        co_await expect_line(client, "cancelled");
        child.send_signal(SIGTERM);
        co_await expect_end(client);
    });
    CHECK(child.exit_status() == 0);
    CHECK(child.errors() == program() + "drained: 0 connections finished, 0 cancelled, 1 aborted\n");
}

TEST_CASE("serve cancels sessions at its soft limit and aborts them at its hard one")
{
    notify_socket manager;
    child_process child([&] {
        serve_options options;
        options.soft = 0s;
        options.hard = 1ms;
        return serve_persistently(std::move(options), manager);
    });
    const endpoint where = endpoint_of(child.read_line());
    run_here([&]() -> task<> {
        connection client = co_await connect(where);
        co_await expect_line(client, "open");
        child.send_signal(SIGTERM);
        co_await expect_line(client, "cancelled");
        co_await expect_end(client);
    });
    CHECK(child.exit_status() == 0);
    CHECK(child.errors() == program() + "drained: 0 connections finished, 0 cancelled, 1 aborted\n");
}

TEST_CASE("SIGUSR1 shows what serve has done and what its sessions wait for")
{
    child_process child([] { return serve_and_tell(); });
    const endpoint where = endpoint_of(child.read_line());
    run_here([&]() -> task<> {
        connection first = co_await connect(where), second = co_await connect(where);
        co_await expect_service(first);
        child.send_signal(SIGUSR1);
        CHECK(child.read_error_line().starts_with(program() + "connections: 2 accepted, "));
        CHECK(child.read_error_line().starts_with("refused: 0 by "));
        CHECK(child.read_error_line().starts_with("accept errors: 0; "));
        std::string all;
        while (all.find("test::hold at ") == std::string::npos) // where the second one waits
            all += child.read_error_line() + "\n";
        INFO(all);
        CHECK(all.find("read from 127.0.0.1:") != std::string::npos);
        co_await expect_service(second);
    });
    child.send_signal(SIGTERM);
    CHECK(child.exit_status() == 0);
}

TEST_CASE("serve tells the service manager that it listens, reloads and drains")
{
    notify_socket manager;
    child_process child([&] {
        serve_options options;
        options.on_reload = [] {
            say("reloaded");
            throw std::runtime_error("half of it");
        };
        return serve_and_tell(std::move(options), &manager);
    });
    const std::string where = child.read_line();
    CHECK(manager.next() == "READY=1\nSTATUS=serving at " + where);
    child.send_signal(SIGHUP);
    CHECK(child.read_line() == "reloaded");
    CHECK(manager.next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    CHECK(manager.next() == "READY=1\nSTATUS=serving at " + where);
    run_here([&] { return expect_service_at(endpoint_of(where)); });
    child.send_signal(SIGTERM);
    CHECK(manager.next() == "STOPPING=1\nSTATUS=draining");
    CHECK(child.exit_status() == 0);
    CHECK(child.errors() == program() + "reload: half of it\n");
}

TEST_CASE("serve pings the watchdog from its loop, so that one that is blocked falls silent")
{
    notify_socket manager;
    child_process child([&] {
        ::setenv("WATCHDOG_USEC", "2000", 1);
        serve_options options;
        options.on_reload = [] { ::raise(SIGSTOP); };
        return serve_and_tell(std::move(options), &manager);
    });
    child.read_line();
    CHECK(manager.next_or_ping().starts_with("READY=1\n"));
    for (int count = 0; count < 3; ++count)
        CHECK(manager.next_or_ping() == "WATCHDOG=1");
    child.send_signal(SIGHUP);
    while (manager.next_or_ping() == "WATCHDOG=1")
        ;
    int status = 0;
    REQUIRE(::waitpid(child.id(), &status, WUNTRACED) == child.id());
    CHECK(WIFSTOPPED(status));
    CHECK_FALSE(manager.has_next());
    child.send_signal(SIGCONT);
    CHECK(manager.next().starts_with("READY=1\n"));
    CHECK(manager.next_or_ping() == "WATCHDOG=1");
    child.send_signal(SIGTERM);
    CHECK(child.exit_status() == 0);
}

TEST_CASE("serve listens at the sockets that it has inherited in place of its addresses")
{
    context own;
    const endpoint any_port = endpoint::ipv4({127, 0, 0, 1}, 0);
    acceptor first = listen(own, any_port), second = listen(own, any_port);
    datagram_socket other = own.run(open_datagram(udp("127.0.0.1", 0)));
    const endpoint where[] = {first.local_endpoints().front(), second.local_endpoints().front()};
    child_process child([&] {
        pass_sockets({first.native_handles().front(), other.native_handle(), second.native_handles().front()});
        return serve_and_tell();
    });
    for (const endpoint& each : where)
        CHECK(child.read_line() == to_string(each));
    first.close();
    second.close();
    run_here([&]() -> task<> {
        for (const endpoint& each : where)
            co_await expect_service_at(each);
    });
    child.send_signal(SIGTERM);
    CHECK(child.exit_status() == 0);
}

TEST_CASE("serve takes inherited sockets for datagrams, and ends with a signal")
{
    context own;
    datagram_socket passed = own.run(open_datagram(udp("127.0.0.1", 0)));
    acceptor other = listen(own, endpoint::ipv4({127, 0, 0, 1}, 0));
    const endpoint where = passed.local_endpoint();
    child_process child([&] {
        pass_sockets({other.native_handles().front(), passed.native_handle()});
        datagram_server which(udp("127.0.0.1", 0), [](packet& request) -> task<> {
            co_await request.reply(request.data());
            co_await sleep_for(24h);
        });
        which.on_listening([](endpoints at) { say(to_string(at.front())); });
        return serve(which);
    });
    CHECK(child.read_line() == to_string(where));
    passed.close();
    run_here([&]() -> task<> {
        datagram_socket client = co_await connect_datagram(where);
        co_await client.send("hello");
        co_await expect_packet(client, "hello");
    });
    child.send_signal(SIGUSR1);
    child.send_signal(SIGTERM);
    CHECK(child.exit_status() == 0);
    CHECK(child.errors().find("drained: 0 connections finished, 1 cancelled, 0 aborted\n") != std::string::npos);
}

TEST_CASE("serve returns 1 where the environment contradicts itself")
{
    child_process child([] {
        ::setenv("LISTEN_PID", "me", 1);
        return serve_and_tell();
    });
    CHECK(child.exit_status() == 1);
    CHECK(child.errors() == program() + "read the environment variable LISTEN_PID: \"me\" is no number\n");
}

TEST_CASE("serve returns 1 where it cannot listen, with the address and the reason on standard error")
{
    const int taken = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    REQUIRE(::bind(taken, reinterpret_cast<const sockaddr*>(&where), size) == 0);
    REQUIRE(::listen(taken, 1) == 0);
    REQUIRE(::getsockname(taken, reinterpret_cast<sockaddr*>(&where), &size) == 0);
    const std::uint16_t port = ntohs(where.sin_port);
    child_process child([&] { return serve(tcp("127.0.0.1", port), hold); });
    CHECK(child.exit_status() == 1);
    CHECK(child.errors() == program() + "listen at 127.0.0.1:" + std::to_string(port) + ": Address already in use\n");
    ::close(taken);
}

TEST_CASE("run returns the value of its task, and 1 with a line on standard error for an exception")
{
    child_process returning([] {
        return run([]() -> task<int> { co_return 7; }());
    });
    CHECK(returning.exit_status() == 7);
    CHECK(returning.errors() == "");

    child_process throwing([] {
        return run([]() -> task<int> {
            throw error(errc::malformed, "read", "the entrails");
            co_return 0;
        }());
    });
    CHECK(throwing.exit_status() == 1);
    CHECK(throwing.errors() == program() + "read the entrails: malformed\n");

    child_process reporting([] {
        return run([]() -> task<int> {
            context& own = co_await this_context();
            own.report(report("one line"));
            co_return 0;
        }());
    });
    CHECK(reporting.exit_status() == 0);
    CHECK(reporting.errors() == program() + "one line\n");
}

TEST_CASE("run returns 128 and the number of the signal that cancelled its task")
{
    for (const int number : {SIGTERM, SIGINT}) {
        child_process child([] {
            return run([]() -> task<int> {
                co_await wait_for_ever();
                co_return 0;
            }());
        });
        CHECK(child.read_line() == "ready");
        child.send_signal(number);
        CHECK(child.exit_status() == 128 + number);
        CHECK(child.errors() == "");
    }
}

TEST_CASE("a second signal ends a program that does not want to end")
{
    child_process child([] {
        return run([]() -> task<int> {
            co_await scope([](task_group& group) -> task<> {
                group.spawn(tell_of_cancellation());
                co_await shield(24h, wait_for_ever());
            });
            co_return 0;
        }());
    });
    CHECK(child.read_line() == "ready");
    child.send_signal(SIGTERM);
    CHECK(child.read_line() == "cancelled");
    child.send_signal(SIGTERM);
    CHECK(child.exit_status() == 1000 + SIGTERM);
}
