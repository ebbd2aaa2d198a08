// trust_proxies: connections that come through a proxy, in memory with a clock that the test moves.
#include "support/servers.hpp"

#include <portico/net/network.hpp>
#include <portico/net/proxy_protocol.hpp>
#include <portico/server/session_info.hpp>

using namespace portico;
using namespace test;

namespace {

const endpoint client_address = endpoint::ipv4({192, 0, 2, 1}, 4321);
const endpoint service_address = endpoint::ipv4({203, 0, 113, 1}, 80);

task<connection> connect_from(std::uint8_t last, endpoints where)
{
    connect_options how;
    how.source = endpoint::ipv4({127, 0, 0, last}, 0);
    co_return co_await connect(where.front(), how);
}

std::vector<network> proxies()
{
    std::vector<network> trusted;
    trusted.push_back(network::parse("127.0.0.1"));
    return trusted;
}

/// What the hooks of a server were told.
struct record {
    std::vector<endpoint> verified;
    std::vector<endpoint> accepted;

    void watch(server& which)
    {
        which.trust_proxies(proxies());
        which.verify([this](const connection& peer) {
            verified.push_back(peer.remote_endpoint());
            return true;
        });
        which.on_accept([this](const connection& peer) { accepted.push_back(peer.remote_endpoint()); });
    }
};

} // namespace

TEST_CASE("behind a trusted proxy the handler, the hooks and the table see the real peer")
{
    for (const proxy_header::version version : {proxy_header::version::v1, proxy_header::version::v2}) {
        memory_world world;
        server which(anywhere, hold);
        record told;
        told.watch(which);
        const auto test = [&](endpoints where) -> task<> {
            connection client = co_await connect_from(1, where);
            co_await world.memory.settle();
            CHECK(told.verified.empty());
            co_await write_proxy_header(client, proxy_header(client_address, service_address, version));
            co_await world.memory.settle();
            const std::vector<session_info> found = co_await which.connections();
            REQUIRE(found.size() == 1);
            CHECK(found[0].remote == client_address);
            CHECK(found[0].local == service_address);
            co_await expect_service(client);
        };
        world.own.run(while_serving(which, test));
        CHECK(told.verified == std::vector{client_address});
        CHECK(told.accepted == std::vector{client_address});
        CHECK(which.statistics().refused.by_handshake + which.statistics().refused.untrusted == 0);
    }
}

TEST_CASE("a proxy that speaks for itself is served as itself, and has no limit of connections")
{
    memory_world world;
    server_options options;
    options.max_connections_per_address = 1;
    server which(anywhere, hold, options);
    record told;
    told.watch(which);
    const auto test = [&](endpoints where) -> task<> {
        connection first = co_await connect_from(1, where);
        connection second = co_await connect_from(1, where);
        co_await write_proxy_header(first, proxy_header());
        co_await write_proxy_header(second, proxy_header());
        co_await expect_service(first);
        co_await expect_service(second);
        CHECK(told.accepted[0] == first.local_endpoint());
    };
    world.own.run(while_serving(which, test));
}

TEST_CASE("connections from elsewhere, with or without a header, are refused before a byte is read")
{
    memory_world world;
    server which(anywhere, hold);
    record told;
    told.watch(which);
    const auto test = [&](endpoints where) -> task<> {
        for (const bool with_header : {false, true}) {
            connection client = co_await connect_from(2, where);
            if (with_header)
                (void)co_await as_result(write_proxy_header(client, proxy_header(client_address, service_address)));
            const auto got = co_await as_result(client.read_some());
            CHECK((!got || got->empty()));
        }
        CHECK(which.statistics().refused.untrusted == 2);
    };
    world.own.run(while_serving(which, test));
    CHECK(told.verified.empty());
    CHECK(which.statistics().bytes_read == 0);
    CHECK(which.statistics().open == 0);
}

TEST_CASE("a header that is wrong, or not there in time, to the tick, is refused")
{
    memory_world world;
    server_options options;
    options.handshake_timeout = 3s;
    server which(anywhere, hold, options);
    record told;
    told.watch(which);
    const auto test = [&](endpoints where) -> task<> {
        connection wrong = co_await connect_from(1, where);
        co_await wrong.write("GET / HTTP/1.1\r\n\r\n");
        co_await world.memory.settle();
        CHECK(which.statistics().refused.by_handshake == 1);
        connection late = co_await connect_from(1, where);
        co_await late.write("PROXY TCP4 ");
        co_await world.memory.settle();
        world.memory.advance(3s - 1ns);
        co_await world.memory.settle();
        CHECK(which.statistics().open == 1);
        world.memory.advance(1ns);
        co_await world.memory.settle();
        CHECK(which.statistics().open == 0);
        CHECK(which.statistics().refused.by_handshake == 2);
    };
    world.own.run(while_serving(which, test));
    CHECK(told.verified.empty());
    CHECK(world.reports.empty());
}

TEST_CASE("the limit for each address counts those for whom proxies speak")
{
    memory_world world;
    server_options options;
    options.max_connections_per_address = 1;
    server which(anywhere, hold, options);
    which.trust_proxies(proxies());
    const auto test = [&](endpoints where) -> task<> {
        const endpoint other = endpoint::ipv4({192, 0, 2, 2}, 4321);
        connection first = co_await connect_from(1, where);
        connection second = co_await connect_from(1, where);
        connection third = co_await connect_from(1, where);
        co_await write_proxy_header(first, proxy_header(client_address, service_address));
        co_await write_proxy_header(second, proxy_header(other, service_address));
        co_await write_proxy_header(third, proxy_header(client_address, service_address));
        const auto end = co_await third.read_some();
        CHECK(end.empty());
        CHECK(which.statistics().refused.by_address_limit == 1);
        co_await expect_service(first);
        co_await expect_service(second);
    };
    world.own.run(while_serving(which, test));
}

TEST_CASE("a connection whose header has not come is cancelled at the soft limit of a drain")
{
    memory_world world;
    server which(anywhere, hold);
    which.trust_proxies(proxies());
    const auto test = [&](endpoints where) -> task<> {
        connection client = co_await connect_from(1, where);
        co_await world.memory.settle();
        world.memory.advance_when_idle();
        const drain_report report = co_await which.drain(1s, 2s);
        CHECK(report.cancelled == 1);
    };
    world.own.run(while_serving(which, test));
}
