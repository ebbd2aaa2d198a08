// serve and its successor: the listening sockets change hands, and nobody is refused.
#include "support/services.hpp"

#include <sys/stat.h>

using namespace portico;
using namespace test;

namespace {

// A path of this test, where nothing is.
std::string own_path(const char* what)
{
    const std::string path = "/tmp/portico-" + std::string(what) + "-" + std::to_string(::getpid());
    ::unlink(path.c_str());
    return path;
}

int serve_with_door(const std::string& door, const address& where = anywhere, unsigned prefork = 0)
{
    server which(where, hold);
    serve_options options;
    options.hand_over = door;
    options.prefork = prefork;
    return serve_and_say(which, std::move(options));
}

struct tally {
    unsigned served = 0, failed = 0;
    std::string failure;
};

task<> use_service(const endpoint& where)
{
    connection client = co_await connect(where);
    co_await client.write("now\n");
    const auto line = co_await client.read_line();
    if (!line || line->text() != "served")
        throw error(errc::truncated, "be served");
}

// One client after another, until `stop`.
task<> use_service_until(const endpoint& where, const bool& stop, tally& total)
{
    while (!stop) {
        const auto outcome = co_await as_result(use_service(where));
        if (outcome)
            ++total.served;
        else
            total.failure = outcome.error().what();
        total.failed += !outcome;
        if (total.served == 100)
            say("100 served");
    }
}

// Says how it went when SIGTERM comes.
int load(const endpoint& where)
{
    context own;
    bool stop = false;
    tally total;
    own.backend().watch_signals({SIGTERM}, [&](int) { stop = true; });
    const auto all = [&]() -> task<> {
        co_await scope([&](task_group& group) -> task<> {
            for (int count = 0; count < 4; ++count)
                group.spawn(use_service_until(where, stop, total));
            co_return;
        });
    };
    own.run(all());
    say("failed " + std::to_string(total.failed) + total.failure);
    return 0;
}

task<connection> knock(const std::string& door)
{
    connection there = co_await connect(endpoint::local(door));
    there.timeout(patience);
    co_await there.write("portico hand-over 1\n");
    co_return there;
}

} // namespace

TEST_CASE("under load, three restarts with a hand-over refuse and reset nobody")
{
    const std::string door = own_path("door");
    std::vector<std::unique_ptr<child_process>> services;
    const auto start = [&] {
        services.push_back(std::make_unique<child_process>([&] { return serve_with_door(door); }));
        return services.back()->read_line();
    };
    const std::string where = start();
    child_process clients([&] { return load(endpoint_of(where)); });
    CHECK(clients.read_line() == "100 served");
    struct stat file{};
    REQUIRE(::stat(door.c_str(), &file) == 0);
    CHECK((file.st_mode & 0777) == 0600);
    for (int restart = 0; restart < 3; ++restart) {
        CHECK(start() == where);
        child_process& before = *services[services.size() - 2];
        CHECK(before.exit_status() == 0);
        const std::string text = before.errors();
        INFO(text);
        CHECK(text.find("failed") == std::string::npos);
        CHECK((text.empty() || text.find(" 0 cancelled, 0 aborted") != std::string::npos));
    }
    clients.send_signal(SIGTERM);
    CHECK(clients.read_line() == "failed 0");
    CHECK(clients.exit_status() == 0);
    services.back()->send_signal(SIGTERM);
    CHECK(services.back()->exit_status() == 0);
    CHECK(::access(door.c_str(), F_OK) != 0);
}

TEST_CASE("a successor that is gone before it serves changes nothing, and the next one takes over")
{
    const std::string door = own_name() + "-door";
    notify_socket manager;
    child_process first([&] {
        ::setenv("NOTIFY_SOCKET", manager.name().c_str(), 1);
        return serve_with_door(door);
    });
    const std::string where = first.read_line();
    run_here([&]() -> task<> {
        {
            connection gone = co_await knock(door);
            received_descriptors got = co_await gone.read_descriptors();
            CHECK(got.data == "sockets --\n");
            CHECK(got.handles.size() == 2);
        }
        connection wrong = co_await connect(endpoint::local(door));
        co_await wrong.write("portico hand-over 9\n");
        const auto answer = co_await wrong.read_line();
        REQUIRE(answer);
        CHECK(answer->text() == "late");
        co_await expect_service_at(endpoint_of(where));
    });
    child_process second([&] { return serve_with_door(door); });
    CHECK(second.read_line() == where);
    CHECK(manager.next().starts_with("READY=1\n"));
    CHECK(manager.next() == "MAINPID=" + std::to_string(second.id()));
    CHECK(first.exit_status() == 0);
    const std::string text = first.errors();
    CHECK(text.find("hand sockets over: the other process says \"\"\n") != std::string::npos);
    CHECK(text.find("hand sockets over: the other process says \"portico hand-over 9\"\n") != std::string::npos);
    run_here([&] { return expect_service_at(endpoint_of(where)); });
    second.send_signal(SIGTERM);
    CHECK(second.exit_status() == 0);
    CHECK(second.errors() == "");
}

