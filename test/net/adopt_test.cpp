// Sockets from elsewhere: descriptors that are taken over and given up, and what is none.
#include "support/streams.hpp"

#include <fcntl.h>
#include <sys/socket.h>

using namespace portico;
using namespace test;

namespace {

/// A blocking pair, as another library would have it.
std::pair<descriptor, descriptor> plain_pair(int type = SOCK_STREAM)
{
    int handles[2];
    REQUIRE(::socketpair(AF_UNIX, type, 0, handles) == 0);
    return {descriptor(handles[0]), descriptor(handles[1])};
}

template <class Use>
std::error_code failure_of(const Use& use)
{
    try {
        (void)use();
    } catch (const error& failure) {
        return failure.code();
    }
    return {};
}

} // namespace

TEST_CASE("a descriptor becomes a connection, and a connection becomes a descriptor again")
{
    context own;
    own.run([](context& here) -> task<> {
        auto [one, other] = plain_pair();
        const int number = one.get();
        connection near = adopt_connection(here, one.release());
        connection far = adopt_connection(here, other.release());
        CHECK((::fcntl(number, F_GETFL) & O_NONBLOCK) != 0);
        co_await near.write("hello\n");
        auto line = co_await far.read_line(); // has waited: the loop knows the descriptor
        REQUIRE(line);
        CHECK(line->text() == "hello");
        descriptor taken(near.release());
        CHECK(taken.get() == number);
        CHECK_FALSE(near.is_open());
        connection again = adopt_connection(here, taken.release());
        co_await again.write("still there\n");
        line = co_await far.read_line();
        REQUIRE(line);
        CHECK(line->text() == "still there");
    }(own));
}

TEST_CASE("a connection that has waited is released to a loop that knows it no longer")
{
    context own;
    own.run([](context& here) -> task<> {
        auto [near, far] = connection_pair(here);
        auto late = co_await as_result(with_deadline(1ms, near.read_some()));
        CHECK_FALSE(late);
        descriptor taken(near.release());
        connection again = adopt_connection(here, taken.release());
        co_await far.write("x");
        const bytes got = co_await again.read_some();
        CHECK(got == bytes("x"));
    }(own));
}

TEST_CASE("a release with unread bytes, of a connection in memory, or during a read is a misuse")
{
    context own;
    own.run([](context& here) -> task<> {
        auto [near, far] = connection_pair(here);
        co_await far.write("one\ntwo\n");
        (void)co_await near.read_line();
        CHECK(near.buffered() == 4);
        CHECK_THROWS_AS(near.release(), misuse);
        (void)co_await near.read_line();
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> { (void)co_await near.read_some(); });
            CHECK_THROWS_AS(near.release(), misuse);
            group.cancel();
            co_return;
        });
        near.close();
        CHECK_THROWS_AS(near.release(), misuse);
    }(own));
    run_with_connections(memory_stream("memory", 100, SIZE_MAX, 0), [](connection& near, connection&) -> task<> {
        CHECK_THROWS_AS(near.release(), misuse);
        co_return;
    });
}

