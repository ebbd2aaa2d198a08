// verification: whether a peer's certificate is accepted, and why not, in words for a person.
#pragma once

#include "openssl.hpp"

#include <portico/tls/connection_info.hpp>

namespace portico::inline v0_1::tls::detail {

/// What a handshake expects of the peer's certificate, and what it has found.
class verification {
public:
    /// `host`: whom a server's certificate must be for; empty: a client's.
    verification(std::string host, const std::vector<std::string>& pins, bool accepts_any)
        : host_(std::move(host)), pins_(pins), accepts_any_(accepts_any) {}

    /// What OpenSSL calls for each certificate of the chain (SSL_CTX_set_verify(3)).
    bool on_verify(bool is_good, X509_STORE_CTX& chain) noexcept;
    /// Why it is not accepted; empty where it is.
    const std::string& fault() const noexcept { return fault_; }
    /// OpenSSL's number for that, or 0.
    int reason() const noexcept { return reason_; }

private:
    std::string host_;
    const std::vector<std::string>& pins_;
    bool accepts_any_;
    std::string fault_;
    int reason_ = 0;
};

peer_certificate describe(X509& which);
/// `sha256//` and the hash of a public key, in base64.
std::string pin_of(X509& which);
/// The pins that an option means: see `client_options::pinned_public_key`. Throws `error`.
std::vector<std::string> read_pins(const std::string& option);

} // namespace portico::tls::detail