TEST_CASE("a service that ends while a successor has not spoken yet ends well")
{
    const std::string door = own_name() + "-door";
    child_process service([&] { return serve_with_door(door); });
    const endpoint where = endpoint_of(service.read_line());
    run_here([&]() -> task<> {
        connection client = co_await connect(where);
        connection silent = co_await connect(endpoint::local(door));
        service.send_signal(SIGUSR1); // what it says shows that its loop has run since
        while (service.read_error_line().find(" 1 open") == std::string::npos)
            service.send_signal(SIGUSR1);
        service.send_signal(SIGTERM);
        for (bool drains = false; !drains;) {
            const auto another = co_await as_result(connect(where));
            drains = !another.has_value();
        }
        (void)co_await as_result(silent.write("portico hand-over 1\n"));
        const auto answer = co_await as_result(silent.read_line());
        CHECK((!answer || !*answer || **answer == "late"));
        co_await expect_service(client);
    });
    CHECK(service.exit_status() == 0);
}

TEST_CASE("the file of a Unix socket goes with it, and its last owner removes it")
{
    const std::string door = own_path("door"), path = own_path("service");
    const auto serve_there = [&] { return serve_with_door(door, local(path)); };
    child_process first(serve_there);
    CHECK(first.read_line() == "unix:" + path);
    child_process second(serve_there);
    CHECK(second.read_line() == "unix:" + path);
    CHECK(first.exit_status() == 0);
    run_here([&] { return expect_service_at(endpoint::local(path)); });
    CHECK(::access(door.c_str(), F_OK) == 0);
    second.send_signal(SIGTERM);
    CHECK(second.exit_status() == 0);
    CHECK(::access(door.c_str(), F_OK) != 0);
    CHECK(::access(path.c_str(), F_OK) != 0);
}

TEST_CASE("a session that is open at a hand-over ends by itself")
{
    const std::string door = own_name() + "-door";
    child_process first([&] { return serve_with_door(door); });
    const endpoint where = endpoint_of(first.read_line());
    std::optional<child_process> second;
    run_here([&]() -> task<> {
        connection before = co_await connect(where);
        co_await before.write("n"); // accepted before the other one listens, or served by it
        second.emplace([&] { return serve_with_door(door); });
        second->read_line();
        co_await before.write("ow\n");
        const auto line = co_await before.read_line();
        REQUIRE(line);
        CHECK(line->text() == "served");
    });
    CHECK(first.exit_status() == 0);
    second->send_signal(SIGTERM);
    CHECK(second->exit_status() == 0);
}

TEST_CASE("a successor that is told that it is late, or told nothing, gives up")
{
    const std::string door = own_name() + "-door";
    context own;
    acceptor fake = listen(own, endpoint::local(door)), service = listen(own, endpoint::ipv4({127, 0, 0, 1}, 0));
    const auto meet = [&](bool give) {
        child_process heir([&] { return serve_with_door(door); });
        const auto talk = [&]() -> task<> {
            connection there = co_await fake.accept();
            const auto greeting = co_await there.read_line();
            REQUIRE(greeting);
            CHECK(greeting->text() == "portico hand-over 1");
            if (!give)
                co_return;
            const int handles[] = {fake.native_handles().front(), service.native_handles().front()};
            co_await there.write_descriptors("sockets --\n", handles);
            const auto serving = co_await there.read_line();
            REQUIRE(serving);
            CHECK(serving->text() == "serving");
            co_await there.write("late\n");
        };
        own.run(with_deadline(patience, talk()));
        CHECK(heir.exit_status() == 1);
        return heir.errors();
    };
    CHECK(meet(true) == program() + "hand sockets over: the other process says \"late\"\n");
    CHECK(meet(false) == program() + "hand sockets over: the other process says \"\"\n");
}

TEST_CASE("a process of another user gets no sockets")
{
    if (::geteuid() != 0)
        return; // only root can be somebody else
    const std::string door = own_name() + "-door"; // which has no mode
    child_process service([&] { return serve_with_door(door); });
    service.read_line();
    child_process other([&] {
        if (::setuid(65534) != 0)
            return 2;
        run_here([&]() -> task<> {
            connection there = co_await knock(door);
            received_descriptors got = co_await there.read_descriptors();
            say(std::to_string(got.handles.size()) + " " + got.data);
        });
        return 0;
    });
    CHECK(other.read_line() == "0 late");
    service.send_signal(SIGTERM);
    CHECK(service.exit_status() == 0);
    CHECK(service.errors() == program() + "hand sockets over: the other process is another user's\n");
}

TEST_CASE("serve refuses a hand-over together with children")
{
    child_process child([] { return serve_with_door("@unused", anywhere, 2); });
    CHECK(child.exit_status() == 1);
    CHECK(child.errors() == program() + "serve: prefork and hand_over do not go together\n");
}
