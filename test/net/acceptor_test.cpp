// acceptor and listen: addresses, ports, turns, and what accepting does when it cannot.
#include "support/streams.hpp"

#include <cerrno>
#include <netinet/tcp.h>
#include <set>

using namespace portico;
using namespace test;

namespace {

// Runs `body(context&)` on the operating system and in memory.
template <class Body>
void on_every_backend(const Body& body)
{
    for (const stream_kind& kind : {stream_kinds()[0], stream_kinds()[2]}) {
        INFO(kind.name);
        context own(open_backend(kind));
        own.run(with_deadline(patience, body(own)));
    }
}

// Where to connect to reach each listener of an acceptor at every address.
std::vector<endpoint> loopback_of(const acceptor& source)
{
    std::vector<endpoint> found = source.local_endpoints();
    for (endpoint& each : found)
        each = *parse_ip(each.family() == endpoint::family::ipv4 ? "127.0.0.1" : "::1", each.port());
    return found;
}

task<error> failure_of(task<acceptor> listening)
{
    auto outcome = co_await as_result(std::move(listening));
    REQUIRE_FALSE(outcome);
    co_return outcome.error();
}

} // namespace

TEST_CASE("listening at a name takes all of its addresses, with one port where the system chooses it")
{
    on_every_backend([](context&) -> task<> {
        const auto resolved = co_await resolve(tcp("localhost", 0));
        acceptor source = co_await listen(tcp("localhost", 0));
        const auto endpoints = source.local_endpoints();
        REQUIRE(endpoints.size() == resolved.size());
        for (std::size_t i = 0; i < endpoints.size(); ++i) {
            CHECK(endpoints[i].port() == endpoints[0].port());
            endpoint any_port = endpoints[i];
            any_port.port(0);
            CHECK(any_port == resolved[i]);
            connection client = co_await connect(endpoints[i]);
            connection accepted = co_await source.accept();
            CHECK(accepted.remote_endpoint() == client.local_endpoint());
        }
        CHECK(endpoints[0].port() != 0);
    });
}

TEST_CASE("listening at no host in particular takes every address, of both families")
{
    on_every_backend([](context&) -> task<> {
        acceptor source = co_await listen(tcp("", 0));
        std::set<enum endpoint::family> families;
        for (const endpoint& each : source.local_endpoints()) {
            CHECK(each.is_unspecified());
            families.insert(each.family());
        }
        CHECK(families.size() == 2);
    });
}

TEST_CASE("a port in use is refused, and the error names the address and the reason")
{
    on_every_backend([](context&) -> task<> {
        acceptor first = co_await listen(tcp("127.0.0.1", 0));
        const std::uint16_t port = first.local_endpoints().front().port();
        const error failure = co_await failure_of(listen(tcp("127.0.0.1", port)));
        CHECK(failure.code() == std::errc::address_in_use);
        CHECK(std::string(failure.what()) ==
              "listen at 127.0.0.1:" + std::to_string(port) + ": Address already in use");
        const error by_name = co_await failure_of(listen(tcp("localhost", port)));
        CHECK(by_name.code() == std::errc::address_in_use);
        CHECK(std::string(by_name.what()).find("127.0.0.1:" + std::to_string(port)) != std::string::npos);
    });
}

TEST_CASE("destroying an acceptor frees its port, and those who waited in its backlog are turned away")
{
    on_every_backend([](context&) -> task<> {
        endpoint where;
        std::optional<connection> waiting;
        {
            acceptor source = co_await listen(tcp("127.0.0.1", 0));
            where = source.local_endpoints().front();
            waiting.emplace(co_await connect(where));
        }
        auto got = co_await as_result(waiting->read_some());
        CHECK((!got || got->empty()));
        acceptor again = co_await listen(tcp("127.0.0.1", where.port()));
        CHECK(again.local_endpoints().front() == where);
    });
}

TEST_CASE("an address that this machine does not have is an error where it is the only one")
{
    context own;
    own.run([]() -> task<> {
        const error failure = co_await failure_of(listen(tcp("192.0.2.1", 0)));
        CHECK(failure.code() == std::errc::address_not_available);
        CHECK(std::string(failure.what()) == "listen at 192.0.2.1:0: Cannot assign requested address");
    }());
}

