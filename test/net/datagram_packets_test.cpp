// Datagram conformance: what is sent arrives as it was sent, or is told to be cut, on every kind of socket.
#include "support/datagrams.hpp"

#include <array>
#include <cerrno>
#include <sys/socket.h>

using namespace portico;
using namespace test;

TEST_CASE("packets arrive one by one, in order, whole, with the endpoints that they went between")
{
    on_every_datagram([](datagram_socket& near, datagram_socket& far) -> task<> {
        for (const char* const each : {"first", "", "third"})
            co_await near.send_to(each, far.local_endpoint());
        for (const char* const each : {"first", "", "third"}) {
            const datagram got = co_await far.receive_from();
            CHECK(got.data.text() == each);
            CHECK(got.from == near.local_endpoint());
            CHECK(got.to == far.local_endpoint());
            CHECK_FALSE(got.truncated);
            CHECK_FALSE(got.group);
            co_await far.send_to(got.data, got.from, got.to);
            co_await expect_packet(near, each);
        }
    });
}

TEST_CASE("the largest packet arrives whole, and one byte more is refused with its size")
{
    for (const datagram_kind& kind : datagram_kinds()) {
        const std::string data = pattern(kind.largest);
        run_with_sockets(kind, [&](datagram_socket& near, datagram_socket& far) -> task<> {
            co_await near.send_to(data, far.local_endpoint());
            co_await expect_packet(far, data);
            if (kind.is_local())
                co_return; // whose limit is that of the system's buffer
            const std::string more = data + "x";
            const auto refused = co_await as_result(near.send_to(more, far.local_endpoint()));
            REQUIRE_FALSE(refused);
            CHECK(refused.error().code() == std::errc::message_size);
            CHECK(refused.error().detail() == std::to_string(more.size()) + " bytes");
            CHECK(refused.error().target() == to_string(far.local_endpoint()));
            co_await near.send_to("after", far.local_endpoint());
            co_await expect_packet(far, "after");
        });
    }
}

TEST_CASE("a packet that is larger than the room for it is cut, told so, and the next one is whole")
{
    for (const bool coalesce : {true, false}) {
        datagram_options options;
        options.coalesce = coalesce;
        options.max_size = 6;
        const auto cut = [](datagram_socket& near, datagram_socket& far) -> task<> {
            for (const char* const each : {"0123456", "012345", "abcdef", "abcdef", "last"})
                co_await near.send_to(each, far.local_endpoint());
            const datagram by_options = co_await far.receive_from();
            CHECK(by_options.data.text() == "012345");
            CHECK(by_options.truncated);
            co_await expect_packet(far, "012345");
            const datagram by_limit = co_await far.receive_from(3);
            CHECK(by_limit.data.text() == "abc");
            CHECK(by_limit.truncated);
            std::array<char, 5> memory{};
            const datagram by_memory = co_await far.receive_into(memory);
            CHECK(by_memory.data.text() == "abcde");
            CHECK(by_memory.data.data() == memory.data());
            CHECK(by_memory.truncated);
            const datagram whole = co_await far.receive_into(memory);
            CHECK(whole.data.text() == "last");
            CHECK(whole.data.data() == memory.data());
            CHECK_FALSE(whole.truncated);
        };
        on_every_datagram(cut, options);
    }
}

TEST_CASE("a packet that was peeked at stays to be received")
{
    on_every_datagram([](datagram_socket& near, datagram_socket& far) -> task<> {
        co_await near.send_to("first", far.local_endpoint());
        co_await near.send_to("second", far.local_endpoint());
        const datagram part = co_await far.peek_from(2);
        CHECK(part.data.text() == "fi");
        CHECK(part.truncated);
        for (int i = 0; i < 2; ++i) {
            const datagram seen = co_await far.peek_from();
            CHECK(seen.data.text() == "first");
            CHECK(seen.from == near.local_endpoint());
        }
        co_await expect_packet(far, "first");
        co_await expect_packet(far, "second");
    });
}

