// client_context: what a client trusts, what it shows, and the sessions that it may resume.
#pragma once

#include <memory>
#include <portico/tls/options.hpp>
#include <string>
#include <vector>

namespace portico::inline v0_1::tls {

namespace detail {
class client_state;
} // namespace detail

/// How a client goes about it; safe as it is.
struct client_options {
    client_options() noexcept {}

    /// Whom to trust: a file of certificates in PEM, in place of those of the system.
    std::string ca_file;
    /// The same as a folder, whose files have names as `openssl rehash` makes them.
    std::string ca_folder;
    /// What the client shows where a server asks for it; none: nothing.
    certificate_files certificate;
    /// The protocols that it offers (RFC 7301), preferred ones first: `http/1.1`.
    std::vector<std::string> application_protocols;
    /// Public keys of which the server's must be one, beside everything else: `sha256//` and the hash of the key
    /// (RFC 7469 section 2.4) in base64, several of them with `;` between; or the path of a file with one key, or a
    /// certificate, in PEM or DER. As curl has it. Empty: any.
    std::string pinned_public_key;
    protocol_version least = protocol_version::tls1_2; ///< the oldest version
    protocol_version most = protocol_version::tls1_3;  ///< the newest one
    /// Takes any certificate, of anybody: whoever is on the way can read and change everything. For tests.
    bool insecure_skip_verify = false;
};

/// What the connections of a client have in common: its options, with the files read, and the sessions by which a later
/// handshake with the same host and port is shorter (at most 1,000 of them, the last two of each). A handle: copies
/// refer to the same. For any number of contexts and threads.
class client_context {
public:
    /// Throws `error` for a file that cannot be read or does not hold what it should, and for a malformed option.
    explicit client_context(const client_options& options = {});

    const std::shared_ptr<detail::client_state>& state() const noexcept { return state_; } ///< for the library

private:
    std::shared_ptr<detail::client_state> state_;
};

} // namespace portico::tls
