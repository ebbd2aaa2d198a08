// The operating system's datagram sockets: source addresses, groups, broadcast, Unix files, descriptors, system calls.
#include "support/datagrams.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <portico/server/datagram_server.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace portico;
using namespace test;

namespace {

/// Runs a task over the operating system.
template <class Body>
void run_on_system(const Body& body)
{
    context own;
    own.run(with_deadline(patience, body()));
}

std::uint32_t loopback_interface(context& own)
{
    const auto interfaces = own.backend().interfaces().value();
    const auto found = std::ranges::find(interfaces, "lo", &network_interface::name);
    REQUIRE(found != interfaces.end());
    return found->index;
}

/// A folder that is removed with this object.
class folder {
public:
    folder() { REQUIRE(::mkdtemp(name_) != nullptr); }
    ~folder() { std::filesystem::remove_all(name_); }
    std::string path(const char* name) const { return std::string(name_) + "/" + name; }

private:
    char name_[32] = "/tmp/portico-test-XXXXXX";
};

task<> answer(datagram_socket& at)
{
    const datagram got = co_await at.receive_from();
    co_await at.send_to("answer", got.from, got.to);
}

// Whether an answer comes from the address that was asked: a connected socket hears no other.
task<> ask(const char* host, std::uint16_t port)
{
    datagram_socket client = co_await connect_datagram(udp(host, port));
    co_await client.send("question");
    client.timeout(patience);
    co_await expect_packet(client, "answer");
}

// What loopback carries is there when it has been sent.
void expect_nothing(datagram_socket& at)
{
    CHECK_FALSE(at.try_receive_from());
}

} // namespace

TEST_CASE("an answer from a socket at every address leaves from the address that was asked")
{
    run_on_system([]() -> task<> {
        datagram_socket v4 = co_await open_datagram(udp("0.0.0.0", 0));
        co_await when_all(answer(v4), ask("127.0.0.2", v4.local_endpoint().port()));
        datagram_socket both = co_await open_datagram(udp("", 0));
        for (const char* const host : {"127.0.0.2", "127.0.0.1", "::1"})
            co_await when_all(answer(both), ask(host, both.local_endpoint().port()));
    });
}

TEST_CASE("what comes is known by the address it was sent to and the interface it came by")
{
    run_on_system([]() -> task<> {
        context& own = co_await this_context();
        datagram_socket every = co_await open_datagram(udp("0.0.0.0", 0));
        datagram_socket client = co_await open_datagram(udp("127.0.0.1", 0));
        co_await client.send_to("hello", endpoint::ipv4({127, 0, 0, 3}, every.local_endpoint().port()));
        const datagram got = co_await every.receive_from();
        CHECK(got.to == endpoint::ipv4({127, 0, 0, 3}, every.local_endpoint().port()));
        CHECK(got.interface == loopback_interface(own));
    });
}

TEST_CASE("a member of a multicast group gets its packets, and none before it joins or after it leaves")
{
    run_on_system([]() -> task<> {
        const std::uint32_t interface = loopback_interface(co_await this_context());
        datagram_options shared;
        shared.reuse_address = true;
        datagram_socket first = co_await open_datagram(udp("0.0.0.0", 0), shared);
        datagram_socket second = co_await open_datagram(first.local_endpoint(), shared);
        datagram_socket sender = co_await open_datagram(udp("127.0.0.1", 0));
        const auto group = endpoint::ipv4({239, 255, 1, 7}, first.local_endpoint().port());
        first.join_group(group, interface).value();
        co_await sender.send_to("for members", group);
        const datagram got = co_await first.receive_from();
        CHECK(got.data.text() == "for members");
        CHECK(got.group);
        CHECK(got.to == group);
        CHECK(got.interface == interface);
        expect_nothing(second); // at the same port of the same machine, but no member

        second.join_group(group, interface).value();
        co_await sender.send_to("for both", group);
        co_await expect_packet(first, "for both");
        co_await expect_packet(second, "for both");
        first.leave_group(group, interface).value();
        co_await sender.send_to("for the second", group);
        co_await expect_packet(second, "for the second");
        expect_nothing(first);

        const auto other = endpoint::ipv4({127, 0, 0, 9}, 0);
        first.join_group(group, interface, other).value();
        co_await sender.send_to("of another source", group);
        co_await expect_packet(second, "of another source");
        expect_nothing(first);
        first.leave_group(group, interface, other).value();
        first.join_group(group, interface, sender.local_endpoint()).value();
        co_await sender.send_to("of this source", group);
        co_await expect_packet(first, "of this source");
    });
}