TEST_CASE("a host that does not resolve cannot be listened at")
{
    on_every_backend([](context&) -> task<> {
        const address nowhere = tcp("no-such-host.invalid", 0);
        const error failure = co_await failure_of(listen(nowhere));
        CHECK(std::string(failure.what()).find("no-such-host.invalid") != std::string::npos);
    });
}

TEST_CASE("connections are accepted in the order in which they came")
{
    on_every_backend([](context&) -> task<> {
        acceptor source = co_await listen(tcp("127.0.0.1", 0));
        std::vector<connection> clients;
        for (int i = 0; i < 100; ++i)
            clients.push_back(co_await connect(source.local_endpoints().front()));
        for (const connection& each : clients) {
            const connection accepted = co_await source.accept();
            CHECK(accepted.remote_endpoint() == each.local_endpoint());
        }
    });
}

TEST_CASE("a listener with many connections does not starve another of the same acceptor")
{
    on_every_backend([](context&) -> task<> {
        acceptor source = co_await listen(tcp("", 0));
        const auto endpoints = loopback_of(source);
        for (const endpoint& busy : endpoints)
            for (const endpoint& quiet : endpoints) {
                if (busy == quiet)
                    continue;
                std::vector<connection> clients;
                clients.push_back(co_await connect(busy));
                (void)co_await source.accept(); // both have been found empty, or all but
                for (int i = 0; i < 200; ++i)
                    clients.push_back(co_await connect(busy));
                (void)co_await source.accept();
                clients.push_back(co_await connect(quiet));
                int turns = 1;
                for (;; ++turns) {
                    const connection accepted = co_await source.accept();
                    if (accepted.local_endpoint() == quiet)
                        break;
                }
                CHECK(turns <= 100);
                for (; turns < 200; ++turns)
                    (void)co_await source.accept();
            }
    });
}

TEST_CASE("an accept that one listener has ended is forgotten by the others")
{
    on_every_backend([](context&) -> task<> {
        acceptor source = co_await listen(tcp("", 0));
        const auto endpoints = loopback_of(source);
        REQUIRE(endpoints.size() > 1);
        const auto accept_and_go_on = [&]() -> task<> {
            (void)co_await source.accept();
            co_await sleep_for(1ms); // while the other listener has news
        };
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(accept_and_go_on());
            connection first = co_await connect(endpoints[0]);
            co_await yield();
            co_await yield();
            connection second = co_await connect(endpoints[1]);
            co_await sleep_for(1ms);
            (void)co_await source.accept();
        });
    });
}

TEST_CASE("an accept that is late or cancelled loses no connection")
{
    on_every_backend([](context&) -> task<> {
        acceptor source = co_await listen(tcp("localhost", 0));
        const auto late = co_await as_result(with_deadline(1ms, source.accept()));
        REQUIRE_FALSE(late);
        CHECK(late.error().code() == errc::timed_out);
        CHECK(std::string(late.error().what()) ==
              "accept at " + to_string(source.local_endpoints().front()) + ": timed out");
        const auto accept = [&]() -> task<> { (void)co_await source.accept(); };
        for (int round = 0; round < 20; ++round) {
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(accept());
                group.cancel();
                co_return;
            });
            connection client = co_await connect(source.local_endpoints().front());
            co_await scope([&](task_group& group) -> task<> {
                group.cancel();
                group.spawn(accept());
                co_return;
            });
            const connection accepted = co_await source.accept();
            CHECK(accepted.remote_endpoint() == client.local_endpoint());
        }
    });
}

TEST_CASE("errors of single connections are passed over, those of the system end the accept")
{
    for (const int code : {ECONNABORTED, EPROTO, EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
        const bool of_the_system = code != ECONNABORTED && code != EPROTO;
        auto outside = std::make_unique<memory_backend>();
        memory_backend& memory = *outside;
        context own(std::move(outside));
        const auto accept = [&]() -> task<> {
            acceptor source = co_await listen(tcp("127.0.0.1", 0));
            connection client = co_await connect(source.local_endpoints().front());
            memory.fail_accepts(code, 3);
            for (int failures = of_the_system ? 3 : 0; failures > 0; --failures) {
                const auto failed = co_await as_result(source.accept());
                REQUIRE_FALSE(failed);
                CHECK(failed.error().code() == std::error_code(code, std::system_category()));
            }
            const connection accepted = co_await source.accept();
            CHECK(accepted.is_open());
        };
        own.run(accept());
    }
}
