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
    rlimit few{20, 20};
    if (::setrlimit(RLIMIT_NOFILE, &few) != 0)
        return 2;
    server which(tcp("127.0.0.1", 0), hold);
    which.on_listening([](const std::vector<endpoint>& where) { say(std::to_string(where.front().port())); });
    const int status = serve(which);
    say(std::to_string(which.statistics().accepted));
    say(std::to_string(which.statistics().accept_errors.total()));
    return status;
}

} // namespace

TEST_CASE("a server with 20 descriptors serves 200 clients that come at once, and reports once a second at most")
{
    constexpr std::size_t count = 200;
    child_process child(serve_with_few_descriptors);
    const endpoint where = endpoint::ipv4({127, 0, 0, 1}, static_cast<std::uint16_t>(std::stoul(child.read_line())));
    context own;
    const time_point begin = own.now();
    const auto test = [&]() -> task<> {
        std::vector<connection> clients;
        while (clients.size() < count)
            clients.push_back(co_await connect(where));
        for (connection& each : clients) {
            co_await each.write("now\n");
            const auto line = co_await each.read_line();
            REQUIRE(line);
            CHECK(line->text() == "served");
            each.close();
        }
    };
    own.run(with_deadline(patience, test()));
    const auto seconds = static_cast<std::ptrdiff_t>((own.now() - begin) / 1s);
    child.send_signal(SIGTERM);
    CHECK(child.read_line() == std::to_string(count));
    const unsigned long failures = std::stoul(child.read_line());
    CHECK(failures > 0);
    CHECK(failures <= 3 * count); // a few for each connection that closes: it does not spin
    CHECK(child.exit_status() == 0);
    const std::string reports = child.errors();
    CHECK(reports.find("Too many open files") != std::string::npos);
    CHECK(std::count(reports.begin(), reports.end(), '\n') <= seconds + 2);
}
