// run and serve: signals, exit statuses and standard error, in processes of their own.
#include "support/process.hpp"
#include "support/servers.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <portico/server/run.hpp>

using namespace portico;
using namespace test;

namespace {

// Serves as a child process, and says where.
int serve_and_tell(server_options options = {})
{
    server which(tcp("127.0.0.1", 0), hold, options);
    which.on_listening([](const std::vector<endpoint>& where) { say(to_string(where.front())); });
    return serve(which);
}

endpoint endpoint_of(const std::string& line)
{
    const address where = address::parse(line);
    return *parse_ip(where.host(), where.port());
}

task<> wait_for_ever()
{
    say("ready");
    co_await sleep_for(24h);
}

// How a line of `run` on standard error begins.
std::string program()
{
    return std::string(program_invocation_short_name) + ": ";
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

TEST_CASE("serve serves until SIGTERM or SIGINT comes, ends its sessions, and returns 0")
{
    for (const int number : {SIGTERM, SIGINT}) {
        child_process child([] { return serve_and_tell(); });
        const endpoint where = endpoint_of(child.read_line());
        context own;
        const auto test = [&]() -> task<> {
            connection first = co_await connect(where), second = co_await connect(where);
            co_await first.write("now\n");
            const auto line = co_await first.read_line();
            REQUIRE(line);
            CHECK(line->text() == "served");
            child.send_signal(number);
            const auto end = co_await as_result(second.read_some());
            CHECK((!end || end->empty()));
        };
        own.run(with_deadline(patience, test()));
        CHECK(child.exit_status() == 0);
        CHECK(child.errors() == "");
    }
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