TEST_CASE("what is no connected stream socket or no listener is refused, and stays the caller's")
{
    context own;
    auto [one, other] = plain_pair(SOCK_DGRAM);
    CHECK(failure_of([&] { return adopt_connection(own, one.get()); }) == std::errc::wrong_protocol_type);
    const descriptor file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    CHECK(failure_of([&] { return adopt_connection(own, file.get()); }) == std::errc::not_a_socket);
    CHECK(failure_of([&] { return adopt_connection(own, -1); }) == std::errc::bad_file_descriptor);
    const descriptor fresh(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CHECK(failure_of([&] { return adopt_acceptor(own, fresh.get()); }) == std::errc::invalid_argument);
    CHECK(failure_of([&] { return adopt_connection(own, fresh.get()); }) == std::errc::not_connected);
    for (const int each : {one.get(), other.get(), file.get(), fresh.get()})
        CHECK(::fcntl(each, F_GETFD) >= 0);
    CHECK((::fcntl(fresh.get(), F_GETFL) & O_NONBLOCK) == 0);
}

TEST_CASE("a listening socket is handed over: what waits in its backlog is accepted by the next")
{
    context own;
    own.run([](context& here) -> task<> {
        acceptor first = co_await listen(tcp("127.0.0.1", 0));
        const endpoint where = first.local_endpoints().front();
        CHECK_FALSE(first.try_accept());
        auto late = co_await as_result(with_deadline(1ms, first.accept()));
        CHECK_FALSE(late);
        connection client = co_await connect(where);
        const std::vector<int> handles = first.release();
        REQUIRE(handles.size() == 1);
        CHECK(first.local_endpoints().empty());
        acceptor second = adopt_acceptor(here, handles.front());
        connection peer = co_await second.accept();
        CHECK(peer.remote_endpoint() == client.local_endpoint());
        CHECK(second.local_endpoints().front() == where);
    }(own));
}

TEST_CASE("closing an acceptor ends an accept under way, and every later one")
{
    for (const stream_kind& kind : stream_kinds()) {
        INFO(kind.name);
        context own(open_backend(kind));
        own.run([](address where) -> task<> {
            acceptor source = co_await listen(where);
            std::error_code code;
            co_await scope([&](task_group& group) -> task<> {
                group.spawn([&]() -> task<> {
                    auto outcome = co_await as_result(source.accept());
                    REQUIRE_FALSE(outcome);
                    code = outcome.error().code();
                });
                CHECK_THROWS_AS(source.try_accept(), misuse);
                source.close();
                co_return;
            });
            CHECK(code == errc::closed);
            auto again = co_await as_result(source.accept());
            REQUIRE_FALSE(again);
            CHECK(again.error().code() == errc::closed);
            CHECK_THROWS_AS(source.try_accept(), error);
        }(kind.where));
    }
}

TEST_CASE("an acceptor that has closed listens again with what is added to it")
{
    context own;
    own.run([](context& here) -> task<> {
        acceptor source = listen(here, endpoint::ipv4({127, 0, 0, 1}, 0));
        source.add(listen(here, endpoint::ipv4({127, 0, 0, 2}, 0)));
        connection first = co_await connect(source.local_endpoints().front());
        (void)co_await source.accept(); // the second one has its turn now
        source.close();
        source.add(listen(here, endpoint::ipv4({127, 0, 0, 3}, 0)));
        connection client = co_await connect(source.local_endpoints().front());
        connection peer = co_await source.accept();
        CHECK(peer.remote_endpoint() == client.local_endpoint());
    }(own));
}

TEST_CASE("an acceptor is neither moved, added to nor released while an accept is under way")
{
    context own;
    own.run([](context& here) -> task<> {
        acceptor source = listen(here, endpoint::ipv4({127, 0, 0, 1}, 0));
        acceptor other = listen(here, endpoint::ipv4({127, 0, 0, 1}, 0));
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> { (void)co_await source.accept(); });
            CHECK_THROWS_AS(acceptor(std::move(source)), misuse);
            CHECK_THROWS_AS(source.add(std::move(other)), misuse);
            CHECK_THROWS_AS(source.release(), misuse);
            group.cancel();
            co_return;
        });
        const acceptor moved(std::move(source));
        CHECK(moved.local_endpoints().size() == 1);
    }(own));
}

TEST_CASE("a descriptor that is moved to closes what it had, and leaves none behind")
{
    auto [one, other] = plain_pair();
    const int first = one.get(), second = other.get();
    one = std::move(other);
    CHECK(one.get() == second);
    CHECK_FALSE(other);
    CHECK(::fcntl(first, F_GETFD) == -1);
    CHECK(::fcntl(second, F_GETFD) != -1);
}

TEST_CASE("one dual-stack socket serves both families, and its IPv4 peers have mapped addresses")
{
    context own;
    own.run([]() -> task<> {
        listen_options options;
        options.dual_stack = true;
        acceptor source = co_await listen(tcp("", 0), options);
        REQUIRE(source.local_endpoints().size() == 1);
        const std::uint16_t port = source.local_endpoints().front().port();
        connection four = co_await connect(tcp("127.0.0.1", port));
        connection peer = co_await source.accept();
        CHECK(to_string(peer.remote_endpoint()).starts_with("[::ffff:127.0.0.1]:"));
        connection six = co_await connect(tcp("::1", port));
        connection other = co_await source.accept();
        CHECK(to_string(other.remote_endpoint()).starts_with("[::1]:"));
    }());
}

TEST_CASE("two acceptors share a port only where both ask for that by name")
{
    context own;
    listen_options options;
    options.reuse_port = true;
    const acceptor first = listen(own, endpoint::ipv4({127, 0, 0, 1}, 0), options);
    const endpoint where = first.local_endpoints().front();
    CHECK(failure_of([&] { return listen(own, where); }) == std::errc::address_in_use);
    CHECK_NOTHROW(listen(own, where, options));
}
