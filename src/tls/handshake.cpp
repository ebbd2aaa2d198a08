// handshake: how a connection comes to its TLS.
#include <portico/tls/handshake.hpp>

#include "transport.hpp"

#include <fmt/format.h>
#include <portico/core/deadline.hpp>
#include <portico/tls/certificate_error.hpp>
#include <portico/tls/connection_info.hpp>

namespace portico::inline v0_1::tls {

namespace detail {

namespace {

class shaking_hands final : public timed_operation {
public:
    shaking_hands(tls_transport& with, connection& on, duration timeout)
        : timed_operation(timeout), with_(with), on_(on), alone_(on) {}
    ~shaking_hands() { abandon(); }
    void value() const noexcept {}

private:
    bool attempt() noexcept override
    {
        if (!on_.is_open())
            return fail(errc::closed), true;
        if (&owner() != &on_.owner())
            return fail_misuse(), true;
        const io_result outcome = with_.try_handshake();
        if (outcome.status == io_status::failed)
            fail(outcome.code);
        return outcome.status != io_status::would_block;
    }
    void arm() noexcept override { with_.wait(direction::read, *this); }
    void disarm() noexcept override
    {
        if (on_.is_open())
            with_.abandon(direction::read);
    }
    error describe(std::error_code code) const override
    {
        return {code, "TLS handshake with", with_.target(), code == errc::timed_out ? phase::handshake : phase::none};
    }

    tls_transport& with_;
    const connection& on_;
    const connection::reservation alone_;
};

/// Closes a connection unless its handshake is done, or it is misuse, which does no harm to what is under way.
struct closer {
    explicit closer(connection& which) : peer(which) { const connection::reservation idle(which); }
    closer(const closer&) = delete;
    closer& operator=(const closer&) = delete;

