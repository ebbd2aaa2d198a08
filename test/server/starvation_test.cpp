// server: with fewer descriptors than clients it goes on, and serves them all in the end.
#include "support/process.hpp"
#include "support/servers.hpp"

#include <algorithm>
#include <portico/server/run.hpp>
#include <sys/resource.h>

using namespace portico;
using namespace test;

namespace {

int serve_with_few_descriptors()
{
    rlimit few{64, 64};
    if (::setrlimit(RLIMIT_NOFILE, &few) != 0)
        return 2;
    server which(tcp("127.0.0.1", 0), hold);
    which.on_listening([](const std::vector<endpoint>& where) { say(std::to_string(where.front().port())); });
    const int status = serve(which);
    say(std::to_string(which.statistics().accepted));
    say(std::to_string(which.statistics().accept_errors.total()));
    return status;
}

/// How many accepts had failed by then, as the next report has it.
unsigned long failures_in_report(const child_process& child)
{
    const std::string text = child.read_error_line();
    INFO(text);
    REQUIRE(text.find("Too many open files") != text.npos);
    return std::stoul(text.substr(text.find("wait; ") + 6));
}

} // namespace

TEST_CASE("with 64 descriptors and 500 clients that hold on a server tries ever less often, and then serves them all")
{
    constexpr std::size_t count = 500;
    child_process child(serve_with_few_descriptors);
    const endpoint where = endpoint::ipv4({127, 0, 0, 1}, static_cast<std::uint16_t>(std::stoul(child.read_line())));
    context own;
    const time_point begin = own.now();
    std::vector<connection> clients;
    const auto come = [&]() -> task<> {
        while (clients.size() < count)
            clients.push_back(co_await connect(where));
    };
    own.run(with_deadline(patience, come()));
    unsigned long failures = failures_in_report(child);
    CHECK(failures == 1);
    failures += failures_in_report(child); // after 5, 10, 20, ... 640 ms
    CHECK(failures <= 1 + 8);
    failures += failures_in_report(child); // after one more second
    CHECK(failures <= 1 + 8 + 1);
    const auto leave = [&]() -> task<> {
        for (connection& each : clients) {
            co_await expect_service(each);
            each.close();
        }
    };
    own.run(with_deadline(patience, leave()));
    const auto seconds = static_cast<std::ptrdiff_t>((own.now() - begin) / 1s);
    child.send_signal(SIGTERM);
    CHECK(child.read_line() == std::to_string(count));
    CHECK(std::stoul(child.read_line()) <= 3 * count); // a few for each connection that closes: it does not spin
    CHECK(child.exit_status() == 0);
    const std::string reports = child.errors();
    CHECK(std::count(reports.begin(), reports.end(), '\n') <= seconds + 2);
}