TEST_CASE("a group of either family is joined once, left once, and nothing else is a group")
{
    run_on_system([]() -> task<> {
        const std::uint32_t interface = loopback_interface(co_await this_context());
        datagram_socket every = co_await open_datagram(udp("", 0));
        for (const char* const name : {"239.255.1.7", "ff12::7"}) {
            const endpoint group = parse_ip(name).value();
            every.join_group(group, interface).value();
            const auto twice = every.join_group(group, interface);
            REQUIRE_FALSE(twice);
            CHECK(twice.error().code() == std::errc::address_in_use);
            CHECK(twice.error().target() == to_string(group));
            every.leave_group(group, interface).value();
            CHECK_FALSE(every.leave_group(group, interface));
        }
        for (const char* const name : {"127.0.0.1", "::1"}) {
            const auto refused = every.join_group(parse_ip(name).value(), interface);
            REQUIRE_FALSE(refused);
            CHECK(refused.error().code() == std::errc::invalid_argument);
        }
    });
}

TEST_CASE("a packet to a broadcast address is refused without the option, and an answer comes from a usual address")
{
    run_on_system([]() -> task<> {
        datagram_options may;
        may.broadcast = true;
        for (const char* const any : {"0.0.0.0", ""}) {
            datagram_socket server = co_await open_datagram(udp(any, 0));
            const auto everybody = endpoint::ipv4({127, 255, 255, 255}, server.local_endpoint().port());
            datagram_socket plain = co_await open_datagram(udp("127.0.0.1", 0));
            const auto refused = co_await as_result(plain.send_to("all", everybody));
            REQUIRE_FALSE(refused);
            CHECK(refused.error().code() == std::errc::permission_denied);
            datagram_socket allowed = co_await open_datagram(udp("127.0.0.1", 0), may);
            co_await allowed.send_to("all", everybody);
            const datagram got = co_await server.receive_from();
            CHECK(got.data.text() == "all");
            CHECK(got.group);
        }
    });
}

TEST_CASE("a handler answers a packet that went to a group or to everybody")
{
    run_on_system([]() -> task<> {
        datagram_options may;
        may.broadcast = true;
        const auto serve = [](packet& request) -> task<> { co_await request.reply(request.data()); };
        for (const char* const any : {"0.0.0.0", ""}) {
            datagram_server server(udp(any, 0), serve);
            event listening;
            std::uint16_t port = 0;
            server.on_listening([&](const std::vector<endpoint>& where) {
                port = where.front().port();
                listening.set();
            });
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(server.run());
                co_await listening.wait();
                datagram_socket client = co_await open_datagram(udp("127.0.0.1", 0), may);
                co_await client.send_to("everybody?", endpoint::ipv4({127, 255, 255, 255}, port));
                co_await expect_packet(client, "everybody?");
                group.cancel();
            });
            CHECK(server.statistics().replies == 1);
        }
    });
}

