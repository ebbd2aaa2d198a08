// proxy: reading proxies and the exceptions from them. What cannot be read is shown without what may be a password.
#include <portico/http/proxy.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <portico/error.hpp>
#include <portico/net/network.hpp>
#include <portico/net/resolver.hpp>
#include <portico/wire/text.hpp>

namespace portico::inline v0_1::http {

namespace {

constexpr std::string_view names[] = {"http", "https", "socks5", "socks5h"}; // as the enumerators of proxy::scheme

[[noreturn]] void malformed(std::string_view text, std::string why)
{
    text.remove_prefix(text.rfind('@') + 1);
    throw error(errc::malformed, "parse proxy", text::escape(text), phase::none, std::move(why));
}

/// The first variable of these that is there and not empty.
std::string first_of(const proxy_settings::environment& look_up, std::initializer_list<const char*> variables)
{
    for (const char* const name : variables)
        if (const char* const value = look_up(name); value != nullptr && *value != '\0')
            return value;
    return {};
}

/// The address, or the addresses, that an element of no_proxy is.
std::optional<network> network_of(std::string_view element)
{
    const std::size_t slash = std::min(element.find('/'), element.size());
    const std::optional<endpoint> address = parse_ip(element.substr(0, slash));
    if (!address)
        return std::nullopt;
    auto bits = static_cast<unsigned>(8 * address->address().size());
    if (slash < element.size()) {
        const std::string_view number = element.substr(slash + 1);
        unsigned given = 0;
        const auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), given);
        if (failure != std::errc() || end != number.data() + number.size() || given > bits)
            return std::nullopt;
        bits = given;
    }
    return network::containing(*address, bits);
}

/// Cuts the port off an element of no_proxy, and the brackets; whether it is this port, or none.
bool is_for_port(std::string_view& element, std::uint16_t port)
{
    std::string_view behind;
    if (element.starts_with('[')) {
        const std::size_t end = std::min(element.find(']'), element.size());
        behind = element.substr(std::min(end + 1, element.size()));
        element = element.substr(1, end - 1);
    } else if (std::ranges::count(element, ':') == 1) {
        behind = element.substr(element.find(':'));
        element.remove_suffix(behind.size());
    }
    return behind.empty() || behind == ':' + std::to_string(port);
}

std::string_view without_last_dot(std::string_view name)
{
    name.remove_suffix(name.ends_with('.') ? 1 : 0);
    return name;
}

bool is_below(std::string_view host, std::string_view domain)
{
    domain.remove_prefix(domain.starts_with("*.") ? 2 : domain.starts_with('.') ? 1 : 0);
    domain = without_last_dot(domain);
    if (domain.empty() || domain.size() > host.size())
        return false;
    const std::string_view above = host.substr(0, host.size() - domain.size());
    return (above.empty() || above.ends_with('.')) && text::equals_ignoring_case(host.substr(above.size()), domain);
}

} // namespace

proxy proxy::parse(std::string_view text)
{
    text = text::trim(text);
    const std::size_t mark = text.find("://");
    const std::string_view name = mark == text.npos ? names[0] : text.substr(0, mark);
    const auto found = std::ranges::find_if(
        names, [name](std::string_view each) { return text::equals_ignoring_case(each, name); });
    if (found == std::end(names))
        malformed(text, "its scheme is not http, https, socks5 or socks5h");
    const auto kind = static_cast<enum scheme>(found - std::begin(names));
    try {
        // Under a scheme of which `url` knows no default port.
        const url where("proxy://" + std::string(mark == text.npos ? text : text.substr(mark + 3)));
        if (where.host().empty())
            malformed(text, "it names no host");
        proxy made(kind, tcp(where.host(), where.port().value_or(kind == scheme::https ? 443 : 1080)));
        if (!where.userinfo().value_or("").empty())
            made.login_.emplace(where.user(), where.password());
        return made;
    } catch (const error& failure) {
        if (failure.operation() == "parse proxy")
            throw;
        malformed(text, "it is not [SCHEME://][USER[:PASSWORD]@]HOST[:PORT]"); // its own words might show the password
    }
}

std::string to_string(const proxy& which)
{
    return std::string(names[static_cast<std::size_t>(which.scheme_)]) + "://" + to_string(which.where_);
}

proxy_settings proxy_settings::from_environment(const environment& look_up)
{
    proxy_settings made;
    made.for_http_ = first_of(look_up, {"http_proxy", "all_proxy", "ALL_PROXY"});
    made.for_https_ = first_of(look_up, {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
    made.no_proxy_ = first_of(look_up, {"no_proxy", "NO_PROXY"});
    return made;
}

void proxy_settings::use(std::string_view proxy)
{
    if (!proxy.empty())
        (void)proxy::parse(proxy);
    for_http_ = for_https_ = proxy;
}

std::optional<proxy> proxy_settings::for_url(const url& which) const
{
    const bool secure = which.scheme() == "https";
    if (!secure && which.scheme() != "http")
        return std::nullopt;
    const std::string& text = secure ? for_https_ : for_http_;
    if (text.empty() || is_excepted(which))
        return std::nullopt;
    return proxy::parse(text);
}

bool proxy_settings::is_excepted(const url& which) const
{
    std::string_view host = without_last_dot(which.host());
    host = host.substr(0, host.find('%')); // without its zone
    const std::optional<endpoint> address = parse_ip(host);
    const std::uint16_t port = which.port().value_or(0);
    constexpr std::string_view separators = ", \t\r\n";
    for (std::string_view rest = no_proxy_; !rest.empty();) {
        std::string_view element = rest.substr(0, rest.find_first_of(separators));
        rest.remove_prefix(std::min(element.size() + 1, rest.size()));
        if (element == "*")
            return true;
        if (!is_for_port(element, port))
            continue;
        if (address) {
            if (const std::optional<network> among = network_of(element); among && among->contains(*address))
                return true;
        } else if (is_below(host, element)) {
            return true;
        }
    }
    return false;
}

} // namespace portico::http
