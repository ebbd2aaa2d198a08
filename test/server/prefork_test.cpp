// serve with children: they are replaced when they die, get every signal, and end with their parent.
#include "support/services.hpp"

#include <set>

using namespace portico;
using namespace test;

namespace {

// Says who serves, holds the connection until a line comes, and then serves.
task<> identify(connection& peer)
{
    co_await peer.write(std::to_string(::getpid()) + "\n");
    co_await hold(peer);
}

int serve_with_children(unsigned count, const notify_socket& manager, duration soft = 30s)
{
    ::setenv("NOTIFY_SOCKET", manager.name().c_str(), 1);
    server which(anywhere, identify);
    which.on_listening([](endpoints where) { say(to_string(where.front())); });
    serve_options options;
    options.prefork = count;
    options.soft = soft;
    options.on_reload = [] { say("reloaded " + std::to_string(::getpid())); };
    return serve(which, std::move(options));
}

// A service with two children, that listens.
struct family {
    explicit family(duration soft = 30s) : parent([this, soft] { return serve_with_children(2, manager, soft); })
    {
        where = endpoint_of(parent.read_line());
        CHECK(parent.read_line() == to_string(where)); // of the other child
        CHECK(manager.next() == "READY=1\nSTATUS=2 processes, serving at " + to_string(where));
    }

    notify_socket manager;
    child_process parent;
    endpoint where;
};

task<pid_t> server_of(connection& client)
{
    const auto line = co_await client.read_line();
    REQUIRE(line);
    co_return std::stoi(std::string(line->text()));
}

// Both children: connects until each of them has answered.
std::set<pid_t> children_at(const endpoint& where)
{
    std::set<pid_t> found;
    run_here([&]() -> task<> {
        std::vector<connection> clients; // kept, so that both get some
        while (found.size() < 2) {
            connection client = co_await connect(where);
            found.insert(co_await server_of(client));
            clients.push_back(std::move(client));
        }
        for (connection& each : clients)
            co_await expect_service(each);
    });
    return found;
}

} // namespace

TEST_CASE("children serve at the sockets of their parent, and one that dies is replaced")
{
    family service;
    const std::set<pid_t> before = children_at(service.where);
    CHECK(before.count(service.parent.id()) == 0);
    const pid_t victim = *before.begin();
    REQUIRE(::kill(victim, SIGKILL) == 0);
    const std::string report = service.parent.read_error_line();
    CHECK(report.starts_with(program() + "process " + std::to_string(victim) + " was killed by signal 9 (Killed); "));
    CHECK(service.parent.read_line() == to_string(service.where));
    const std::set<pid_t> after = children_at(service.where);
    CHECK(after.count(victim) == 0);
    CHECK(after.count(*before.rbegin()) == 1);
    service.parent.send_signal(SIGTERM);
    CHECK(service.manager.next() == "STOPPING=1\nSTATUS=draining");
    CHECK(service.parent.exit_status() == 0);
    CHECK(service.parent.errors() == "");
}

TEST_CASE("a child that dies again and again is replaced ever later")
{
    child_process parent([] {
        server which(anywhere, hold);
        which.on_listening([](endpoints) { throw std::runtime_error("no"); });
        serve_options options;
        options.prefork = 1;
        return serve(which, std::move(options));
    });
    for (const char* pause : {"100 ms", "200 ms", "400 ms"}) {
        CHECK(parent.read_error_line() == program() + "no");
        const std::string report = parent.read_error_line();
        INFO(report);
        const std::string told = std::string(" ended with status 1; another one takes its place in ") + pause;
        CHECK(report.find(told) != std::string::npos);
    }
    parent.send_signal(SIGINT);
    CHECK(parent.exit_status() == 0);
}

TEST_CASE("an exception of an unknown type ends a child, which is replaced, and does not leave it")
{
    child_process parent([] {
        const pid_t own = ::getpid();
        server which(anywhere, hold);
        which.on_listening([](endpoints) { throw 42; });
        serve_options options;
        options.prefork = 1;
        int status = 9;
        try {
            status = serve(which, std::move(options));
        } catch (int) {
            status = 8;
        }
        return ::getpid() == own ? status : 7;
    });
    std::string report; // after what the system says of such an end
    while (report.find(program() + "process ") != 0)
        report = parent.read_error_line();
    CHECK(report.find(" was killed by signal 6 (Aborted); another one takes its place in 100 ms") != std::string::npos);
    parent.send_signal(SIGINT);
    CHECK(parent.exit_status() == 0);
}

