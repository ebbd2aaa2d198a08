// The operating system's sockets: their options, and that every descriptor is closed in the end.
#include "support/streams.hpp"

#include <fcntl.h>
#include <set>

using namespace portico;
using namespace test;

namespace {

std::set<int> open_descriptors()
{
    std::set<int> found;
    for (int each = 0; each < 1024; ++each)
        if (::fcntl(each, F_GETFD) != -1)
            found.insert(each);
    return found;
}

task<> make_and_abandon()
{
    std::vector<connection> kept;
    acceptor ignored = co_await listen(tcp("127.0.0.1", 0)), source = co_await listen(tcp("127.0.0.1", 0));
    const endpoint where = source.local_endpoints().front();
    for (int i = 0; i < 10; ++i) {
        kept.push_back(co_await connect(ignored.local_endpoints().front()));
        connection near = co_await connect(where);
        connection far = co_await source.accept();
        const auto late = co_await as_result(with_deadline(0ms, far.read_some()));
        CHECK_FALSE(late);
        i % 3 == 0 ? near.close() : i % 3 == 1 ? near.abort() : void();
    }
    const auto connect_in_vain = [&]() -> task<> { (void)co_await connect(tcp("127.0.0.1", 1)); };
    co_await scope([&](task_group& group) -> task<> {
        group.spawn(connect_in_vain());
        group.cancel();
        co_return;
    });
}

} // namespace

TEST_CASE("accepted and connected sockets send small writes at once, are kept alive and are not inherited")
{
    run_with_connections(stream_kinds()[0], [](connection& near, connection& far) -> task<> {
        for (const connection* const each : {&near, &far}) {
            CHECK(each->options().get(option::no_delay));
            CHECK(each->options().get(option::keep_alive));
            CHECK((::fcntl(each->native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
            CHECK((::fcntl(each->native_handle(), F_GETFL) & O_NONBLOCK) != 0);
        }
        co_return;
    });
}

TEST_CASE("no descriptor outlives its context, whatever was under way")
{
    const std::set<int> before = open_descriptors();
    {
        context own;
        own.run(make_and_abandon());
    }
    CHECK(open_descriptors() == before);
    {
        context own;
        const auto stop_halfway = []() -> task<> {
            acceptor source = co_await listen(tcp("127.0.0.1", 0));
            connection near = co_await connect(source.local_endpoints().front());
            connection far = co_await source.accept();
            (co_await this_context()).backend().stop();
            co_await far.read_some();
        };
        CHECK_THROWS_AS(own.run(stop_halfway()), misuse);
    }
    CHECK(open_descriptors() == before);
}