TEST_CASE("segments arrive as single packets, however the system and the receiver's options carry them")
{
    for (const bool coalesce : {true, false}) {
        datagram_options options;
        options.coalesce = coalesce;
        const auto round_trip = [](datagram_socket& near, datagram_socket& far) -> task<> {
            constexpr std::size_t size = 100;
            const std::string data = pattern(1'000 * size - 1);
            const auto send = [&]() -> task<> { co_await near.send_segments(data, size, far.local_endpoint()); };
            std::string got;
            std::size_t packets = 0;
            const auto receive = [&]() -> task<> {
                while (got.size() < data.size()) {
                    const datagram peeked = co_await far.peek_from();
                    CHECK(peeked.data.size() == std::min(size, data.size() - got.size()));
                    const datagram each = co_await far.receive_from();
                    REQUIRE(each.data.size() == std::min(size, data.size() - got.size()));
                    CHECK(each.from == near.local_endpoint());
                    got += each.data.text();
                    ++packets;
                }
            };
            const int room = 1 << 20; // in memory there is enough
            (void)::setsockopt(far.native_handle(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
            co_await when_all(send(), receive());
            CHECK(packets == 1'000);
            CHECK((got == data));
            co_await near.send_segments("", 10, far.local_endpoint());
            co_await near.send_segments("abc", 10, far.local_endpoint());
            co_await expect_packet(far, "abc");
        };
        on_every_datagram(round_trip, options);
    }
}

TEST_CASE("the try_ operations do not wait")
{
    on_every_datagram([](datagram_socket& near, datagram_socket& far) -> task<> {
        CHECK_FALSE(far.try_receive_from());
        CHECK(near.try_send_to("one", far.local_endpoint()));
        const auto got = far.try_receive_from();
        REQUIRE(got);
        CHECK(got->data.text() == "one");
        CHECK_FALSE(far.try_receive_from());
        far.close();
        CHECK_THROWS_AS(far.try_receive_from(), error);
        CHECK_THROWS_AS(far.try_send_to("x", near.local_endpoint()), error);

        CHECK_THROWS_AS(near.try_send("to whom?"), misuse);
        datagram_socket client = co_await connect_datagram(near.local_endpoint());
        CHECK(client.try_send("two"));
        const auto second = near.try_receive_from();
        REQUIRE(second);
        CHECK(second->data.text() == "two");
        CHECK(second->from == client.local_endpoint());
        client.close();
        CHECK_THROWS_AS(client.try_send("x"), error);
        co_return;
    });
}

TEST_CASE("a packet cannot be sent to an endpoint without a port or name")
{
    on_every_datagram([](datagram_socket& near, datagram_socket&) -> task<> {
        endpoint nowhere = near.local_endpoint().is_ip() ? near.local_endpoint() : endpoint::local("");
        nowhere.port(0);
        for (const endpoint& each : {nowhere, endpoint()}) {
            const auto failed = co_await as_result(near.send_to("lost", each));
            REQUIRE_FALSE(failed);
            CHECK(failed.error().code() == std::errc::destination_address_required);
            CHECK(failed.error().target() == to_string(each));
            std::error_code code;
            try {
                near.try_send_to("lost", each);
            } catch (const error& failure) {
                code = failure.code();
            }
            CHECK(code == std::errc::destination_address_required);
        }
    });
}

TEST_CASE("a transport that is not connected sends nothing without an address")
{
    for (const datagram_kind& kind : datagram_kinds()) {
        if (kind.is_local())
            continue; // where the system says ENOTCONN
        run_with_sockets(kind, [](datagram_socket& near, datagram_socket&) -> task<> {
            context& own = co_await this_context();
            endpoint where = near.local_endpoint();
            where.port(0);
            const auto transport = own.backend().open_datagram(where, {}).value();
            const io_result sent = transport->try_send("lost", {}, {}, 0);
            CHECK(sent.status == io_status::failed);
            CHECK(sent.code == EDESTADDRREQ);
        });
    }
}

TEST_CASE("a packet leaves from the local address that the sender asks for, whatever the socket is bound to")
{
    for (const datagram_kind& kind : datagram_kinds()) {
        if (kind.where.host() != "127.0.0.1")
            continue;
        run_with_sockets(kind, [](datagram_socket& near, datagram_socket& far) -> task<> {
            const endpoint usual = near.local_endpoint();
            const auto other = endpoint::ipv4({127, 0, 0, 2}, usual.port());
            for (const endpoint& each : {other, usual, endpoint(), endpoint::ipv4({}, 0)}) {
                co_await near.send_to("hello", far.local_endpoint(), each);
                const datagram got = co_await far.receive_from();
                CHECK(got.from == (each == other ? other : usual));
            }
        });
    }
}

TEST_CASE("no limit of the size is too large to make room for")
{
    for (const std::size_t size : {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 2 + 1}) {
        datagram_options options;
        options.max_size = size;
        options.coalesce = false;
        const auto exchange = [](datagram_socket& near, datagram_socket& far) -> task<> {
            const std::string data = pattern(40'000);
            for (int i = 0; i < 3; ++i) {
                co_await near.send_to(data, far.local_endpoint());
                co_await expect_packet(far, data);
            }
        };
        on_every_datagram(exchange, options);
    }
}

TEST_CASE("segments are received one by one into memory that holds no more than one")
{
    on_every_datagram([](datagram_socket& near, datagram_socket& far) -> task<> {
        co_await near.send_segments("abcdef", 2, far.local_endpoint());
        for (const char* const each : {"ab", "cd", "ef"}) {
            std::array<char, 4> memory{};
            const datagram got = co_await far.receive_into(memory);
            CHECK(got.data.text() == each);
            CHECK_FALSE(got.truncated);
        }
        CHECK_FALSE(far.try_receive_from());
    });
}
