// Opening datagram sockets: binding the addresses of a host, connecting to one of them.
#include <portico/net/datagram_socket.hpp>
#include <portico/net/resolver.hpp>

#include "bind_addresses.hpp"

#include <cerrno>

namespace portico::inline v0_1 {

namespace {

void check_kind(const address& where)
{
    if (where.kind() == address::protocol::tcp)
        throw misuse("a datagram socket at a TCP address: " + to_string(where));
}

// The wildcard address of a family, port 0; a Unix name of the system's choice.
endpoint any_of(const endpoint& peer)
{
    switch (peer.family()) {
    case endpoint::family::ipv4: return endpoint::ipv4({}, 0);
    case endpoint::family::ipv6: return endpoint::ipv6({}, 0);
    default: return endpoint::local({});
    }
}

result<datagram_transport_ptr> open_connected(backend& outside, const endpoint& peer, const datagram_options& options)
{
    if (!detail::has_name(peer))
        return error(std::error_code(EDESTADDRREQ, std::system_category()), "connect to", to_string(peer));
    auto opened = outside.open_datagram(any_of(peer), options);
    if (opened)
        if (const std::error_code code = (*opened)->connect(peer))
            return error(code, "connect to", to_string(peer));
    return opened;
}

} // namespace

task<datagram_socket> open_datagram(endpoint where, datagram_options options)
{
    context& own = co_await this_context();
    co_return datagram_socket(own, own.backend().open_datagram(where, options).value(), options);
}

task<datagram_socket> open_datagram(address where, datagram_options options)
{
    context& own = co_await this_context();
    check_kind(where);
    std::vector<endpoint> endpoints = co_await resolve(where);
    detail::put_dual_stack_first(endpoints);
    std::vector<error> errors;
    for (const endpoint& each : endpoints) {
        auto opened = own.backend().open_datagram(each, options);
        if (opened)
            co_return datagram_socket(own, std::move(*opened), options);
        errors.push_back(opened.error());
    }
    throw error::of_attempts("bind", to_string(where), std::move(errors));
}

task<std::vector<datagram_socket>> open_datagrams(address where, datagram_options options)
{
    context& own = co_await this_context();
    check_kind(where);
    const std::vector<endpoint> endpoints = co_await resolve(where);
    const auto bind = [&](const endpoint& each) { return own.backend().open_datagram(each, options); };
    auto bound = detail::bind_addresses<datagram_transport_ptr>(endpoints, options.dual_stack, "bind", to_string(where), bind);
    std::vector<datagram_socket> sockets;
    sockets.reserve(bound.size());
    for (datagram_transport_ptr& each : bound)
        sockets.emplace_back(own, std::move(each), options);
    co_return sockets;
}

task<datagram_socket> connect_datagram(endpoint to, datagram_options options)
{
    context& own = co_await this_context();
    co_return datagram_socket(own, open_connected(own.backend(), to, options).value(), options);
}

task<datagram_socket> connect_datagram(address to, datagram_options options)
{
    context& own = co_await this_context();
    check_kind(to);
    const std::vector<endpoint> endpoints = co_await resolve(to);
    std::vector<error> errors;
    for (const endpoint& each : endpoints) {
        auto connected = open_connected(own.backend(), each, options);
        if (connected)
            co_return datagram_socket(own, std::move(*connected), options);
        errors.push_back(connected.error());
    }
    throw error::of_attempts("connect to", to_string(to), std::move(errors));
}

datagram_socket adopt_datagram_socket(context& owner, int handle)
{
    return {owner, owner.backend().adopt_datagram(handle).value()};
}

} // namespace portico
