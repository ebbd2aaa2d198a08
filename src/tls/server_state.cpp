// server_state: certificates by name, and what is asked of clients.
#include "server_state.hpp"

#include "settings.hpp"
#include "transport.hpp"

namespace portico::inline v0_1::tls {

server_context::server_context(const server_options& options) : state_(std::make_shared<detail::server_state>(options))
{
}

void server_context::reload() const
{
    state_->reload();
}

namespace detail {

namespace {

int on_server_name(SSL* ssl, int*, void*) noexcept
{
    const handshake_state* const state = tls_transport::of(ssl).handshaking();
    const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (state == nullptr || name == nullptr)
        return SSL_TLSEXT_ERR_NOACK;
    SSL_set_SSL_CTX(ssl, &state->shown->of(name));
    return SSL_TLSEXT_ERR_OK;
}

int on_protocols(SSL* ssl, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                 unsigned offered_size, void*) noexcept
{
    const handshake_state* const state = tls_transport::of(ssl).handshaking();
    const std::string& ours = state->shown->application_protocols;
    unsigned char* found = nullptr;
    if (SSL_select_next_proto(&found, size, reinterpret_cast<const unsigned char*>(ours.data()),
                              static_cast<unsigned>(ours.size()), offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
              int is_new) noexcept
{
    const handshake_state* const state = tls_transport::of(ssl).handshaking();
    return state == nullptr ? -1 : state->server->tickets().on_ticket(name, iv, cipher, mac, is_new == 1);
}

// Nobody goes on by a certificate that has expired meanwhile (RFC 8446 section 4.6.1).
SSL_TICKET_RETURN on_opened_ticket(SSL* ssl, SSL_SESSION* session, const unsigned char*, std::size_t,
                                   SSL_TICKET_STATUS status, void*) noexcept
{
    if ((status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) || has_expired(*session))
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    // With TLS 1.3 each ticket is for one connection, which gets a new one.
    const bool is_kept = status == SSL_TICKET_SUCCESS && SSL_version(ssl) < TLS1_3_VERSION;
    return is_kept ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

// A session from a time when other clients were trusted is not resumed.
void set_session_origin(SSL_CTX& of, client_certificates clients)
{
    const std::unique_ptr<EVP_MD_CTX, deleter<EVP_MD_CTX_free>> hash(check(EVP_MD_CTX_new()));
    EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr);
    EVP_DigestUpdate(hash.get(), &clients, sizeof clients);
    const STACK_OF(X509_OBJECT)* const trusted = X509_STORE_get0_objects(SSL_CTX_get_cert_store(&of));
    for (int i = 0; i < sk_X509_OBJECT_num(trusted); ++i)
        if (X509* const each = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(trusted, i))) {
            unsigned char digest[EVP_MAX_MD_SIZE];
            unsigned size = 0;
            X509_digest(each, EVP_sha256(), digest, &size);
            EVP_DigestUpdate(hash.get(), digest, size);
        }
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(hash.get(), digest, &size);
    SSL_CTX_set_session_id_context(&of, digest, size);
}

void ask_clients(SSL_CTX& of, const server_options& options)
{
    if (options.clients == client_certificates::none)
        return;
    if (options.client_ca_file.empty())
        throw error(errc::malformed, "set up TLS", {}, phase::none,
                    "clients are asked for certificates, and there is no file of those who vouch for them");
    trust_file(of, options.client_ca_file);
    SSL_CTX_set_client_CA_list(&of, SSL_load_client_CA_file(options.client_ca_file.c_str()));
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(&of), X509_V_FLAG_PARTIAL_CHAIN);
    const int required = options.clients == client_certificates::required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_CTX_set_verify(&of, SSL_VERIFY_PEER | required, tls_transport::on_verify);
}

} // namespace

credentials::credentials(const server_options& options)
    : application_protocols(alpn_list(options.application_protocols))
{
    if (options.certificates.empty())
        throw error(errc::malformed, "set up TLS", {}, phase::none, "a server needs a certificate");
    contexts.reserve(options.certificates.size());
    for (const certificate_files& each : options.certificates) {
        contexts.push_back(make_context(TLS_server_method(), options.least, options.most));
        SSL_CTX& made = *contexts.back();
        use_certificate(made, each);
        ask_clients(made, options);
        set_session_origin(made, options.clients);
        SSL_CTX_set_session_cache_mode(&made, SSL_SESS_CACHE_OFF); // tickets alone
        SSL_CTX_set_timeout(&made, static_cast<long>(options.ticket_key_lifetime.count()));
        SSL_CTX_set_tlsext_ticket_key_evp_cb(&made, on_ticket);
        SSL_CTX_set_session_ticket_cb(&made, nullptr, on_opened_ticket, nullptr);
        SSL_CTX_set_tlsext_servername_callback(&made, on_server_name);
        if (!application_protocols.empty())
            SSL_CTX_set_alpn_select_cb(&made, on_protocols, nullptr);
    }
}

SSL_CTX& credentials::of(const char* name) const noexcept
{
    for (const ssl_context_pointer& each : contexts)
        if (X509_check_host(SSL_CTX_get0_certificate(each.get()), name, 0, name_rules, nullptr) == 1)
            return *each;
    return *contexts.front();
}

server_state::server_state(const server_options& options)
    : options_(options), tickets_(options.ticket_key_lifetime, ticket_keys::make_secret()),
      current_(std::make_shared<const credentials>(options))
{
}

std::shared_ptr<const credentials> server_state::current() const
{
    const std::scoped_lock lock(mutex_);
    return current_;
}

void server_state::reload()
{
    auto made = std::make_shared<const credentials>(options_);
    const std::scoped_lock lock(mutex_);
    current_ = std::move(made);
}

} // namespace detail
} // namespace portico::tls