TEST_CASE("segments that the interface cannot take are sent one by one")
{
    run_on_system([]() -> task<> {
        // Larger than any segment may be: each is fragmented on its way.
        constexpr std::size_t size = 65'000;
        const std::string data = pattern(3 * size);
        datagram_socket near = co_await open_datagram(udp("127.0.0.1", 0));
        datagram_socket far = co_await open_datagram(udp("127.0.0.1", 0));
        const auto send = [&]() -> task<> { co_await near.send_segments(data, size, far.local_endpoint()); };
        const auto receive = [&]() -> task<> {
            for (std::size_t i = 0; i < 3; ++i)
                co_await expect_packet(far, std::string_view(data).substr(i * size, size));
        };
        co_await when_all(send(), receive());
    });
}

TEST_CASE("the file of a Unix datagram socket has its mode, replaces a stale one and goes with the socket")
{
    const folder place;
    const std::string path = place.path("datagrams");
    run_on_system([&]() -> task<> {
        datagram_options options;
        options.mode = 0620;
        int left_behind = -1;
        {
            datagram_socket first = co_await open_datagram(local(path), options);
            struct stat found{};
            REQUIRE(::lstat(path.c_str(), &found) == 0);
            CHECK((found.st_mode & 0777) == 0620);
            CHECK(first.local_endpoint() == endpoint::local(path));
            const auto taken = co_await as_result(open_datagram(local(path)));
            REQUIRE_FALSE(taken);
            CHECK(taken.error().code() == std::errc::address_in_use);
            left_behind = first.release();
        }
        CHECK(std::filesystem::exists(path));
        ::close(left_behind);
        {
            datagram_socket second = co_await open_datagram(local(path));
            datagram_socket client = co_await connect_datagram(local(path));
            CHECK(client.local_endpoint().path().starts_with('@'));
            co_await when_all(answer(second), send_once(client, second.local_endpoint(), "question"));
            co_await expect_packet(client, "answer");
        }
        CHECK_FALSE(std::filesystem::exists(path));
        std::ofstream(path) << "no socket";
        const auto kept = co_await as_result(open_datagram(local(path)));
        CHECK_FALSE(kept);
        CHECK(std::filesystem::file_size(path) == 9);
    });
}

TEST_CASE("a descriptor is adopted, used and given back, and one that is no datagram socket is refused")
{
    context own;
    const int handle = ::socket(AF_INET, SOCK_DGRAM, 0);
    REQUIRE(handle >= 0);
    own.run(with_deadline(patience, [](context& within, int descriptor) -> task<> {
        datagram_socket adopted = adopt_datagram_socket(within, descriptor);
        datagram_socket other = co_await open_datagram(udp("127.0.0.1", 0));
        CHECK(adopted.native_handle() == descriptor);
        co_await adopted.send_to("hello", other.local_endpoint()); // which binds it
        const datagram got = co_await other.receive_from();
        CHECK(adopted.local_endpoint().port() == got.from.port());
        co_await when_all(expect_packet(adopted, "back"), send_once(other, got.from, "back"));
        CHECK(adopted.release() == descriptor);
        CHECK_FALSE(adopted.is_open());
    }(own, handle)));
    CHECK_NOTHROW(adopt_datagram_socket(own, handle));
    const int stream = ::socket(AF_INET, SOCK_STREAM, 0);
    CHECK_THROWS_AS(adopt_datagram_socket(own, stream), error);
    CHECK(::close(stream) == 0);
    CHECK_THROWS_AS(adopt_datagram_socket(own, -1), error);
}

TEST_CASE("who sends from a Unix socket without a name cannot be answered")
{
    run_on_system([]() -> task<> {
        datagram_socket server = co_await open_datagram(local(""));
        const int unnamed = ::socket(AF_UNIX, SOCK_DGRAM, 0);
        sockaddr_un where{};
        where.sun_family = AF_UNIX;
        const std::string path(server.local_endpoint().path());
        std::copy(path.begin() + 1, path.end(), where.sun_path + 1);
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
        REQUIRE(::sendto(unnamed, "hello", 5, 0, reinterpret_cast<const sockaddr*>(&where), size) == 5);
        ::close(unnamed);
        const datagram got = co_await server.receive_from();
        CHECK(got.data.text() == "hello");
        CHECK(got.from == endpoint());
        const auto failed = co_await as_result(server.send_to("answer", got.from));
        REQUIRE_FALSE(failed);
        CHECK(failed.error().code() == std::errc::destination_address_required);
    });
}

