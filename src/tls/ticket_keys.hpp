// ticket_keys: what the session tickets of a server are encrypted with (RFC 5077, RFC 8446 section 4.6.1).
#pragma once

#include "openssl.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <portico/core/backend.hpp>

namespace portico::inline v0_1::tls::detail {

/// A key for each span of time; the one before still opens tickets. Each is derived from one that is forgotten then:
/// who gets hold of this object cannot open older tickets (unless it has never been used, as in the parent of processes
/// that serve). Those that have come from one secret, in processes that were forked, are the same at the same time.
class ticket_keys {
public:
    using secret = std::array<unsigned char, 32>;

    ticket_keys(std::chrono::seconds lifetime, const secret& origin);
    ticket_keys(const ticket_keys&) = delete;
    ticket_keys& operator=(const ticket_keys&) = delete;
    ~ticket_keys();
    /// One that nobody knows. Throws `error`.
    static secret make_secret();

    /// To be called before a handshake.
    void advance(time_point now);
    /// What OpenSSL calls for a ticket that is made or opened (SSL_CTX_set_tlsext_ticket_key_evp_cb(3)).
    int on_ticket(unsigned char name[16], unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, bool is_new);

private:
    struct key {
        std::array<unsigned char, 16> name;
        secret cipher, mac;
    };
    void step();
    static secret derive(const secret& from, std::string_view label);

    std::mutex mutex_;
    duration lifetime_;
    // The spans are numbered, from the beginning of the clock, and come in blocks, so that a process that starts late
    // has few steps to go: `block_` is the secret of the next block, `span_` that of the current span.
    secret block_, span_{};
    std::uint64_t number_ = 0; // of the next span
    std::optional<key> current_, previous_;
};

} // namespace portico::tls::detail
