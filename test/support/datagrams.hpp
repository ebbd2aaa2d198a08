// datagrams: sockets for packets of every kind, so that one set of cases holds for all of them.
#pragma once

#include "support/streams.hpp"

#include <portico/net/datagram_socket.hpp>

namespace test {

struct datagram_kind {
    const char* name;
    portico::address where;
    bool in_memory;
    std::size_t largest; ///< bytes of a packet that arrives whole

    bool is_local() const { return where.kind() == portico::address::protocol::local; }
};

inline std::vector<datagram_kind> datagram_kinds()
{
    using portico::udp, portico::local;
    return {{"UDP over IPv4", udp("127.0.0.1", 0), false, 65'507},
            {"UDP over IPv6", udp("::1", 0), false, 65'527},
            {"Unix datagrams", local(""), false, 65'535},
            {"UDP over IPv4 in memory", udp("127.0.0.1", 0), true, 65'507},
            {"UDP over IPv6 in memory", udp("::1", 0), true, 65'527},
            {"Unix datagrams in memory", local(""), true, 65'527}};
}

inline std::unique_ptr<portico::backend> open_backend(const datagram_kind& kind)
{
    if (!kind.in_memory)
        return portico::make_os_backend();
    auto made = std::make_unique<portico::memory_backend>();
    made->advance_when_idle();
    return made;
}

template <class Body>
portico::task<> with_sockets(portico::address where, portico::datagram_options options, const Body& body)
{
    portico::datagram_socket near = co_await portico::open_datagram(where, options);
    portico::datagram_socket far = co_await portico::open_datagram(where, options);
    co_await body(near, far);
}

/// Runs `body(near, far)`, a task, with two sockets.
template <class Body>
void run_with_sockets(const datagram_kind& kind, const Body& body, portico::datagram_options options = {})
{
    INFO(kind.name);
    portico::context own(open_backend(kind));
    own.run(portico::with_deadline(patience, with_sockets(kind.where, options, body)));
}

/// The same for every kind.
template <class Body>
void on_every_datagram(const Body& body, portico::datagram_options options = {})
{
    for (const datagram_kind& kind : datagram_kinds())
        run_with_sockets(kind, body, options);
}

/// Receives a packet, and wants it to be this.
inline portico::task<> expect_packet(portico::datagram_socket& at, std::string_view data)
{
    const portico::datagram got = co_await at.receive_from();
    CHECK((got.data.text() == data));
    CHECK_FALSE(got.truncated);
}

inline portico::task<> receive_once(portico::datagram_socket& at)
{
    (void)co_await at.receive_from();
}

inline portico::task<> send_once(portico::datagram_socket& from, portico::endpoint to, std::string_view data)
{
    co_await from.send_to(portico::bytes(data), to);
}

} // namespace test