TEST_CASE("options of the caller's that bring more beside each packet do not disturb it")
{
    run_on_system([]() -> task<> {
        const std::uint32_t interface = loopback_interface(co_await this_context());
        datagram_socket every = co_await open_datagram(udp("", 0));
        for (const int name : {SO_TIMESTAMP, SO_RXQ_OVFL})
            every.options().set(SOL_SOCKET, name, 1);
        for (const int name : {IP_RECVTTL, IP_RECVTOS, IP_RECVOPTS, IP_RECVORIGDSTADDR})
            every.options().set(SOL_IP, name, 1);
        datagram_socket client = co_await connect_datagram(udp("127.0.0.1", every.local_endpoint().port()));
        co_await client.send("alone");
        co_await client.send_segments("abcdef", 2);
        for (const char* const each : {"alone", "ab", "cd", "ef"}) {
            const datagram got = co_await every.receive_from();
            CHECK(got.data.text() == each);
            CHECK_FALSE(got.group);
            CHECK(address_text(got.to) == "::ffff:127.0.0.1");
            CHECK(got.interface == interface);
        }
    });
}

TEST_CASE("nothing refers to the caller's memory when a receive into it has ended, whatever the system has joined")
{
    run_on_system([]() -> task<> {
        datagram_options alone;
        alone.coalesce = false;
        datagram_socket near = co_await open_datagram(udp("127.0.0.1", 0));
        datagram_socket far = co_await open_datagram(udp("127.0.0.1", 0), alone);
        far.options().set(SOL_UDP, UDP_GRO, 1); // against its own options
        co_await near.send_segments("aabbcc", 2, far.local_endpoint());
        {
            std::vector<char> memory(100);
            const datagram got = co_await far.receive_into(memory);
            CHECK(got.data.text() == "aa");
        }
        expect_nothing(far);
    });
}

TEST_CASE("the sockets of an adopted pair send to each other, which have no names")
{
    run_on_system([]() -> task<> {
        context& own = co_await this_context();
        int handles[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM, 0, handles) == 0);
        datagram_socket one = adopt_datagram_socket(own, handles[0]);
        datagram_socket other = adopt_datagram_socket(own, handles[1]);
        co_await one.send("question");
        co_await expect_packet(other, "question");
        CHECK(other.try_send("answer"));
        co_await expect_packet(one, "answer");
        co_await one.send_segments("aabb", 2);
        co_await expect_packet(other, "aa");
        co_await expect_packet(other, "bb");
    });
}

TEST_CASE("a socket whose port was taken when it disconnects is connected to nobody, and sends from another port")
{
    run_on_system([]() -> task<> {
        datagram_socket peer = co_await open_datagram(udp("127.0.0.1", 0));
        datagram_socket every = co_await open_datagram(udp("0.0.0.0", 0));
        every.connect(peer.local_endpoint()).value();
        const std::uint16_t port = every.local_endpoint().port();
        datagram_socket taker = co_await open_datagram(endpoint::ipv4({127, 0, 0, 2}, port));
        const auto refused = every.disconnect();
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == std::errc::address_in_use);
        CHECK(refused.error().target() == to_string(peer.local_endpoint()));
        CHECK(every.remote_endpoint() == endpoint());
        CHECK_THROWS_AS(every.send("to whom?"), misuse);
        co_await every.send_to("hello", peer.local_endpoint());
        const datagram got = co_await peer.receive_from();
        CHECK(got.from.port() != port);
        CHECK(got.from.port() == every.local_endpoint().port());
        co_await peer.send_to("answer", got.from);
        co_await expect_packet(every, "answer");
    });
}
