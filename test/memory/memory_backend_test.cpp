// memory_backend: the clock, names, files, links and signals that tests rely on.
#include "catch.hpp"
#include "support/run_in_memory.hpp"

#include <array>
#include <cerrno>
#include <netdb.h>
#include <portico/core/deadline.hpp>
#include <portico/core/event.hpp>
#include <portico/net/acceptor.hpp>
#include <portico/net/connection.hpp>
#include <portico/net/connector.hpp>
#include <portico/net/resolver.hpp>
#include <string>
#include <vector>

using namespace portico;
using namespace std::chrono_literals;
using test::run_in_memory;

namespace {

/// Both ends of a link, as connections.
struct pair_of_connections {
    pair_of_connections(context& own, memory_backend& outside, const memory_link& how = {})
        : pair_of_connections(own, (outside.link(how), outside.make_link())) {}
    pair_of_connections(context& own, std::pair<transport_ptr, transport_ptr> ends)
        : here(own, std::move(ends.first)), there(own, std::move(ends.second)) {}
    connection here, there;
};

memory_link capacity_of(std::size_t bytes)
{
    memory_link how;
    how.capacity = bytes;
    return how;
}

std::error_code system_code(int number)
{
    return {number, std::system_category()};
}

std::array<std::byte, 32> random_bytes(memory_backend& from)
{
    std::array<std::byte, 32> got;
    from.random(got);
    return got;
}

} // namespace

TEST_CASE("the clock stands still until it is moved, and then passes every alarm at its instant")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        const time_point begin = own.now();
        std::vector<duration> seen;
        const auto note_after = [&](duration length) -> task<> {
            co_await sleep_for(length);
            seen.push_back(own.now() - begin);
        };
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(note_after(3s));
            group.spawn(note_after(1s));
            for (int i = 0; i < 1000; ++i)
                co_await yield();
            CHECK(own.now() == begin);
            outside.advance(1s);
            co_await outside.settle();
            CHECK(seen == std::vector<duration>{1s});
            outside.advance(10s); // what wakes on the way runs when this task next waits
            CHECK(own.now() - begin == 11s);
            co_await outside.settle();
        });
        CHECK(seen == std::vector<duration>{1s, 11s});
    });
}

TEST_CASE("with advance_when_idle the clock jumps from deadline to deadline, but never while something can run")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        outside.advance_when_idle();
        const time_point begin = own.now();
        std::vector<duration> seen;
        co_await scope([&](task_group& group) -> task<> {
            for (const duration each : {duration(3h), duration(1ns), duration(5ms)})
                group.spawn([&, each]() -> task<> {
                    co_await sleep_for(each);
                    seen.push_back(own.now() - begin);
                });
            for (int i = 0; i < 100; ++i)
                co_await yield();
            CHECK(seen.empty());
        });
        CHECK(seen == std::vector<duration>{1ns, 5ms, 3h});
    });
}

TEST_CASE("settle completes when everything else waits: after any number of steps of the others")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        int steps = 0, posted = 0;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                for (; steps < 500; ++steps)
                    co_await yield();
            });
            outside.poster()([&] { outside.poster()([&] { ++posted; }); });
            co_await outside.settle();
            CHECK(steps == 500);
            CHECK(posted == 1);
            co_await outside.settle();
        });
    });
}

TEST_CASE("settle can be late or cancelled")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        bool stopped = false;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                try {
                    co_await outside.settle();
                } catch (const cancelled&) {
                    stopped = true;
                }
            });
            group.cancel();
            co_return;
        });
        CHECK(stopped);
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                const auto outcome = co_await as_result(with_deadline(1s, outside.settle()));
                CHECK_FALSE(outcome);
            });
            outside.advance(1s);
            co_return;
        });
    });
}

TEST_CASE("names: localhost and every local address are there, others are added, unknown ones fail as a resolver does")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        const std::vector<endpoint> local = co_await resolve(tcp("localhost", 80));
        REQUIRE(local.size() == 2);
        CHECK(to_string(local[0]) == "127.0.0.1:80");
        CHECK(to_string(local[1]) == "[::1]:80");
        const std::vector<endpoint> every = co_await resolve(tcp("", 80));
        CHECK(every.size() == 2);
        CHECK(every[0].is_unspecified());
        outside.add_host("example.test", {endpoint::ipv4({192, 0, 2, 1}, 0)});
        const std::vector<endpoint> added = co_await resolve(tcp("example.test", 443));
        CHECK(to_string(added.at(0)) == "192.0.2.1:443");
        const auto unknown = co_await as_result(resolve(tcp("nowhere.test", 1)));
        CHECK(unknown.error().code() == std::error_code(EAI_NONAME, resolver_category()));
        const auto late = co_await as_result(with_deadline(0s, resolve(tcp("localhost", 80))));
        CHECK((late || late.error().phase() == phase::resolve));
        int stopped = 0;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                try {
                    (void)co_await resolve(tcp("localhost", 80));
                } catch (const cancelled&) {
                    ++stopped;
                }
            });
            group.cancel();
            co_return;
        });
        CHECK(stopped == 1);
        co_await outside.settle(); // the answer comes, and nobody is there
    });
}