    connection& peer;
    bool is_done = false;
    ~closer()
    {
        if (!is_done)
            peer.abort();
    }
};

// What OpenSSL has promised; looked at again, because everything hangs on it.
bool is_verified(const tls_transport& which, SSL& ssl)
{
    if (SSL_is_init_finished(&ssl) == 0)
        return false;
    const session_origin* const origin = which.origin();
    const bool is_required = origin != nullptr ? !origin->client->accepts_any()
                                               : (SSL_get_verify_mode(&ssl) & SSL_VERIFY_FAIL_IF_NO_PEER_CERT) != 0;
    return !is_required || (SSL_get_verify_result(&ssl) == X509_V_OK && SSL_get0_peer_certificate(&ssl) != nullptr);
}

std::string take_received(connection& peer, const std::string& target, const handshake_options& options)
{
    const std::size_t count = peer.buffered();
    if (count == 0)
        return {};
    if (!options.take_received_bytes)
        throw protocol_error(errc::malformed, "TLS handshake with",
                             fmt::format("{} bytes came in the clear ahead of it", count), target);
    const auto received = peer.try_read_some(count);
    return std::string(received->text());
}

task<> shake_hands(connection& peer, ssl_pointer ssl, std::unique_ptr<handshake_state> state,
                   std::unique_ptr<session_origin> origin, handshake_options options)
{
    std::string received = take_received(peer, state->target, options);
    SSL& made = *ssl;
    auto* const over = new tls_transport(peer.owner(), std::move(ssl), std::move(received), std::move(state),
                                         std::move(origin));
    transport_ptr owned(over);
    over->below = peer.exchange_transport(std::move(owned));

    const auto outcome = co_await as_result(shaking_hands(*over, peer, options.timeout));
    if (outcome && is_verified(*over, made)) {
        over->establish();
        co_return;
    }
    if (!outcome && !over->has_failed()) // late, or closed on this side
        outcome.value();
    const std::shared_ptr<const error> failure = over->handshake_failure();
    if (!peer.is_open())
        failure->raise();
    // In the clear again, to end well: so the peer gets to read our alert.
    peer.exchange_transport(over->give_up());
    try {
        co_await peer.finish();
    } catch (const cancelled&) { // or late: the reason is the one from before
        peer.abort();
    }
    failure->raise();
}

} // namespace
} // namespace detail

task<> handshake(connection& peer, client_context with, std::string host, handshake_options options)
{
    detail::closer guard{peer};
    detail::client_state& client = *with.state();
    const std::uint16_t port = peer.remote_endpoint().port();
    auto origin = std::make_unique<detail::session_origin>(with.state(), fmt::format("{} {}", host, port));
    detail::ssl_pointer ssl = client.open(host);
    SSL& made = *ssl;
    const std::string key = origin->key;
    const detail::session_pointer before = client.take_session(key);
    if (before)
        SSL_set_session(&made, before.get());
    auto state = std::make_unique<detail::handshake_state>(
        host, detail::verification(host, client.pins(), client.accepts_any()));
    co_await detail::shake_hands(peer, std::move(ssl), std::move(state), std::move(origin), options);
    guard.is_done = true;
    // A new ticket for a session of TLS 1.2 that goes on is nothing that OpenSSL tells.
    if (SSL_session_reused(&made) == 1 && SSL_version(&made) < TLS1_3_VERSION && SSL_get_session(&made) != before.get())
        client.keep_session(key, detail::session_pointer(SSL_get1_session(&made)));
}

task<> handshake(connection& peer, server_context with, handshake_options options)
{
    detail::closer guard{peer};
    static const std::vector<std::string> no_pins;
    detail::server_state& server = *with.state();
    server.tickets().advance(peer.owner().now());
    auto state = std::make_unique<detail::handshake_state>(to_string(peer.remote_endpoint()),
                                                           detail::verification({}, no_pins, false));
    state->server = with.state();
    state->shown = server.current();
    detail::ssl_pointer ssl(detail::check(SSL_new(state->shown->contexts.front().get())));
    SSL_set_accept_state(ssl.get());
    co_await detail::shake_hands(peer, std::move(ssl), std::move(state), nullptr, options);
    guard.is_done = true;
}

handler handshaker(server_context with)
{
    return [with = std::move(with)](connection& peer) {
        handshake_options options;
        options.timeout = no_timeout;
        options.take_received_bytes = true; // behind the header of a proxy
        return handshake(peer, with, options);
    };
}

task<connection> connect(address to, client_context with, connect_options options)
{
    if (to.kind() == address::protocol::local)
        throw misuse("tls::connect: a Unix socket has no name to verify");
    context& own = co_await this_context();
    const time_point deadline = add(own.now(), options.timeout);
    const std::string host = to.host();
    connection made = co_await portico::connect(std::move(to), std::move(options));
    handshake_options how;
    how.timeout = time_left(deadline, own.now());
    co_await handshake(made, std::move(with), host, how);
    co_return std::move(made);
}

namespace {

task<> run_secured(connection& peer, client_context with, std::string host, const handler& use,
                   handshake_options options)
{
    co_await handshake(peer, std::move(with), std::move(host), options);
    co_await use(peer);
}

} // namespace

handler secured(client_context with, std::string host, handler use, handshake_options options)
{
    return [with = std::move(with), host = std::move(host), use = std::move(use), options](connection& peer) {
        return run_secured(peer, with, host, use, options);
    };
}

std::optional<connection_info> info(const connection& peer)
{
    const auto* const transport = dynamic_cast<const detail::tls_transport*>(peer.current_transport());
    SSL* const ssl = transport == nullptr || !peer.is_open() ? nullptr : transport->established();
    if (ssl == nullptr)
        return std::nullopt;
    connection_info found;
    found.version = SSL_version(ssl) == TLS1_2_VERSION ? protocol_version::tls1_2 : protocol_version::tls1_3;
    found.cipher = SSL_get_cipher_name(ssl);
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl, &protocol, &size);
    found.application_protocol.assign(reinterpret_cast<const char*>(protocol), size);
    if (const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name))
        found.server_name = name;
    found.resumed = SSL_session_reused(ssl) == 1;
    if (X509* const shown = SSL_get0_peer_certificate(ssl))
        found.peer = detail::describe(*shown);
    return found;
}

} // namespace portico::tls
