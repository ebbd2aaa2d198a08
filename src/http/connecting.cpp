// connecting: see connecting.hpp.
#include "http/connecting.hpp"

#include <portico/core/deadline.hpp>
#include <portico/net/resolver.hpp>
#include <portico/tls/handshake.hpp>
#include <portico/wire/text.hpp>
#include <utility>

namespace portico::inline v0_1::http {

namespace {

std::string host_and_port(const std::string& host, std::uint16_t port)
{
    return (host.find(':') == host.npos ? host : '[' + host + ']') + ':' + std::to_string(port);
}

/// The head of the answer to CONNECT; nothing behind it is read, as it belongs to whoever is behind the proxy.
task<response_head> ask(connection& proxy, const request& what, const limits& most)
{
    const std::string text = what.serialise();
    co_await proxy.write(text);
    response_parser parser("CONNECT", most);
    for (;;) {
        auto line = co_await proxy.read_until("\n", most.line_bytes);
        bytes input = line ? *line : bytes();
        if (!line)
            parser.finish();
        while (!input.empty())
            if (parser.next(input) == response_parser::event::head)
                co_return parser.head();
    }
}

bool is_encrypted(const route& way)
{
    return way.via && way.via->scheme() == proxy::scheme::https;
}

} // namespace

route::route(const url& to, std::optional<proxy> through, bool in_tunnel)
    : scheme(to.scheme()), host(to.host()), port(to.port().value()), via(std::move(through)),
      tunnel(is_http() && (in_tunnel || scheme == "https"))
{}

std::string route::name() const
{
    std::string result = is_asked_of_proxy() ? "http:" : scheme + "://" + host_and_port(host, port);
    if (via) {
        result += ' ' + to_string(*via);
        if (via->login())
            result += ' ' + via->login()->user + ' ' + via->login()->password;
    }
    return result;
}

task<connection> connector::reach(address to, connect_options how)
{
    if (options.connect)
        co_return co_await options.connect(std::move(to), std::move(how));
    co_return co_await portico::connect(std::move(to), std::move(how));
}

task<connection> connector::reach_origin(const route& way, time_point deadline)
{
    context& own = co_await this_context();
    connect_options how;
    how.timeout = time_left(deadline, own.now());
    how.only = options.only;
    if (!way.via)
        co_return co_await reach(tcp(way.host, way.port), std::move(how));
    const address where = way.via->where();
    if (way.is_http())
        co_return co_await reach(where, std::move(how));
    const login who = way.via->login().value_or(login());
    how.socks5 = way.via->login() ? socks5_proxy(where, who.user, who.password) : socks5_proxy(where);
    if (way.via->scheme() == proxy::scheme::socks5h)
        co_return co_await reach(tcp(way.host, way.port), std::move(how));
    std::vector<endpoint> found;
    if (options.known_addresses)
        found = options.known_addresses(tcp(way.host, way.port));
    if (found.empty())
        found = co_await with_deadline(how.timeout, resolve(tcp(way.host, way.port), options.only));
    std::shared_ptr<const error> failure;
    for (const endpoint& each : found) {
        connect_options again = how;
        again.timeout = time_left(deadline, own.now());
        auto made = co_await as_result(reach(tcp(address_text(each), way.port), std::move(again)));
        if (made)
            co_return std::move(*made);
        failure = made.error().clone();
    }
    if (failure == nullptr)
        throw error(std::make_error_code(std::errc::address_not_available), "connect to", host_and_port(way.host, way.port));
    failure->raise();
}

/// `again`: the proxy wants to know who asks, on another connection.
task<> connector::open_tunnel(connection& through, const route& way, authenticator& login, bool& again)
{
    const std::string target = host_and_port(way.host, way.port);
    request asking("CONNECT", target);
    asking.fields().add("Host", target);
    if (auto value = login.field("CONNECT", target, through.owner().backend()))
        asking.fields().add("Proxy-Authorization", std::move(*value));
    if (!options.user_agent.empty())
        asking.fields().add("User-Agent", options.user_agent);
    if (options.on_request)
        options.on_request(asking);
    const response_head head = co_await ask(through, asking, options.most);
    if (head.status >= 200 && head.status < 300)
        co_return;
    again = head.status == 407 && login.learn(head.fields);
    if (!again)
        throw reply_error(head.status, "connect through proxy",
                          "it answered " + std::to_string(head.status) + ' ' + text::escape(head.reason),
                          to_string(*way.via));
}

task<connection> connector::connect(route way, authenticator& proxy_login, response_facts& facts, time_point begin)
{
    context& own = co_await this_context();
    const time_point deadline = add(own.now(), options.connect_timeout);
    // What is wrong with its files is found before anyone is asked.
    if (way.scheme == "https" && !trust)
        trust.emplace(options.tls);
    if (is_encrypted(way) && !proxy_trust)
        proxy_trust.emplace(options.proxy_tls);
    for (;;) {
        connection made = co_await reach_origin(way, deadline);
        facts.connected = own.now() - begin;
        facts.remote = made.remote_endpoint();
        facts.local = made.local_endpoint();
        ++facts.connections;
        tls::handshake_options how;
        if (is_encrypted(way)) {
            how.timeout = time_left(deadline, own.now());
            co_await tls::handshake(made, *proxy_trust, way.via->host(), how);
        }
        bool again = false;
        if (way.tunnel)
            co_await with_deadline(time_left(deadline, own.now()), open_tunnel(made, way, proxy_login, again));
        if (again)
            continue;
        if (way.scheme == "https") {
            how.timeout = time_left(deadline, own.now());
            co_await tls::handshake(made, *trust, way.host, how);
            facts.secured = own.now() - begin;
        }
        made.timeout(options.timeout);
        co_return made;
    }
}

} // namespace portico::http
