// server with TLS: what is done before the handshake and after it, its limits, and a thousand clients that have no good
// in mind beside one that has.
#include "support/servers.hpp"
#include "support/tls.hpp"

#include <algorithm>
#include <portico/net/network.hpp>
#include <portico/net/proxy_protocol.hpp>
#include <portico/server/session_info.hpp>

using namespace portico;
using namespace test;

namespace {

const tls::client_context& the_client()
{
    return *trusted_server::instance().client;
}

handler the_handshake()
{
    return tls::handshaker(*trusted_server::instance().server);
}

/// What the hooks of a server were told.
struct record {
    std::vector<std::string> events, failures;

    void watch(server& which)
    {
        which.handshake(the_handshake());
        which.verify([this](const connection& peer) {
            events.push_back("verify " + to_string(peer.remote_endpoint()));
            CHECK_FALSE(tls::info(peer));
            return true;
        });
        which.on_accept([this](const connection& peer) {
            events.push_back("accept " + to_string(peer.remote_endpoint()));
            CHECK(tls::info(peer));
        });
        which.on_close([this](const closed_session& ended) { events.emplace_back(to_string(ended.how)); });
        which.on_handshake_failed([this](const closed_session& ended) { failures.push_back(what_of(ended.failure)); });
    }
};

task<> be_served(connection& client)
{
    co_await tls::handshake(client, the_client(), "localhost");
    co_await expect_service(client);
    co_await client.finish();
}

task<> be_served_at(const endpoint& where)
{
    connection client = co_await connect(where);
    co_await be_served(client);
}

/// The first bytes that a client says.
task<std::string> client_hello()
{
    auto [near, far] = connection_pair(co_await this_context());
    std::string hello;
    co_await when_all(as_result(tls::handshake(near, the_client(), "localhost")), [&]() -> task<> {
        const bytes first = co_await far.read_some();
        hello = std::string(first.text());
        far.close();
    }());
    co_return hello;
}

} // namespace

TEST_CASE("TLS: silent clients hold their handshakes until the deadline, and who waits behind them is served then")
{
    memory_world world;
    server_options options;
    options.max_handshakes = 3;
    options.handshake_timeout = 5s;
    server which(anywhere, hold, options);
    record told;
    told.watch(which);
    const auto test = [&](endpoints where) -> task<> {
        const std::vector<connection> silent = co_await connect_several(where, 3);
        co_await world.memory.settle();
        bool is_served = false;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                co_await be_served_at(where.front());
                is_served = true;
            });
            co_await world.memory.settle();
            world.memory.advance(5s - 1ns);
            co_await world.memory.settle();
            CHECK(which.statistics().accepted == 3);
            CHECK_FALSE(is_served);
            world.memory.advance(1ns);
            co_await world.memory.settle();
            CHECK(is_served);
        });
    };
    world.own.run(while_serving(which, test));
    CHECK(which.statistics().refused.by_handshake == 3);
    CHECK(which.statistics().served == 1);
    REQUIRE(told.failures.size() == 3);
    for (const std::string& why : told.failures)
        CHECK(why.find("timed out") != std::string::npos);
    CHECK(world.reports.empty());
}

TEST_CASE("TLS: behind a proxy, its header and the client's first bytes may come together")
{
    memory_world world;
    server which(anywhere, hold);
    record told;
    told.watch(which);
    std::vector<network> trusted;
    trusted.push_back(network::parse("127.0.0.1"));
    which.trust_proxies(std::move(trusted));
    const endpoint real = endpoint::ipv4({192, 0, 2, 1}, 4321);
    const auto test = [&](endpoints where) -> task<> {
        connection proxied = co_await connect(where.front());
        auto ends = connection_pair(world.own);
        // As a proxy does: what the client says goes behind the header.
        const auto pass = [](connection& from, connection& to, std::string ahead) -> task<> {
            for (;;) {
                const bytes part = co_await from.read_some();
                if (part.empty())
                    break;
                const std::string all = std::exchange(ahead, {}) + std::string(part.text());
                co_await to.write(bytes(all));
            }
            (void)to.shutdown_write();
        };
        const std::string header = to_bytes(proxy_header(real, where.front(), proxy_header::version::v2));
        co_await when_all(be_served(ends.first), pass(ends.second, proxied, header), pass(proxied, ends.second, {}));
    };
    world.own.run(while_serving(which, test));
    const std::string who = to_string(real);
    CHECK(told.events == std::vector<std::string>{"verify " + who, "accept " + who, "served"});
    CHECK(told.failures.empty());
}

