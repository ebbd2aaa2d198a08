// connect, to names of several addresses (RFC 8305): when each attempt begins, who wins, and what a failure says. The
// clock of the memory backend is exact, and so are the times here.
#include "support/streams.hpp"

#include <cerrno>
#include <netdb.h>

using namespace portico;
using namespace test;

namespace {

using family = resolve_query::family;
using texts = std::vector<std::string>;

endpoint at(const char* ip)
{
    return parse_ip(ip, 80).value();
}

/// A world with a name of four addresses, whose clock jumps to the next event when everything waits.
struct world {
    world() : world(std::make_unique<memory_backend>()) {}

    memory_backend& memory;
    context own;
    const time_point begin;

    /// Connects to the name, and tells what was tried and when.
    task<result<connection>> connect_to_name(connect_options options = {})
    {
        co_return co_await as_result(connect(tcp("host.test", 80), std::move(options)));
    }
    texts attempts() const
    {
        texts all;
        for (const auto& each : memory.connects())
            all.push_back(address_text(each.to) + " at " + std::to_string((each.at - begin) / 1ms));
        return all;
    }
    duration elapsed() const { return memory.now() - begin; }
    void ignore_all()
    {
        for (const char* const each : {"2001:db8::1", "2001:db8::2", "10.0.0.1", "10.0.0.2"})
            memory.delay_connects(at(each), no_timeout);
    }
    template <class Body>
    void run(const Body& body)
    {
        own.run(body());
    }

private:
    explicit world(std::unique_ptr<memory_backend> outside)
        : memory(*outside), own(std::move(outside)), begin(memory.now())
    {
        memory.advance_when_idle();
        memory.add_host("host.test", {at("10.0.0.1"), at("10.0.0.2"), at("2001:db8::1"), at("2001:db8::2")});
    }
};

} // namespace

TEST_CASE("addresses are tried in the order of RFC 6724, the families in turn, one every 250 ms, all under one timeout")
{
    world w;
    w.ignore_all();
    w.run([&]() -> task<> {
        const auto made = co_await w.connect_to_name();
        REQUIRE_FALSE(made);
        CHECK(w.attempts() == texts{"2001:db8::1 at 0", "10.0.0.1 at 250", "2001:db8::2 at 500", "10.0.0.2 at 750"});
        CHECK(w.elapsed() == 30s);
        CHECK(made.error().code() == errc::timed_out);
        CHECK(made.error().phase() == phase::connect);
        CHECK(std::string(made.error().what())
              == "connect to host.test:80: connect to [2001:db8::1]:80: timed out; connect to 10.0.0.1:80: timed out; "
                 "connect to [2001:db8::2]:80: timed out; connect to 10.0.0.2:80: timed out");
        for (const error& each : made.error().attempts())
            CHECK(each.phase() == phase::connect);
    });
}

TEST_CASE("the delays and the timeout are the caller's to choose")
{
    world w;
    w.ignore_all();
    w.memory.delay_answers("host.test", family::ipv6, no_timeout);
    w.run([&]() -> task<> {
        connect_options options;
        options.timeout = 1s;
        options.resolution_delay = 7ms;
        options.attempt_delay = 100ms;
        const auto made = co_await w.connect_to_name(options);
        REQUIRE_FALSE(made);
        CHECK(w.attempts() == texts{"10.0.0.1 at 7", "10.0.0.2 at 107"});
        CHECK(w.elapsed() == 1s);
        REQUIRE(made.error().attempts().size() == 3); // the look-up is one of them
        CHECK(std::string(made.error().what()).find("resolve host.test: timed out") != std::string::npos);
    });
}

TEST_CASE("what is not tried before the timeout is not tried, and the error names the attempts that were made")
{
    world w;
    w.ignore_all();
    w.run([&]() -> task<> {
        connect_options options;
        options.timeout = 300ms;
        const auto made = co_await w.connect_to_name(options);
        REQUIRE_FALSE(made);
        CHECK(w.elapsed() == 300ms);
        CHECK(made.error().attempts().size() == 2);
        CHECK(w.memory.connects().size() == 2);
    });
}

TEST_CASE("IPv6 addresses are used at once when they are there, without waiting for the IPv4 ones")
{
    world w;
    w.memory.delay_answers("host.test", family::ipv4, no_timeout);
    w.run([&]() -> task<> {
        acceptor source = co_await listen(tcp("2001:db8::1", 80));
        const auto made = co_await w.connect_to_name();
        REQUIRE(made);
        CHECK((*made).remote_endpoint() == at("2001:db8::1"));
        CHECK(w.elapsed() == 0ms);
    });
}

