// bind_addresses: a socket at every address of a host, with one port for all of them.
#pragma once

#include <algorithm>
#include <portico/error.hpp>
#include <portico/net/endpoint.hpp>
#include <string>
#include <system_error>
#include <vector>

namespace portico::inline v0_1::detail {

/// Where [::] takes IPv4 too, it goes first and stands for every address.
inline void put_dual_stack_first(std::vector<endpoint>& endpoints)
{
    std::ranges::stable_partition(endpoints, [](const endpoint& each) {
        return each.is_unspecified() && each.family() == endpoint::family::ipv6;
    });
}

template <class Pointer>
struct bindings {
    std::vector<Pointer> bound;
    std::vector<error> errors;
    bool port_was_taken = false;
};

// Binds each address, all of them to the port of the first where the system chooses it.
template <class Pointer, class Bind>
bindings<Pointer> try_bind_addresses(std::vector<endpoint> endpoints, bool dual_stack, const Bind& bind)
{
    bindings<Pointer> made;
    const bool any_port = endpoints.front().is_ip() && endpoints.front().port() == 0;
    bool every_address = false;
    for (endpoint& each : endpoints) {
        if (every_address && each.is_unspecified())
            continue;
        if (any_port && !made.bound.empty())
            each.port(made.bound.front()->local_endpoint().port());
        auto one = bind(each);
        if (one) {
            every_address |= dual_stack && each.is_unspecified() && each.family() == endpoint::family::ipv6;
            made.bound.push_back(std::move(*one));
        } else {
            made.port_was_taken |= any_port && one.error().code() == std::errc::address_in_use;
            made.errors.push_back(one.error());
        }
    }
    return made;
}

/// What `bind(endpoint)`, a result, has made of each endpoint. An address that this machine does not have is passed
/// over where another works; else it throws an error (`operation` on `target`) that names every address that failed.
template <class Pointer, class Bind>
std::vector<Pointer> bind_addresses(std::vector<endpoint> endpoints, bool dual_stack, const char* operation,
                                    const std::string& target, const Bind& bind)
{
    if (dual_stack)
        put_dual_stack_first(endpoints);
    auto made = try_bind_addresses<Pointer>(endpoints, dual_stack, bind);
    // Another program may hold the port that the system chose for the first address on the second.
    for (int retries = 8; made.port_was_taken && retries > 0; --retries) {
        made = {};
        made = try_bind_addresses<Pointer>(endpoints, dual_stack, bind);
    }
    const bool tolerable = !made.bound.empty() && std::ranges::all_of(made.errors, [](const error& each) {
        return each.code() == std::errc::address_not_available || each.code() == std::errc::address_family_not_supported;
    });
    if (!tolerable)
        throw error::of_attempts(operation, target, std::move(made.errors));
    return std::move(made.bound);
}

} // namespace portico::detail
