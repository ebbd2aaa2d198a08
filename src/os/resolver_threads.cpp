// resolver_threads: getaddrinfo and getnameinfo, and what they leave to us.
#include "resolver_threads.hpp"

#include "socket.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <netdb.h>
#include <portico/net/resolver.hpp>
#include <portico/wire/text.hpp>

namespace portico::inline v0_1::os {

namespace {

// RFC 6761 section 6.3: these names are the loopback addresses, and no name server is asked for them: not even on a
// machine where nobody has written that down.
bool is_localhost(std::string_view host)
{
    constexpr std::string_view localhost = "localhost";
    if (host.ends_with('.'))
        host.remove_suffix(1);
    if (host.size() < localhost.size() || !text::equals_ignoring_case(host.substr(host.size() - localhost.size()), localhost))
        return false;
    return host.size() == localhost.size() || host[host.size() - localhost.size() - 1] == '.';
}

int family_of(const resolve_query& query) noexcept
{
    switch (query.only) {
    case resolve_query::family::ipv4: return AF_INET;
    case resolve_query::family::ipv6: return AF_INET6;
    case resolve_query::family::any: break;
    }
    return AF_UNSPEC;
}

error failure_of(int code, const char* operation, const std::string& target)
{
    if (code == EAI_SYSTEM)
        return {last_error(), operation, target};
    return {std::error_code(code, resolver_category()), operation, target};
}

using address_list = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

int ask(const resolve_query& query, const std::string& host, address_list& answer)
{
    addrinfo hints{};
    hints.ai_family = family_of(query);
    hints.ai_socktype = query.datagram ? SOCK_DGRAM : SOCK_STREAM;
    hints.ai_flags = host.empty() ? AI_PASSIVE : 0;
    addrinfo* list = nullptr;
    const int code = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), query.service.c_str(), &hints, &list);
    if (code == 0)
        answer.reset(list);
    return code;
}

endpoint to_endpoint(const addrinfo& from)
{
    socket_address made;
    std::memcpy(&made.storage, from.ai_addr, from.ai_addrlen);
    made.size = from.ai_addrlen;
    return made.to_endpoint();
}

result<std::vector<endpoint>> look_up(const resolve_query& query)
{
    std::vector<std::string> hosts{query.host};
    if (is_localhost(query.host))
        hosts = {"::1", "127.0.0.1"}; // as RFC 6724 orders them
    std::vector<endpoint> found;
    int failure = EAI_NONAME;
    for (const std::string& host : hosts) {
        address_list list(nullptr, ::freeaddrinfo);
        if (const int code = ask(query, host, list))
            failure = code;
        for (const addrinfo* each = list.get(); each != nullptr; each = each->ai_next) {
            endpoint one = to_endpoint(*each);
            if (one.is_ip() && std::ranges::find(found, one) == found.end())
                found.push_back(std::move(one));
        }
    }
    if (found.empty())
        return failure_of(failure, "resolve", query.host);
    return found;
}

result<resolved_names> look_up_names(const endpoint& which)
{
    const socket_address where(which);
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> service{};
    const int code = ::getnameinfo(where.data(), where.size, host.data(), host.size(), service.data(), service.size(),
                                   0);
    if (code != 0)
        return failure_of(code, "resolve", "the names of " + to_string(which));
    return resolved_names{host.data(), service.data()};
}

} // namespace

void resolver_threads::resolve(const resolve_query& query, portico::backend::resolved done)
{
    const auto shared = std::make_shared<const portico::backend::resolved>(std::move(done));
    if (const std::error_code refused = threads_.run([query, shared] { (*shared)(look_up(query)); }))
        (*shared)(error(refused, "resolve", query.host));
}

void resolver_threads::resolve_names(const endpoint& which, unique_function<void(result<resolved_names>)> done)
{
    const auto shared = std::make_shared<const unique_function<void(result<resolved_names>)>>(std::move(done));
    if (const std::error_code refused = threads_.run([which, shared] { (*shared)(look_up_names(which)); }))
        (*shared)(error(refused, "resolve", "the names of " + to_string(which)));
}

} // namespace portico::os
