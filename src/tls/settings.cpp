// What both contexts set up alike: see settings.hpp.
#include "settings.hpp"

namespace portico::inline v0_1::tls {

std::string_view to_string(protocol_version which) noexcept
{
    return which == protocol_version::tls1_2 ? "TLS 1.2" : "TLS 1.3";
}

namespace detail {

namespace {

int number_of(protocol_version which) noexcept
{
    return which == protocol_version::tls1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

// Without it OpenSSL asks at the terminal.
int no_password(char*, int, int, void*) noexcept
{
    return -1;
}

} // namespace

ssl_context_pointer make_context(const SSL_METHOD* method, protocol_version least, protocol_version most)
{
    if (least > most)
        throw error(errc::malformed, "set up TLS", {}, phase::none, "the oldest version is newer than the newest one");
    forget_errors();
    ssl_context_pointer made(check(SSL_CTX_new(method)));
    SSL_CTX_set_min_proto_version(made.get(), number_of(least));
    SSL_CTX_set_max_proto_version(made.get(), number_of(most));
    SSL_CTX_set_security_level(made.get(), std::max(SSL_CTX_get_security_level(made.get()), 2));
    SSL_CTX_set_options(made.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE
                                        | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_clear_options(made.get(), SSL_OP_IGNORE_UNEXPECTED_EOF); // whatever the system's configuration says
    // What is shown is what is in the file, and not what a trusted authority would add.
    SSL_CTX_set_mode(made.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_read_ahead(made.get(), 1); // else each record costs a read for its header
    if (SSL_CTX_set_cipher_list(made.get(), "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
        throw error(errc::malformed, "set up TLS", {}, phase::none, reason_of(ERR_get_error()));
    SSL_CTX_set_default_passwd_cb(made.get(), no_password);
    return made;
}

void use_certificate(SSL_CTX& to, const certificate_files& files)
{
    forget_errors();
    if (SSL_CTX_use_certificate_chain_file(&to, files.certificate.c_str()) != 1)
        fail_with_file("read certificate", files.certificate, "it holds no certificate in PEM that can be used");
    const std::string& key = files.key.empty() ? files.certificate : files.key;
    if (SSL_CTX_use_PrivateKey_file(&to, key.c_str(), SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(&to) != 1)
        fail_with_file("read private key", key, "it holds no private key in PEM that can be used");
}

bool has_expired(const SSL_SESSION& which) noexcept
{
    // OpenSSL's own signature lacks a const.
    const X509* const shown = SSL_SESSION_get0_peer(const_cast<SSL_SESSION*>(&which));
    return shown != nullptr && X509_cmp_current_time(X509_get0_notAfter(shown)) != 1;
}

void trust_file(SSL_CTX& to, const std::string& path)
{
    forget_errors();
    if (SSL_CTX_load_verify_file(&to, path.c_str()) != 1)
        fail_with_file("read CA certificates", path, "it holds no certificate in PEM");
}

std::string alpn_list(const std::vector<std::string>& protocols)
{
    std::string list;
    for (const std::string& each : protocols) {
        if (each.empty() || each.size() > 255)
            throw error(errc::malformed, "set up TLS", {}, phase::none, "the name of a protocol has 1 to 255 bytes");
        list += static_cast<char>(each.size());
        list += each;
    }
    return list;
}

} // namespace detail
} // namespace portico::tls