TEST_CASE("TLS: a client without TLS is refused and told of by name, and one over the limit hears nothing at all")
{
    memory_world world;
    server_options options;
    options.max_connections_per_address = 1;
    server which(anywhere, hold, options);
    record told;
    told.watch(which);
    const auto test = [&](endpoints where) -> task<> {
        connection plain = co_await connect(where.front());
        connection second = co_await connect(where.front());
        const bytes end = co_await second.read_some();
        CHECK(end.empty());
        CHECK(which.statistics().refused.by_address_limit == 1);
        co_await plain.write("GET / HTTP/1.1\r\n\r\n");
        const auto answer = co_await as_result(plain.read_all(1'000));
        CHECK((!answer || answer->size() < 10)); // an alert
        plain.close();
        co_await world.memory.settle();
    };
    world.own.run(while_serving(which, test));
    CHECK(which.statistics().refused.by_handshake == 1);
    REQUIRE(told.failures.size() == 1);
    CHECK(told.failures[0].find("HTTP without TLS") != std::string::npos);
    CHECK(told.events.size() == 1); // verify
}

TEST_CASE("TLS: a client that cuts the stream off is lost, and nobody is told of a failure")
{
    memory_world world;
    server which(anywhere, hold);
    record told;
    told.watch(which);
    std::size_t errors = 0;
    which.on_error([&](const connection&, const std::exception_ptr&) { ++errors; });
    const auto test = [&](endpoints where) -> task<> {
        for (const bool says_something : {false, true}) {
            connection client = co_await connect(where.front());
            co_await tls::handshake(client, the_client(), "localhost");
            if (says_something)
                co_await client.write("no");
            co_await world.memory.settle();
            (void)client.try_read_some(); // the tickets: unread, they would reset
            client.close();
            co_await world.memory.settle();
        }
    };
    world.own.run(while_serving(which, test));
    CHECK(which.statistics().lost == 2);
    CHECK(which.statistics().handler_errors == 0);
    CHECK(errors == 0);
    CHECK(world.reports.empty());
    CHECK(std::ranges::count(told.events, "lost") == 2);
}

TEST_CASE("TLS: a drain waits for handshakes until its soft limit")
{
    memory_world world;
    server which(anywhere, [](connection& peer) -> task<> {
        co_await peer.write("hello\n");
        const auto line = co_await peer.read_line();
        (void)line;
    });
    record told;
    told.watch(which);
    const auto test = [&](endpoints where) -> task<> {
        connection silent = co_await connect(where.front());
        connection late = co_await connect(where.front());
        connection done = co_await connect(where.front());
        co_await tls::handshake(done, the_client(), "localhost");
        co_await world.memory.settle();
        drain_report report;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> { report = co_await which.drain(2s, 3s); });
            co_await world.memory.settle();
            co_await tls::handshake(late, the_client(), "localhost"); // it is served yet
            const auto line = co_await late.read_line();
            CHECK((line && line->text() == "hello"));
            co_await late.finish();
            co_await world.memory.settle();
            CHECK(which.statistics().served == 1);
            world.memory.advance(2s);
            co_await world.memory.settle();
            world.memory.advance(1s);
        });
        CHECK(report.finished == 1);
        CHECK(report.cancelled == 2);
        CHECK(report.aborted == 0);
    };
    world.own.run(while_serving(which, test));
    CHECK(told.failures.empty());
    CHECK(which.statistics().refused.by_handshake == 0);
}

TEST_CASE("TLS: a thousand clients that are silent, speak nonsense, stop half way or go away harm nobody")
{
    memory_world world;
    server_options options;
    options.handshake_timeout = 5s;
    server which(anywhere, hold, options);
    record told;
    told.watch(which);
    constexpr std::size_t crowd = 250; // of each kind
    const auto test = [&](endpoints where) -> task<> {
        const std::string hello = co_await client_hello();
        std::vector<connection> waiting;
        for (std::size_t index = 0; index < crowd; ++index) {
            connect_options other;
            other.source = endpoint::ipv4({127, 0, 1, 1}, 0);
            connection silent = co_await connect(where.front(), other), half = co_await connect(where.front(), other);
            co_await half.write(bytes(hello).subview(0, 1 + index * hello.size() / crowd));
            waiting.push_back(std::move(silent));
            waiting.push_back(std::move(half));

            connection nonsense = co_await connect(where.front(), other);
            const std::string noise = pattern(500, static_cast<std::uint32_t>(index));
            co_await nonsense.write(bytes(noise));
            nonsense.close();

            connection gone = co_await connect(where.front(), other);
            co_await tls::handshake(gone, the_client(), "localhost");
            co_await world.memory.settle(); // the last bytes of its handshake arrive
            gone.abort();
            if (index % 10 == 0)
                co_await be_served_at(where.front());
        }
        co_await world.memory.settle();
        CHECK(which.statistics().open == 2 * crowd);
        world.memory.advance(5s);
        co_await be_served_at(where.front());
        co_await world.memory.settle();
        CHECK(which.statistics().open == 0);
    };
    world.own.run(while_serving(which, test));
    const server_statistics numbers = which.statistics();
    CHECK(numbers.refused.by_handshake == 3 * crowd);
    CHECK(told.failures.size() == 3 * crowd);
    CHECK(numbers.lost == crowd);
    CHECK(numbers.served == crowd / 10 + 1);
    CHECK(numbers.handler_errors == 0);
    CHECK(world.reports.empty());
}

TEST_CASE("TLS: two threads serve many clients that come at once and resume", "[threads]")
{
    constexpr std::size_t clients = 40, rounds = 5;
    server_options options;
    options.threads = 2;
    server which(anywhere, hold, options);
    which.handshake(the_handshake());
    std::size_t resumed = 0;
    const auto test = [&](endpoints where) -> task<> {
        co_await scope([&](task_group& group) -> task<> {
            for (std::size_t index = 0; index < clients; ++index)
                group.spawn([](const endpoint& at, std::size_t& count) -> task<> {
                    for (std::size_t round = 0; round < rounds; ++round) {
                        connection client = co_await connect(at);
                        co_await tls::handshake(client, the_client(), "localhost");
                        const auto agreed = tls::info(client);
                        count += agreed && agreed->resumed;
                        co_await expect_service(client);
                        co_await client.finish();
                    }
                }(where.front(), resumed));
            co_return;
        });
    };
    context own;
    own.run(with_deadline(patience, while_serving(which, test)));
    CHECK(which.statistics().served == clients * rounds);
    CHECK(which.statistics().refused.by_handshake == 0);
    CHECK(resumed > 0);
}