TEST_CASE("the time of day moves with the clock, from where it was set")
{
    using namespace std::chrono;
    memory_backend outside;
    CHECK(outside.wall_time() == sys_days(2026y / 1 / 1));
    outside.advance(36h);
    CHECK(outside.wall_time() == sys_days(2026y / 1 / 2) + 12h);
    outside.set_wall_time(sys_days(1999y / 12 / 31));
    CHECK(outside.wall_time() == sys_days(1999y / 12 / 31));
    outside.advance(1s);
    CHECK(outside.wall_time() == sys_days(1999y / 12 / 31) + 1s);
}

TEST_CASE("a disk that fills up fails the write that does not fit")
{
    memory_backend outside;
    outside.free_space(10);
    auto opened = outside.open_file("download", file_mode::create_new);
    REQUIRE(opened);
    CHECK((*opened)->write("1234567"));
    const auto full = (*opened)->write("8901");
    CHECK(full.error().code() == system_code(ENOSPC));
    CHECK((*opened)->write("890"));
    CHECK(outside.files().at("download") == "1234567890");
    CHECK(outside.write_file("other", "x").error().code() == system_code(ENOSPC));
    CHECK_FALSE(outside.files().contains("other"));
    outside.free_space(1);
    CHECK(outside.write_file("other", "x"));
}

TEST_CASE("random bytes repeat by their seed, and differ by it")
{
    memory_backend first(1), again(1), other(2);
    const auto one = random_bytes(first);
    CHECK(one == random_bytes(again));
    CHECK(one != random_bytes(other));
    CHECK(one != random_bytes(first));
}

TEST_CASE("a link holds as many bytes as its capacity, then writing waits for the reader")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        pair_of_connections both(own, outside, capacity_of(4));
        std::string got;
        co_await scope([&](task_group& group) -> task<> {
            bool written = false;
            group.spawn([&]() -> task<> {
                co_await both.here.write("0123456789");
                written = true;
            });
            co_await outside.settle();
            CHECK(both.here.bytes_written() == 4);
            for (int i = 0; i < 3; ++i) {
                const bytes part = co_await both.there.read_some();
                CHECK(part.size() <= 4);
                got += part.text();
                co_await outside.settle();
                CHECK(written == (i > 0)); // the second read makes room for the last two bytes
            }
        });
        CHECK(got == "0123456789");
    });
}

TEST_CASE("a link can deliver byte by byte, and take as few as it is told")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        memory_link how;
        how.most_a_read = 1;
        how.most_a_write = 2;
        pair_of_connections both(own, outside, how);
        const std::array<bytes, 2> parts = {bytes("abc"), bytes("de")};
        co_await both.here.write(parts);
        for (const char each : std::string("abcde")) {
            const bytes got = co_await both.there.read_some();
            CHECK(got.text() == std::string(1, each));
        }
    });
}

TEST_CASE("a link that is cut delivers what arrived before, and then both sides see a reset")
{
    const std::uint64_t after = GENERATE(0U, 1U, 5U);
    run_in_memory([=](context& own, memory_backend& outside) -> task<> {
        memory_link how;
        how.cut_after = after;
        pair_of_connections both(own, outside, how);
        const auto written = co_await as_result(both.here.write("0123456789"));
        CHECK(written.error().code() == system_code(ECONNRESET));
        std::string got;
        for (;;) {
            const auto part = co_await as_result(both.there.read_some());
            if (!part) {
                CHECK(part.error().code() == system_code(ECONNRESET));
                break;
            }
            got += part->text();
        }
        CHECK(got == std::string("0123456789").substr(0, after));
        const auto back = co_await as_result(both.there.write("answer"));
        CHECK(back.error().code() == system_code(ECONNRESET));
        const auto here = co_await as_result(both.here.read_some());
        CHECK(here.error().code() == system_code(ECONNRESET));
    });
}

