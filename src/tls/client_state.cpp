// client_state: what a client trusts, and its sessions.
#include "client_state.hpp"

#include "settings.hpp"
#include "transport.hpp"

#include <algorithm>
#include <portico/net/resolver.hpp>

namespace portico::inline v0_1::tls {

client_context::client_context(const client_options& options) : state_(std::make_shared<detail::client_state>(options))
{
}

namespace detail {

namespace {

constexpr std::size_t most_sessions = 1'000, most_of_one = 2;

// The peer gives a session: with the handshake (TLS 1.2), or at any time after it.
int on_session(SSL* ssl, SSL_SESSION* session) noexcept
{
    const session_origin* const origin = tls_transport::of(ssl).origin();
    try {
        origin->client->keep_session(origin->key, session_pointer(session));
    } catch (...) {
        SSL_SESSION_up_ref(session); // it was not kept, and is OpenSSL's to free
        return 0;
    }
    return 1;
}

void trust(SSL_CTX& to, const client_options& options)
{
    if (!options.ca_file.empty())
        trust_file(to, options.ca_file);
    if (!options.ca_folder.empty()) {
        if (!bio_pointer(BIO_new_file(options.ca_folder.c_str(), "r")) // which works for a folder, too
            || SSL_CTX_load_verify_dir(&to, options.ca_folder.c_str()) != 1)
            fail_with_file("read CA certificates", options.ca_folder, "it cannot be used");
    }
    if (options.ca_file.empty() && options.ca_folder.empty())
        SSL_CTX_set_default_verify_paths(&to);
    else // what is named is trusted, even if somebody else vouches for it
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(&to), X509_V_FLAG_PARTIAL_CHAIN);
}

} // namespace

client_state::client_state(const client_options& options)
    : context_(make_context(TLS_client_method(), options.least, options.most)),
      pins_(read_pins(options.pinned_public_key)), accepts_any_(options.insecure_skip_verify)
{
    SSL_CTX& made = *context_;
    trust(made, options);
    if (!options.certificate.certificate.empty())
        use_certificate(made, options.certificate);
    const std::string protocols = alpn_list(options.application_protocols);
    if (!protocols.empty()
        && SSL_CTX_set_alpn_protos(&made, reinterpret_cast<const unsigned char*>(protocols.data()),
                                   static_cast<unsigned>(protocols.size())) != 0)
        throw std::bad_alloc();
    SSL_CTX_set_verify(&made, SSL_VERIFY_PEER, tls_transport::on_verify);
    SSL_CTX_set_session_cache_mode(&made, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(&made, on_session);
}

ssl_pointer client_state::open(const std::string& host) const
{
    const auto refuse = [&](const char* why) {
        throw error(errc::malformed, "TLS handshake with", host, phase::none, why);
    };
    std::string name = host;
    if (name.ends_with('.'))
        name.pop_back();
    if (name.empty() || name.front() == '.') // which OpenSSL takes for anybody, and for every host below
        refuse("there is no host to verify the certificate for");
    if (std::ranges::any_of(name, [](char each) { return each <= ' ' || each > '~'; }))
        refuse("the name of the host has characters that no certificate can have");
    ssl_pointer made(check(SSL_new(context_.get())));
    SSL_set_connect_state(made.get());
    X509_VERIFY_PARAM* const expected = SSL_get0_param(made.get());
    X509_VERIFY_PARAM_set_hostflags(expected, name_rules);
    if (parse_ip(name)) { // the zone of an address is not in certificates, and an address in no SNI
        if (X509_VERIFY_PARAM_set1_ip_asc(expected, name.substr(0, name.find('%')).c_str()) != 1)
            refuse("the address of the host is malformed");
    } else if (X509_VERIFY_PARAM_set1_host(expected, name.data(), name.size()) != 1
               || SSL_set_tlsext_host_name(made.get(), name.c_str()) != 1) {
        refuse("the name of the host is malformed");
    }
    return made;
}

session_pointer client_state::take_session(const std::string& key)
{
    const std::scoped_lock lock(mutex_);
    const auto found = places_.find(key);
    if (found == places_.end() || found->second->sessions.empty())
        return {};
    auto& sessions = found->second->sessions;
    if (has_expired(*sessions.back()))
        return {};
    if (SSL_SESSION_get_protocol_version(sessions.back().get()) < TLS1_3_VERSION) {
        SSL_SESSION_up_ref(sessions.back().get());
        return session_pointer(sessions.back().get());
    }
    session_pointer taken = std::move(sessions.back()); // for one connection alone (RFC 8446 appendix C.4)
    sessions.pop_back();
    --kept_;
    return taken;
}

void client_state::keep_session(const std::string& key, session_pointer session)
{
    const std::scoped_lock lock(mutex_);
    auto place = places_.find(key);
    if (place == places_.end()) {
        sessions_.push_back({key, {}});
        place = places_.emplace(key, std::prev(sessions_.end())).first;
    }
    auto& kept = place->second->sessions;
    kept.reserve(most_of_one + 1);
    kept.push_back(std::move(session));
    ++kept_;
    if (kept.size() > most_of_one) {
        kept.erase(kept.begin());
        --kept_;
    }
    sessions_.splice(sessions_.end(), sessions_, place->second);
    while (kept_ > most_sessions || places_.size() > most_sessions) {
        kept_ -= sessions_.front().sessions.size();
        places_.erase(sessions_.front().key);
        sessions_.pop_front();
    }
}

} // namespace detail
} // namespace portico::tls
