// memory_backend: names, and connects that may take their time.
#include <portico/memory/memory_backend.hpp>

#include "listener.hpp"
#include "stream.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <iterator>
#include <netdb.h>
#include <portico/net/resolver.hpp>

namespace portico::inline v0_1 {

namespace {

std::error_code system_error_of(int number)
{
    return {number, std::system_category()};
}

std::error_code resolver_error_of(int number)
{
    return {number, resolver_category()};
}

bool is_asked_for(const endpoint& which, resolve_query::family only) noexcept
{
    return only == resolve_query::family::any
        || (only == resolve_query::family::ipv4) == (which.family() == endpoint::family::ipv4);
}

} // namespace

void memory_backend::add_host(const std::string& name, std::vector<endpoint> addresses)
{
    hosts_[name] = std::move(addresses);
}

void memory_backend::delay_answers(const std::string& name, resolve_query::family which, duration after)
{
    slow_answers_[{name, which}] = after;
}

void memory_backend::delay_connects(const endpoint& to, duration after, int system_error)
{
    slow_connects_[to] = {after, system_error};
}

/// Hands the far end of a new connection to the listener there; an errno value where none takes it.
int memory_backend::offer(const endpoint& to, transport_ptr& far)
{
    int code = ECONNREFUSED;
    for (memory::listener* const each : listeners_)
        if (each->takes(to)) {
            if (each->has_room())
                return each->add(std::move(far)), 0;
            code = to.family() == endpoint::family::local ? EAGAIN : code;
        }
    return code;
}

result<transport_ptr> memory_backend::connect(const endpoint& to, const connect_options& options)
{
    connects_.push_back({to, now_});
    endpoint here = options.source.family() == endpoint::family::none ? source_for(to) : options.source;
    if (here.is_ip() && here.port() == 0)
        here.port(free_port());
    auto [near, far] = memory::connect(link_, here, to);
    const auto slow = slow_connects_.find(to);
    if (slow == slow_connects_.end()) {
        if (const int code = offer(to, far))
            return error(system_error_of(code), "connect to", to_string(to));
        return std::move(near);
    }
    static_cast<memory::stream&>(*near).await_answer();
    const auto held = std::make_shared<transport_ptr>(std::move(far));
    call_after(slow->second.after, [this, to, held, code = slow->second.system_error] {
        auto& there = static_cast<memory::stream&>(**held);
        if (there.is_awaited())
            there.answer(code != 0 ? code : offer(to, *held));
    });
    return std::move(near);
}

void memory_backend::answer(const resolve_query& query, result<std::vector<endpoint>> found, resolved done)
{
    auto tell = [found = std::move(found), done = std::move(done)] { done(found); };
    const auto slow = slow_answers_.find({query.host, query.only});
    if (slow == slow_answers_.end())
        poster()(std::move(tell));
    else
        call_after(slow->second, std::move(tell));
}

void memory_backend::resolve(const resolve_query& query, resolved done)
{
    const auto unknown = [&](int code) {
        answer(query, error(resolver_error_of(code), "resolve", query.host), std::move(done));
    };
    std::uint16_t port = 0;
    const auto [end, code] = std::from_chars(query.service.data(), query.service.data() + query.service.size(), port);
    if (code != std::errc() || end != query.service.data() + query.service.size()) {
        const auto service = services_.find(query.service);
        if (service == services_.end())
            return unknown(EAI_SERVICE);
        port = service->second;
    }
    if (const auto literal = parse_ip(query.host, port))
        return answer(query, std::vector{*literal}, std::move(done));
    std::vector<endpoint> addresses;
    if (const auto found = hosts_.find(query.host); found != hosts_.end())
        std::ranges::copy_if(found->second, std::back_inserter(addresses),
                             [&](const endpoint& each) { return is_asked_for(each, query.only); });
    if (addresses.empty())
        return unknown(EAI_NONAME);
    for (endpoint& each : addresses)
        each.port(port);
    answer(query, std::move(addresses), std::move(done));
}

void memory_backend::resolve_names(const endpoint& which, unique_function<void(result<resolved_names>)> done)
{
    for (const auto& [name, addresses] : hosts_)
        for (endpoint each : addresses) {
            each.port(which.port());
            if (!name.empty() && each == which)
                return poster()([names = resolved_names{name, std::to_string(which.port())}, done = std::move(done)] {
                    done(names);
                });
        }
    const resolved_names numbers{address_text(which), std::to_string(which.port())};
    poster()([numbers, done = std::move(done)] { done(numbers); });
}

endpoint memory_backend::source_for(const endpoint& to) noexcept
{
    if (!to.is_ip())
        return endpoint::local({});
    if (!to.is_loopback())
        return to.family() == endpoint::family::ipv6 ? endpoint::ipv6({0x20, 0x01, 0x0d, 0xb8}, 0)
                                                     : endpoint::ipv4({192, 0, 2, 1}, 0);
    endpoint same = to;
    same.port(0);
    return same;
}

} // namespace portico