TEST_CASE("IPv4 addresses that are there first wait up to 50 ms for the IPv6 ones")
{
    world w;
    w.ignore_all();
    connect_options options;
    options.timeout = 400ms;
    SECTION("which come in time, and are tried first")
    {
        w.memory.delay_answers("host.test", family::ipv6, 30ms);
        w.run([&]() -> task<> {
            const auto made = co_await w.connect_to_name(options);
            CHECK_FALSE(made);
            CHECK(w.attempts() == texts{"2001:db8::1 at 30", "10.0.0.1 at 280"});
        });
    }
    SECTION("which come late, and join those that are still to be tried")
    {
        w.memory.delay_answers("host.test", family::ipv6, 200ms);
        w.run([&]() -> task<> {
            const auto made = co_await w.connect_to_name(options);
            CHECK_FALSE(made);
            CHECK(w.attempts() == texts{"10.0.0.1 at 50", "2001:db8::1 at 300"});
        });
    }
    SECTION("which there are none of, and then the wait is over")
    {
        w.memory.add_host("host.test", {at("10.0.0.1")});
        w.memory.delay_answers("host.test", family::ipv6, 20ms);
        w.run([&]() -> task<> {
            const auto made = co_await w.connect_to_name(options);
            REQUIRE_FALSE(made);
            CHECK(w.attempts() == texts{"10.0.0.1 at 20"});
            CHECK(made.error().attempts().size() == 1); // no IPv6 address is no failure
        });
    }
}

TEST_CASE("addresses that come when all others have failed are tried at once")
{
    world w; // where nobody listens
    w.memory.delay_answers("host.test", family::ipv6, 200ms);
    w.run([&]() -> task<> {
        acceptor source = co_await listen(tcp("2001:db8::2", 80));
        const auto made = co_await w.connect_to_name();
        REQUIRE(made);
        CHECK(w.attempts() == texts{"10.0.0.1 at 50", "10.0.0.2 at 50", "2001:db8::1 at 200", "2001:db8::2 at 200"});
    });
}

TEST_CASE("when an attempt fails the next begins at once, and the delay counts from there")
{
    world w;
    w.ignore_all();
    w.memory.delay_connects(at("2001:db8::1"), 40ms, EHOSTUNREACH);
    w.run([&]() -> task<> {
        connect_options options;
        options.timeout = 500ms;
        const auto made = co_await w.connect_to_name(options);
        REQUIRE_FALSE(made);
        CHECK(w.attempts() == texts{"2001:db8::1 at 0", "10.0.0.1 at 40", "2001:db8::2 at 290"});
        const auto& attempts = made.error().attempts();
        REQUIRE(attempts.size() == 3);
        CHECK(attempts[0].code() == std::errc::host_unreachable);
        CHECK(attempts[1].code() == errc::timed_out);
        CHECK(attempts[2].code() == errc::timed_out);
    });
}

TEST_CASE("the first attempt that connects wins, and the others are closed")
{
    world w;
    w.memory.delay_connects(at("2001:db8::1"), 400ms);
    w.memory.delay_connects(at("10.0.0.1"), 100ms);
    w.run([&]() -> task<> {
        acceptor slow = co_await listen(tcp("2001:db8::1", 80));
        acceptor fast = co_await listen(tcp("10.0.0.1", 80));
        const auto made = co_await w.connect_to_name();
        REQUIRE(made);
        CHECK((*made).remote_endpoint() == at("10.0.0.1"));
        CHECK(w.elapsed() == 350ms);
        const connection far = co_await fast.accept();
        CHECK(far.remote_endpoint() == (*made).local_endpoint());
        const auto late = co_await as_result(with_deadline(1s, slow.accept()));
        CHECK_FALSE(late); // what answers now finds nobody
    });
}

TEST_CASE("an attempt goes on beside later ones, and may win")
{
    world w;
    w.ignore_all();
    w.memory.delay_connects(at("2001:db8::1"), 600ms);
    w.run([&]() -> task<> {
        acceptor source = co_await listen(tcp("2001:db8::1", 80));
        const auto made = co_await w.connect_to_name();
        REQUIRE(made);
        CHECK((*made).remote_endpoint() == at("2001:db8::1"));
        CHECK(w.elapsed() == 600ms);
        CHECK(w.memory.connects().size() == 3);
    });
}

TEST_CASE("two attempts that connect at the same instant leave one connection")
{
    world w;
    w.memory.delay_connects(at("2001:db8::1"), 350ms);
    w.memory.delay_connects(at("10.0.0.1"), 100ms);
    w.run([&]() -> task<> {
        acceptor one = co_await listen(tcp("2001:db8::1", 80));
        acceptor other = co_await listen(tcp("10.0.0.1", 80));
        auto made = co_await w.connect_to_name();
        REQUIRE(made);
        connection first = co_await one.accept();
        connection second = co_await other.accept();
        const bool first_won = (*made).remote_endpoint() == at("2001:db8::1");
        connection& lost = first_won ? second : first;
        const bytes end = co_await lost.read_some();
        CHECK(end.empty());
        co_await (*made).write("x");
        connection& won = first_won ? first : second;
        const bytes got = co_await won.read_some();
        CHECK(got == "x");
    });
}