TEST_CASE("a close sends the end, with unread input it resets, as TCP does, an abort always does")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        {
            pair_of_connections both(own, outside);
            co_await both.here.write("last words");
            both.here.close();
            const bytes got = co_await both.there.read_all(100);
            CHECK(got.text() == "last words");
            const auto written = co_await as_result(both.there.write("to nobody"));
            CHECK(written.error().code() == system_code(EPIPE));
        }
        {
            pair_of_connections both(own, outside);
            co_await both.here.write("an answer that is lost");
            co_await both.there.write("unread");
            both.here.close();
            const auto got = co_await as_result(both.there.read_some());
            CHECK(got.error().code() == system_code(ECONNRESET));
        }
        {
            pair_of_connections both(own, outside);
            co_await both.here.write("dropped");
            both.here.abort();
            const auto got = co_await as_result(both.there.read_some());
            CHECK(got.error().code() == system_code(ECONNRESET));
        }
    });
}

TEST_CASE("the end of one direction of a link leaves the other open, and whoever waits on a link hears of its end")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        pair_of_connections both(own, outside, capacity_of(4));
        CHECK(both.here.shutdown_write());
        const bytes end = co_await both.there.read_some();
        CHECK(end.empty());
        int told = 0;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                const auto outcome = co_await as_result(both.there.write("more than it holds"));
                CHECK(outcome.error().code() == system_code(EPIPE));
                ++told;
            });
            co_await outside.settle();
            CHECK(told == 0);
            both.here.close();
        });
        CHECK(told == 1);
    });
}

TEST_CASE("listeners: a chosen port, an address in use, refused without a listener or with a full backlog")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        const endpoint nowhere = endpoint::ipv4({127, 0, 0, 1}, 9);
        CHECK(outside.connect(nowhere, {}).error().code() == system_code(ECONNREFUSED));
        listen_options narrow;
        narrow.backlog = 1;
        endpoint where = endpoint::ipv4({127, 0, 0, 1}, 0);
        auto open = outside.listen(where, narrow);
        REQUIRE(open);
        where = (*open)->local_endpoint();
        CHECK(where.port() != 0);
        CHECK(outside.listen(where, narrow).error().code() == system_code(EADDRINUSE));
        auto first = outside.connect(where, {});
        REQUIRE(first);
        CHECK((*first)->remote_endpoint() == where);
        CHECK(outside.connect(where, {}).error().code() == system_code(ECONNREFUSED));
        auto accepted = (*open)->try_accept();
        CHECK(accepted.outcome.status == io_status::done);
        CHECK(accepted.stream->remote_endpoint() == (*first)->local_endpoint());
        CHECK((*open)->try_accept().outcome.status == io_status::would_block);
        CHECK(outside.connect(where, {}));
        open->reset();
        CHECK(outside.connect(where, {}).error().code() == system_code(ECONNREFUSED));
        co_return;
    });
}

TEST_CASE("accepting fails as often as it is told, and the client stays in the backlog meanwhile")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        acceptor open = co_await listen(tcp("127.0.0.1", 0));
        connection client = co_await connect(open.local_endpoints().at(0));
        outside.fail_accepts(EMFILE, 2);
        for (int i = 0; i < 2; ++i) {
            const auto starved = co_await as_result(open.accept());
            CHECK(starved.error().code() == system_code(EMFILE));
        }
        connection served = co_await open.accept();
        CHECK(served.remote_endpoint() == client.local_endpoint());
        outside.advance_when_idle();
        const time_point begin = own.now();
        const auto late = co_await as_result(with_deadline(5s, open.accept()));
        CHECK(late.error().code() == errc::timed_out);
        CHECK(own.now() - begin == 5s);
    });
}

TEST_CASE("a signal reaches the handler that watches it, in place of the one before, and no other does")
{
    run_in_memory([](context&, memory_backend& outside) -> task<> {
        std::vector<int> seen;
        outside.raise_signal(15); // nobody watches
        outside.watch_signals({2, 15}, [&](int number) { seen.push_back(-number); });
        outside.watch_signals({2, 15}, [&](int number) { seen.push_back(number); });
        outside.raise_signal(15);
        outside.raise_signal(1);
        outside.raise_signal(2);
        CHECK(seen.empty()); // not inside raise_signal
        co_await outside.settle();
        CHECK(seen == std::vector{15, 2});
        outside.watch_signals({}, {});
        outside.raise_signal(15);
        co_await outside.settle();
        CHECK(seen.size() == 2);
    });
}