TEST_CASE("every child gets SIGUSR1 and SIGHUP, and the service manager hears when all have reloaded")
{
    family service;
    const std::set<pid_t> children = children_at(service.where);
    service.parent.send_signal(SIGHUP);
    std::set<std::string> reloaded;
    while (reloaded.size() < 3)
        reloaded.insert(service.parent.read_line());
    for (const pid_t each : children)
        CHECK(reloaded.count("reloaded " + std::to_string(each)) == 1);
    CHECK(reloaded.count("reloaded " + std::to_string(service.parent.id())) == 1); // for the children that are to come
    CHECK(service.manager.next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    CHECK(service.manager.next().starts_with("READY=1\n"));
    service.parent.send_signal(SIGUSR1);
    for (int shown = 0; shown < 2;)
        shown += service.parent.read_error_line().starts_with(program() + "connections: ");
    service.parent.send_signal(SIGTERM);
    CHECK(service.parent.exit_status() == 0);
}

TEST_CASE("SIGTERM drains the children: sessions end by themselves, and new clients are refused")
{
    family service;
    run_here([&]() -> task<> {
        connection client = co_await connect(service.where);
        const pid_t child = co_await server_of(client);
        REQUIRE(::kill(child, SIGTERM) == 0); // as who ends the whole group does
        service.parent.send_signal(SIGTERM);
        CHECK(service.manager.next().starts_with("STOPPING=1\n"));
        for (bool refused = false; !refused;) { // until both children listen no more
            const auto connected = co_await as_result(connect(service.where));
            refused = !connected;
        }
        co_await expect_service(client);
    });
    CHECK(service.parent.exit_status() == 0);
    const std::string text = service.parent.errors();
    INFO(text);
    CHECK(text.find("drained: ") != std::string::npos);
    CHECK(text.find("connections finished, 0 cancelled, 0 aborted\n") != std::string::npos);
    CHECK(text.find("killed") == std::string::npos);
}

TEST_CASE("a second signal hurries the children")
{
    family service;
    run_here([&]() -> task<> {
        connection client = co_await connect(service.where);
        co_await server_of(client);
        service.parent.send_signal(SIGTERM);
        CHECK(service.manager.next().starts_with("STOPPING=1\n"));
        service.parent.send_signal(SIGTERM);
        const auto end = co_await as_result(client.read_some());
        CHECK((!end || end->empty()));
    });
    CHECK(service.parent.exit_status() == 0);
    const std::string text = service.parent.errors();
    INFO(text);
    CHECK(text.find("drained: 0 connections finished, 1 cancelled, 0 aborted\n") != std::string::npos);
}

TEST_CASE("children end when their parent is gone")
{
    family service;
    service.parent.send_signal(SIGKILL);
    CHECK(service.parent.exit_status() == 1000 + SIGKILL);
    CHECK(service.parent.errors() == ""); // comes to its end when no process has it any more
    run_here([&]() -> task<> {
        const auto refused = co_await as_result(connect(service.where));
        CHECK_FALSE(refused);
    });
}

TEST_CASE("the file of a Unix socket at which children serve is removed by their parent")
{
    const std::string path = "/tmp/portico-prefork-test-" + std::to_string(::getpid());
    child_process parent([&] {
        server which(local(path), hold);
        serve_options options;
        options.prefork = 1;
        return serve_and_say(which, std::move(options));
    });
    CHECK(parent.read_line() == "unix:" + path);
    run_here([&] { return expect_service_at(endpoint::local(path)); });
    CHECK(::access(path.c_str(), F_OK) == 0);
    parent.send_signal(SIGTERM);
    CHECK(parent.exit_status() == 0);
    CHECK(::access(path.c_str(), F_OK) != 0);
}
