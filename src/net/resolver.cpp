// resolve: addresses in text form here, names through the backend.
#include "resolver.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <netdb.h>
#include <portico/wire/text.hpp>

namespace portico::inline v0_1 {

std::optional<endpoint> parse_ip(std::string_view text, std::uint16_t port)
{
    if (text.find('\0') != text.npos)
        return {};
    std::uint32_t zone = 0;
    const std::size_t percent = text.find('%');
    if (percent != text.npos) {
        const std::string_view digits = text.substr(percent + 1);
        const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), zone);
        if (digits.empty() || code != std::errc() || end != digits.data() + digits.size())
            return {};
        text = text.substr(0, percent);
    }
    const std::string literal(text);
    std::array<std::uint8_t, 16> six;
    if (inet_pton(AF_INET6, literal.c_str(), six.data()) == 1)
        return endpoint::ipv6(six, port, zone);
    std::array<std::uint8_t, 4> four;
    if (percent == text.npos && inet_pton(AF_INET, literal.c_str(), four.data()) == 1)
        return endpoint::ipv4(four, port);
    return {};
}

namespace {

class category final : public std::error_category {
public:
    const char* name() const noexcept override { return "portico.resolver"; }
    std::string message(int value) const override { return gai_strerror(value); }
};

} // namespace

const std::error_category& resolver_category() noexcept
{
    static const category instance;
    return instance;
}

namespace {

error unresolved(const std::string& host, std::error_code code, std::string detail = {})
{
    return {code, "resolve", text::escape(host), phase::none, std::move(detail)};
}

/// An address in text form, whose zone may be the name of an interface; none where it is a name.
std::optional<result<endpoint>> literal(backend& outside, const std::string& host, std::uint16_t port)
{
    if (const std::optional<endpoint> found = parse_ip(host, port))
        return *found;
    const std::size_t percent = host.find('%');
    if (percent == host.npos)
        return {};
    std::optional<endpoint> found = parse_ip(host.substr(0, percent), port);
    if (!found || found->family() != endpoint::family::ipv6)
        return {};
    const std::string_view zone = std::string_view(host).substr(percent + 1);
    const auto interfaces = outside.interfaces();
    if (!interfaces)
        return interfaces.error();
    for (const network_interface& each : *interfaces)
        if (each.name == zone) {
            found->scope_id(each.index);
            return *found;
        }
    return unresolved(host, std::make_error_code(std::errc::no_such_device), "there is no interface of this name");
}

bool is_of(const endpoint& which, resolve_query::family only) noexcept
{
    return only == resolve_query::family::any
        || (only == resolve_query::family::ipv4) == (which.family() == endpoint::family::ipv4);
}

} // namespace

std::string_view detail::fault_of_name(std::string_view host) noexcept
{
    if (std::ranges::any_of(host, text::is_control))
        return "a name has no control characters";
    if (host.ends_with('.'))
        host.remove_suffix(1);
    if (host.size() > 253)
        return "a name has at most 253 bytes";
    for (std::size_t begin = 0; begin <= host.size();) {
        const std::size_t length = host.substr(begin, host.find('.', begin) - begin).size();
        if (length == 0 || length > 63)
            return "the parts of a name between its dots have 1 to 63 bytes";
        begin += length + 1;
    }
    return {};
}

// Out of line, with all that they bring: compile time of every program that connects.
resolving::resolving(address where, resolve_query::family only) noexcept : where_(std::move(where)), only_(only) {}

resolving::~resolving() = default;

resolving_names::resolving_names(const endpoint& which) noexcept : which_(which) {}

resolving_names::~resolving_names() = default;

resolving resolve(address where, resolve_query::family only)
{
    return {std::move(where), only};
}

resolving_names resolve_names(const endpoint& which)
{
    return resolving_names(which);
}

void resolving::begin()
{
    const std::string& host = where_.host();
    if (where_.kind() == address::protocol::local) {
        try {
            return answer(std::vector{endpoint::local(host)});
        } catch (const error& failure) {
            return answer(failure);
        }
    }
    std::string asked_for = host;
    if (const auto found = literal(owner().backend(), host, where_.port())) {
        if (!*found)
            return answer(found->error());
        if (!is_of(**found, only_))
            return answer(unresolved(host, std::error_code(EAI_ADDRFAMILY, resolver_category())));
        if (where_.service().empty())
            return answer(std::vector{**found});
        asked_for = address_text(**found);
    } else if (const std::string_view fault = detail::fault_of_name(host); !host.empty() && !fault.empty())
        return answer(unresolved(host, errc::malformed, std::string(fault)));
    if (where_.service().find('\0') != std::string::npos)
        return answer(unresolved(where_.service(), errc::malformed, "the name of a service has no NUL"));
    const resolve_query query(std::move(asked_for),
                              where_.service().empty() ? std::to_string(where_.port()) : where_.service(), only_,
                              where_.kind() == address::protocol::udp);
    owner().backend().resolve(query, asked());
}

std::string resolving::subject() const
{
    return text::escape(where_.host());
}

void resolving_names::begin()
{
    if (!which_.is_ip())
        return answer(error(std::make_error_code(std::errc::address_family_not_supported), "resolve", subject()));
    owner().backend().resolve_names(which_, asked());
}

std::string resolving_names::subject() const
{
    return "the names of " + to_string(which_);
}

std::string host_name(context& own)
{
    return own.backend().host_name().value();
}

std::vector<network_interface> interfaces(context& own)
{
    return own.backend().interfaces().value();
}

} // namespace portico
