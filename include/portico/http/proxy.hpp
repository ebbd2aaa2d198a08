// proxy: through whom a URL is fetched, as curl's options and the environment say it.
#pragma once

#include <cstdint>
#include <optional>
#include <portico/core/function.hpp>
#include <portico/http/login.hpp>
#include <portico/net/endpoint.hpp>
#include <portico/wire/url.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace portico::inline v0_1::http {

/// A proxy: how to speak to it, where it is, and who asks.
class proxy {
public:
    /// How to speak to it.
    enum class scheme : std::uint8_t {
        http,   ///< HTTP in the clear; for https a tunnel (CONNECT)
        https,  ///< the same over TLS
        socks5, ///< RFC 1928; the host is looked up here
        socks5h ///< RFC 1928; the proxy looks it up
    };

    /// Reads `[SCHEME://][USER[:PASSWORD]@]HOST[:PORT]`, with user and password percent-encoded; a path behind it is
    /// ignored. Without a scheme it is http; the default port is 1080, for https 443, as curl has it. Throws `error`
    /// (`errc::malformed`) that does not show the password.
    static proxy parse(std::string_view text);

    enum scheme scheme() const noexcept { return scheme_; } ///< how to speak to it
    const std::string& host() const noexcept { return where_.host(); } ///< a name, or an address without brackets
    std::uint16_t port() const noexcept { return where_.port(); }      ///< where it listens
    const address& where() const noexcept { return where_; }           ///< host and port
    const std::optional<http::login>& login() const noexcept { return login_; } ///< who asks; none for nobody
    void login(http::login who) { login_ = std::move(who); }                    ///< sets it

    /// Without user and password, as `parse` reads it: `http://localhost:3128`.
    friend std::string to_string(const proxy& which);

private:
    proxy(enum scheme kind, address where) : where_(std::move(where)), scheme_(kind) {}

    address where_;
    std::optional<http::login> login_;
    enum scheme scheme_;
};

/// Without user and password.
std::string to_string(const proxy& which);

/// Which proxy is for which URL: none, unless it is told.
class proxy_settings {
public:
    /// The value of a variable of the environment, or null: `std::getenv` can be given.
    using environment = unique_function<const char*(const char* name)>;

    /// What curl's variables say: `http_proxy` for http; `https_proxy` or `HTTPS_PROXY` for https; `all_proxy` or
    /// `ALL_PROXY` for both, where there is none of these; and `no_proxy` or `NO_PROXY`. Lower case goes before upper,
    /// and an empty variable is none. `HTTP_PROXY` is not read: a CGI script has the Proxy field of its request in it,
    /// and so who asks could choose the proxy.
    static proxy_settings from_environment(const environment& look_up);

    /// For all URLs this proxy, as `proxy::parse` reads it; empty for none. Throws as that does.
    void use(std::string_view proxy);

    /// The hosts that no proxy is asked for, in place of those that were set before: names with commas or blanks
    /// between, or `*` for all. `example.com`, `.example.com` and `*.example.com` are that name and all below it; an IP
    /// address is that address, and with `/BITS` behind it all that begin with the same bits. A port limits it to that
    /// port (`example.com:8080`, `[::1]:8080`). What is nothing of that matches nothing.
    void no_proxy(std::string_view list) { no_proxy_ = list; }

    /// The proxy for an http or https URL, or none. Throws `error` (`errc::malformed`) where the variable that says it
    /// cannot be read.
    std::optional<proxy> for_url(const url& which) const;

private:
    bool is_excepted(const url& which) const;

    std::string for_http_, for_https_, no_proxy_; // as they came: who needs no proxy need not have a good one
};

} // namespace portico::http
