// What both contexts set up alike, on an SSL_CTX.
#pragma once

#include "openssl.hpp"

#include <portico/tls/options.hpp>
#include <vector>

namespace portico::inline v0_1::tls::detail {

/// How names are compared: subject alternative names alone, and `*` for one whole label (RFC 9525 section 6.3).
inline constexpr unsigned name_rules = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;

/// With what is modern today: TLS 1.2 only with AEAD and forward secrecy, no renegotiation, no compression.
ssl_context_pointer make_context(const SSL_METHOD* method, protocol_version least, protocol_version most);
/// The certificate that is shown, and its key. Throws `error`.
void use_certificate(SSL_CTX& to, const certificate_files& files);
/// Whether the certificate of a session's peer has expired, which nobody verifies again.
bool has_expired(const SSL_SESSION& which) noexcept;
/// Trusts the certificates of a file. Throws `error`.
void trust_file(SSL_CTX& to, const std::string& path);
/// The list in the form that it has in a handshake (RFC 7301 section 3.1). Throws `error` for a name of 0 or over 255
/// bytes.
std::string alpn_list(const std::vector<std::string>& protocols);

} // namespace portico::tls::detail
