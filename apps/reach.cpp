// reach: see reach.hpp.
#include "reach.hpp"

#include "columns.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <portico/core/deadline.hpp>
#include <portico/net/connector.hpp>

namespace http_get {

namespace {

/// To the first of these addresses that can be connected to; each has its share of the time.
portico::task<portico::connection> connect_to_any(const std::vector<portico::endpoint>& where, std::string name,
                                                  portico::connect_options how)
{
    if (where.empty())
        throw portico::error(std::make_error_code(std::errc::address_family_not_supported), "connect to", name);
    portico::context& own = co_await portico::this_context();
    const portico::time_point deadline = portico::add(own.now(), how.timeout);
    std::vector<portico::error> failures;
    for (std::size_t left = where.size(); left != 0; --left) {
        how.timeout = portico::time_left(deadline, own.now()) / static_cast<portico::duration::rep>(left);
        auto made = co_await portico::as_result(portico::connect(where[where.size() - left], how));
        if (made)
            co_return std::move(*made);
        failures.push_back(made.error());
    }
    throw portico::error::of_attempts("connect to", std::move(name), std::move(failures));
}

portico::address detoured(const settings& chosen, const portico::address& to)
{
    const auto fits = [host = normal_host(to.host()), port = to.port()](const detour& each) {
        return (each.host.empty() || each.host == host) && (each.port == 0 || each.port == port);
    };
    const auto found = std::ranges::find_if(chosen.detours, fits);
    if (found == chosen.detours.end())
        return to;
    return portico::tcp(found->to_host.empty() ? to.host() : found->to_host,
                        found->to_port == 0 ? to.port() : found->to_port);
}

/// The last entry for this host, or else the last one for any.
const host_entry* entry_for(const settings& chosen, const portico::address& to)
{
    for (const std::string& host : {normal_host(to.host()), std::string("*")}) {
        const auto found = std::find_if(chosen.hosts.rbegin(), chosen.hosts.rend(), [&](const host_entry& each) {
            return each.host == host && each.port == to.port();
        });
        if (found != chosen.hosts.rend())
            return found->addresses.empty() ? nullptr : &*found;
    }
    return nullptr;
}

std::vector<portico::endpoint> of_family(std::vector<portico::endpoint> all, portico::resolve_query::family only)
{
    using family = portico::resolve_query::family;
    std::erase_if(all, [&](const portico::endpoint& each) {
        const bool is_ipv6 = each.family() == portico::endpoint::family::ipv6;
        return (only == family::ipv4 && is_ipv6) || (only == family::ipv6 && !is_ipv6);
    });
    return all;
}

portico::task<portico::connection> reach_silently(const settings& chosen, portico::address to,
                                                  portico::connect_options how)
{
    if (!chosen.unix_socket.empty())
        co_return co_await portico::connect(portico::local(chosen.unix_socket), std::move(how));
    const portico::address where = detoured(chosen, to);
    const host_entry* const known = how.socks5 ? nullptr : entry_for(chosen, where);
    if (known != nullptr)
        co_return co_await connect_to_any(of_family(known->addresses, chosen.family), to_string(where), std::move(how));
    co_return co_await portico::connect(where, std::move(how));
}

} // namespace

std::vector<portico::endpoint> known_addresses(const settings& chosen, const portico::address& which)
{
    const host_entry* const known = entry_for(chosen, which);
    return known == nullptr ? std::vector<portico::endpoint>() : of_family(known->addresses, chosen.family);
}

portico::task<portico::connection> reach(const settings& chosen, display& shown, portico::address to,
                                         portico::connect_options how)
{
    if (chosen.verbose)
        shown.print(fmt::format("* connecting to {}\n", printable(to_string(to))));
    portico::connection made = co_await reach_silently(chosen, std::move(to), std::move(how));
    if (chosen.verbose)
        shown.print(fmt::format("* connected to {}\n", to_string(made.remote_endpoint())));
    co_return made;
}

} // namespace http_get
