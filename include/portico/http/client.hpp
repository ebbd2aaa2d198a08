// http::client: requests by URL, over connections that are kept; redirects, credentials, cookies, proxies, encodings.
#pragma once

#include <memory>
#include <optional>
#include <portico/http/cookie_jar.hpp>
#include <portico/http/exchange.hpp>
#include <portico/http/login.hpp>
#include <portico/http/proxy.hpp>
#include <portico/net/connector.hpp>
#include <portico/tls/client_context.hpp>
#include <string>
#include <vector>

namespace portico::inline v0_1::http {

/// How a client reaches servers, and what it keeps.
struct client_options {
    client_options();

    std::size_t connections = 64;        ///< at a time, in all; a request waits for one
    std::size_t connections_per_host = 6; ///< the same, to one origin through one proxy
    duration idle_timeout = std::chrono::seconds(60); ///< how long a connection is kept that nobody uses
    duration connect_timeout = std::chrono::seconds(30); ///< for look-up, connection, the proxy's answer and TLS
    duration timeout = std::chrono::seconds(60); ///< for each read and write, see `connection::timeout`
    limits most;                         ///< of a response
    std::string user_agent;              ///< `portico/` and its version; empty: the field is not sent
    tls::client_options tls;             ///< trust and own certificate; `application_protocols` is `http/1.1`
    tls::client_options proxy_tls;       ///< the same for a proxy that is reached by https
    proxy_settings proxies;              ///< none by default; `proxy_settings::from_environment` is the user's choice
    /// The text of a .netrc file: the login for a host where neither the request nor the URL names one.
    std::optional<std::string> netrc;
    resolve_query::family only = resolve_query::family::any; ///< which addresses of a name are tried
    /// The addresses of hosts that are not to be looked up, where a SOCKS5 proxy is given an address; none: looked up.
    unique_function<std::vector<endpoint>(const address& which)> known_addresses;
    /// Makes a connection to a host or a proxy; null: `portico::connect`. What it calls outlives the client.
    unique_function<task<connection>(address to, connect_options options)> connect;
    /// Is told of each request before it is sent, those to a proxy for a tunnel included. It may hold passwords.
    unique_function<void(const request& asked)> on_request;
};

/// Which schemes a login may be used for. Basic gives the password away to whoever asks for it; by itself it is sent
/// unasked, to spare an exchange. Digest answers a challenge with hashes.
enum class authentication : unsigned char { basic, digest, any };

/// What is asked for, beside the URL, and how far the client goes.
class request_options {
public:
    request_options() = default;

    std::string method = "GET";  ///< without content: GET, HEAD, OPTIONS ...
    portico::fields fields;      ///< in place of the client's own fields of the same name, or beside them
    std::vector<std::string> without; ///< names of the client's own fields that are not sent
    bool http10 = false;         ///< says HTTP/1.0
    std::string target;          ///< in place of path and query of the first URL, such as one with dot segments
    response_options parsing;    ///< what of a response's framing is taken otherwise
    bool follow_redirects = true; ///< else a redirect is an answer like others
    unsigned redirects = 50;     ///< at most; more is an `error` with `errc::limit_exceeded`, operation `redirect`
    bool allow_downgrade = false; ///< follows from https to http, which lets others read and change what comes
    bool refer_redirects = false; ///< a redirect is followed with a Referer: the URL that led there
    /// Credentials go to whatever origin a redirect leads to.
    bool trust_redirects = false;
    std::optional<http::login> login; ///< for the origin of the URL; it goes before one in the URL
    authentication scheme = authentication::basic; ///< for the login
    std::string bearer;          ///< a token (RFC 6750), in place of a login
    bool tunnel = false;         ///< by CONNECT through an HTTP proxy, also where the URL is not https
    authentication proxy_scheme = authentication::basic; ///< for that of the proxy
    bool decode = false;         ///< asks for a content coding and removes it: gzip, deflate, br, zstd
    std::uint64_t most_bytes = UINT64_MAX; ///< of the body, decoded; more is `errc::limit_exceeded`
    pace speed;                  ///< of the body
};

/// What became of a request.
class response_facts {
public:
    response_facts() = default;

    std::string effective_url;   ///< the last one, behind redirects, without userinfo
    int status = 0;              ///< of the last answer
    unsigned redirects = 0;      ///< followed
    unsigned connections = 0;    ///< made for it
    endpoint remote;             ///< of the last connection
    endpoint local;              ///< the same, of this side
    duration connected{};        ///< from the beginning until the last connection was made
    duration secured{};          ///< the same, until its handshake of TLS was done
    duration first_byte{};       ///< the same, until the head of a response came
};

/// Requests by URL. It keeps connections for further requests, cookies for as long as it lives, and what servers
/// resume their TLS sessions by. Used in one context, which outlives it; requests may run at the same time, up to its
/// limits. It outlives what it is asked for.
class client {
public:
    explicit client(client_options options = {}); ///< connects to nobody yet
    client(client&&) noexcept;            ///< takes the other one's place, where it has no request
    client& operator=(client&&) noexcept; ///< the same
    ~client(); ///< closes the connections that it keeps

    /// Asks for what the URL names (http or https) and gives the response to `into`, as `exchange` does; redirects are
    /// followed, logins used, cookies sent and kept, codings removed, as the options say. A kept connection that turns
    /// out to be closed before a byte of the response has come is replaced once, where the method is safe (RFC 9110
    /// section 9.2.1). Any final status is a success: `into` may throw (`check_success`).
    /// Fails with `error`: of operation `parse URL`, `resolve`, `connect to`, `TLS handshake with`, `redirect`,
    /// `read response`, `decode response`, `connect through proxy`, and those of the connection; what is cancelled or
    /// fails in the middle costs its connection.
    task<response_facts> get(url from, request_options how, receiver& into);
    task<response_facts> get(url from, receiver& into) { return get(std::move(from), {}, into); } ///< the same

    /// What servers have had it keep; may be filled and saved.
    cookie_jar& cookies() noexcept;
    /// How many connections there are, idle ones included.
    std::size_t connections() const noexcept;
    /// Closes connections that nobody uses.
    void close_idle() noexcept;

private:
    class implementation;
    std::unique_ptr<implementation> self_;
};

} // namespace portico::http
