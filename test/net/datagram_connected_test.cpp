// Datagram conformance: connected sockets, whose failures end one operation and not the socket.
#include "support/datagrams.hpp"

using namespace portico;
using namespace test;

namespace {

const auto nothing = endpoint();

task<> expect_refused(task<> work, const endpoint& peer)
{
    auto outcome = co_await as_result(std::move(work));
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code() == std::errc::connection_refused);
    CHECK(outcome.error().target() == to_string(peer));
}

task<> send_connected(datagram_socket& from, std::string_view data)
{
    co_await from.send(bytes(data));
}

} // namespace

TEST_CASE("a connected socket sends to its peer, hears it alone, and all others again once it is disconnected")
{
    on_every_datagram([](datagram_socket& near, datagram_socket& far) -> task<> {
        datagram_socket client = co_await connect_datagram(far.local_endpoint());
        const endpoint own = client.local_endpoint();
        CHECK(client.remote_endpoint() == far.local_endpoint());
        co_await client.send("question");
        const datagram got = co_await far.receive_from();
        CHECK(got.from == own);
        if (own.is_ip()) {
            co_await near.send_to("from a stranger", own); // the system drops it
        }
        co_await far.send_to("answer", got.from);
        co_await expect_packet(client, "answer");

        client.disconnect().value();
        CHECK(client.remote_endpoint() == nothing);
        CHECK_THROWS_AS(client.send("to whom?"), misuse);
        CHECK(client.local_endpoint().port() == own.port());
        endpoint where = client.local_endpoint();
        if (where.is_ip()) {
            CHECK(where.is_unspecified());
            where = own;
        }
        co_await near.send_to("from a stranger", where);
        co_await expect_packet(client, "from a stranger");

        client.connect(near.local_endpoint()).value();
        co_await client.send("hello");
        co_await expect_packet(near, "hello");
    });
}

TEST_CASE("a refused packet fails one operation of a connected socket, which goes on")
{
    for (const datagram_kind& kind : datagram_kinds()) {
        if (kind.is_local())
            continue;
        run_with_sockets(kind, [](datagram_socket& near, datagram_socket& far) -> task<> {
            const endpoint there = far.local_endpoint();
            near.connect(there).value();
            far.close();
            co_await near.send("nobody hears it");
            co_await expect_refused(receive_once(near), there);
            co_await near.send("nor this");
            co_await expect_refused(send_connected(near, "which is not even sent"), there);

            // One that waits already is told, too.
            task<> failing = expect_refused(receive_once(near), there);
            co_await when_all(std::move(failing), send_connected(near, "again"));

            datagram_socket back = co_await open_datagram(there);
            co_await near.send("somebody");
            co_await expect_packet(back, "somebody");
            co_await back.send_to("answer", near.local_endpoint());
            co_await expect_packet(near, "answer");
        });
    }
}

TEST_CASE("a Unix datagram to a name that nobody has is refused at once")
{
    for (const datagram_kind& kind : datagram_kinds()) {
        if (!kind.is_local())
            continue;
        run_with_sockets(kind, [](datagram_socket& near, datagram_socket& far) -> task<> {
            const endpoint there = far.local_endpoint();
            far.close();
            co_await expect_refused(send_once(near, there, "nobody hears it"), there);
            const auto connected = near.connect(there);
            REQUIRE_FALSE(connected);
            CHECK(connected.error().code() == std::errc::connection_refused);
        });
    }
}

TEST_CASE("datagram sockets are opened by name, and a TCP address is misuse")
{
    for (const bool in_memory : {true, false}) {
        const datagram_kind kind{"by name", udp("localhost", 0), in_memory, 0};
        run_with_sockets(kind, [](datagram_socket& near, datagram_socket&) -> task<> {
            CHECK(near.local_endpoint().is_loopback());
            const endpoint there = near.local_endpoint();
            datagram_socket client = co_await connect_datagram(udp(address_text(there), there.port()));
            co_await client.send("hello");
            co_await expect_packet(near, "hello");

            std::vector<datagram_socket> all = co_await open_datagrams(udp("localhost", 0));
            REQUIRE_FALSE(all.empty());
            for (const datagram_socket& each : all)
                CHECK(each.local_endpoint().port() == all.front().local_endpoint().port());

            const auto taken = co_await as_result(open_datagram(near.local_endpoint()));
            REQUIRE_FALSE(taken);
            CHECK(taken.error().code() == std::errc::address_in_use);
            CHECK(taken.error().target() == to_string(near.local_endpoint()));
        });
        context own(open_backend(kind));
        CHECK_THROWS_AS(own.run(open_datagram(tcp("localhost", 0))), misuse);
        CHECK_THROWS_AS(own.run(connect_datagram(tcp("localhost", 1))), misuse);
    }
}

TEST_CASE("one socket at every address of the machine serves IPv6 and IPv4")
{
    for (const bool in_memory : {true, false}) {
        const datagram_kind kind{"wildcard", udp("", 0), in_memory, 0};
        run_with_sockets(kind, [](datagram_socket& every, datagram_socket&) -> task<> {
            CHECK(every.local_endpoint().family() == endpoint::family::ipv6);
            for (const char* const host : {"127.0.0.1", "::1"}) {
                datagram_socket client = co_await connect_datagram(udp(host, every.local_endpoint().port()));
                co_await client.send(host);
                const datagram got = co_await every.receive_from();
                CHECK(got.from.family() == endpoint::family::ipv6);
                CHECK(got.from.port() == client.local_endpoint().port());
                CHECK_FALSE(got.group);
                co_await every.send_to(got.data, got.from, got.to);
                co_await expect_packet(client, host);
                co_await every.send_to("in its own family", client.local_endpoint());
                co_await expect_packet(client, "in its own family");
            }
        });
    }
}

TEST_CASE("a socket at every address connects to one peer after the other, each time from the address that fits")
{
    for (const bool in_memory : {true, false}) {
        const datagram_kind kind{"wildcard", udp("", 0), in_memory, 0};
        run_with_sockets(kind, [](datagram_socket& every, datagram_socket&) -> task<> {
            const std::uint16_t port = every.local_endpoint().port();
            for (const char* const host : {"::1", "127.0.0.1", "::1"}) {
                datagram_socket peer = co_await open_datagram(udp(host, 0));
                every.connect(peer.local_endpoint()).value();
                co_await every.send("question");
                const datagram got = co_await peer.receive_from();
                CHECK(address_text(got.from) == host);
                CHECK(got.from.port() == port);
                co_await peer.send_to("answer", got.from);
                co_await expect_packet(every, "answer");
            }
        });
    }
}

TEST_CASE("a socket cannot be connected to an endpoint without a port or name, and keeps the peer that it has")
{
    on_every_datagram([](datagram_socket& near, datagram_socket& far) -> task<> {
        near.connect(far.local_endpoint()).value();
        endpoint nowhere = near.local_endpoint().is_ip() ? near.local_endpoint() : endpoint::local("");
        nowhere.port(0);
        for (const endpoint& each : {nowhere, nothing}) {
            const auto refused = near.connect(each);
            REQUIRE_FALSE(refused);
            CHECK(refused.error().code() == std::errc::destination_address_required);
            CHECK(refused.error().target() == to_string(each));
            const auto opened = co_await as_result(connect_datagram(each));
            REQUIRE_FALSE(opened);
            CHECK(opened.error().code() == std::errc::destination_address_required);
        }
        CHECK(near.remote_endpoint() == far.local_endpoint());
        CHECK(near.try_send("still"));
        co_await expect_packet(far, "still");
    });
}