TEST_CASE("a name that nobody answers for is late, in the phase that says so")
{
    world w;
    w.memory.delay_answers("host.test", family::ipv6, no_timeout);
    w.memory.delay_answers("host.test", family::ipv4, no_timeout);
    w.run([&]() -> task<> {
        const auto made = co_await w.connect_to_name();
        REQUIRE_FALSE(made);
        CHECK(w.elapsed() == 30s);
        CHECK(made.error().code() == errc::timed_out);
        CHECK(made.error().phase() == phase::resolve);
        CHECK(std::string(made.error().what()) == "resolve host.test: timed out");
        CHECK(w.memory.connects().empty());
    });
}

TEST_CASE("a name with no address fails as the resolver says, a family that is late counts more than one that is empty")
{
    world w;
    w.memory.add_host("host.test", {});
    w.run([&]() -> task<> {
        const auto made = co_await w.connect_to_name();
        REQUIRE_FALSE(made);
        CHECK(made.error().code() == std::error_code(EAI_NONAME, resolver_category()));
        CHECK(std::string(made.error().what()) == "resolve host.test: Name or service not known");
        w.memory.delay_answers("host.test", family::ipv6, no_timeout);
        const auto late = co_await w.connect_to_name();
        REQUIRE_FALSE(late);
        CHECK(late.error().phase() == phase::resolve);
    });
}

TEST_CASE("refused addresses, and a family that is never answered: the error names all of it")
{
    world w;
    w.memory.delay_answers("host.test", family::ipv6, no_timeout);
    w.run([&]() -> task<> {
        const auto made = co_await w.connect_to_name();
        REQUIRE_FALSE(made);
        CHECK(made.error().code() == errc::timed_out);
        CHECK(made.error().phase() == phase::resolve);
        CHECK(std::string(made.error().what())
              == "connect to host.test:80: connect to 10.0.0.1:80: Connection refused; "
                 "connect to 10.0.0.2:80: Connection refused; resolve host.test: timed out");
    });
}

TEST_CASE("a race can be cancelled, or be late, at any time, and leaves nothing behind")
{
    for (const duration limit : {0ms, 10ms, 30ms, 100ms, 260ms, 350ms, 800ms}) {
        CAPTURE(limit / 1ms);
        world w;
        w.memory.delay_answers("host.test", family::ipv4, 20ms);
        w.memory.delay_answers("host.test", family::ipv6, 90ms);
        for (const char* const each : {"2001:db8::1", "2001:db8::2", "10.0.0.1", "10.0.0.2"})
            w.memory.delay_connects(at(each), 2s);
        w.run([&]() -> task<> {
            acceptor source = co_await listen(tcp("10.0.0.1", 80));
            const auto made = co_await as_result(with_deadline(limit, connect(tcp("host.test", 80))));
            REQUIRE_FALSE(made);
            CHECK(made.error().phase() == phase::total);
            CHECK(w.elapsed() == limit);
            const auto answered = co_await as_result(with_deadline(5s, source.accept()));
            CHECK_FALSE(answered);
        });
    }
}

TEST_CASE("an address in text form is connected to at once, and no name is asked for")
{
    world w;
    w.run([&]() -> task<> {
        acceptor source = co_await listen(tcp("2001:db8::1", 80));
        w.memory.add_service("http", 80);
        for (const address& each : {tcp("2001:db8::1", 80), tcp("2001:db8::1", "http")}) {
            const connection made = co_await connect(each);
            CHECK(made.remote_endpoint() == at("2001:db8::1"));
        }
        CHECK(w.elapsed() == 0ms);
        const auto unknown = co_await as_result(connect(tcp("2001:db8::1", "gopher")));
        REQUIRE_FALSE(unknown);
        CHECK(unknown.error().code() == std::error_code(EAI_SERVICE, resolver_category()));
    });
}

TEST_CASE("a Unix socket with a full backlog is tried again, from every 1 ms to every 100 ms, until there is room")
{
    world w;
    w.run([&]() -> task<> {
        listen_options short_queue;
        short_queue.backlog = 1;
        acceptor source = co_await listen(local("@full"), short_queue);
        const connection first = co_await connect(local("@full"));
        connect_options options;
        options.timeout = 400ms;
        const auto late = co_await as_result(connect(local("@full"), options));
        REQUIRE_FALSE(late);
        CHECK(std::string(late.error().what()) == "connect to unix:@full: timed out");
        CHECK(late.error().phase() == phase::connect);
        CHECK(w.elapsed() == 400ms);
        texts wanted{"unix:@full at 0"};
        for (const int each : {0, 1, 3, 7, 15, 31, 63, 127, 227, 327})
            wanted.push_back("unix:@full at " + std::to_string(each));
        CHECK(w.attempts() == wanted);

        bool connected = false;
        const auto try_again = [&]() -> task<> {
            const connection second = co_await connect(local("@full"));
            connected = true;
        };
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(try_again());
            co_await sleep_for(20ms);
            CHECK_FALSE(connected);
            const connection far = co_await source.accept();
        });
        CHECK(connected);
        CHECK(w.elapsed() == 431ms);
    });
}
