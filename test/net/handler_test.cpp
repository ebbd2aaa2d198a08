// handler: what can serve a connection, on either side and on every transport.
#include "support/servers.hpp"

#include <memory>

using namespace portico;
using namespace test;

namespace {

// The same on both sides: greets, and checks that it is greeted.
task<> greet(connection& peer)
{
    co_await peer.write("hello\n");
    const auto line = co_await peer.read_line();
    REQUIRE(line);
    CHECK(line->text() == "hello");
}

struct counting_handler {
    std::shared_ptr<int> calls;
    task<> operator()(connection& peer) const
    {
        ++*calls;
        co_await greet(peer);
    }
};

// Runs one handler as server and one as client against each other.
void meet(handler serving, handler visiting)
{
    struct shared_handler {
        const handler& which;
        task<> operator()(connection& peer) const { return which(peer); }
    };
    for (const stream_kind& kind : stream_kinds()) {
        INFO(kind.name);
        std::vector<std::string> reports;
        context own(open_backend(kind));
        own.on_report([&](const report& what) { reports.push_back(what.text); });
        server here(kind.where, shared_handler{serving});
        const auto visit = [&](const std::vector<endpoint>& where) -> task<> {
            client there(address::parse(to_string(where.front())), shared_handler{visiting});
            co_await there.run();
            co_await there.run();
        };
        own.run(with_deadline(patience, while_serving(here, visit)));
        CHECK(here.statistics().accepted == 2);
        CHECK(here.statistics().handler_errors == 0);
        CHECK(reports == std::vector<std::string>());
    }
}

} // namespace

TEST_CASE("a function, a lambda with captures that can only be moved, and an object serve and visit alike")
{
    const auto calls = std::make_shared<int>(0);
    const auto make_lambda = [&] {
        return [own = std::make_unique<int>(7), calls](connection& peer) -> task<> {
            CHECK(*own == 7);
            ++*calls;
            co_await greet(peer);
            CHECK(*own == 7); // it lives as long as the session
        };
    };
    meet(greet, greet);
    meet(&greet, make_lambda());
    meet(make_lambda(), greet);
    meet(counting_handler{calls}, make_lambda());
    meet(make_lambda(), counting_handler{calls});
    CHECK(*calls == 6 * 2 * static_cast<int>(stream_kinds().size()));
    CHECK(calls.use_count() == 1);
}

TEST_CASE("a handler is moved as a whole and its object is freed with it")
{
    const auto counter = std::make_shared<int>(0);
    {
        handler first = counting_handler{counter};
        CHECK(counter.use_count() == 2);
        const handler second = std::move(first);
        CHECK(counter.use_count() == 2);
    }
    CHECK(counter.use_count() == 1);
}
