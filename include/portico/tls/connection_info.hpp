// connection_info: what a handshake has agreed on.
#pragma once

#include <optional>
#include <portico/tls/options.hpp>
#include <string>
#include <vector>

namespace portico::inline v0_1 {

class connection;

namespace tls {

/// The certificate that a peer has shown. Its names are what somebody has put there: escape them before a terminal.
struct peer_certificate {
    std::string der;                ///< all of it (RFC 5280)
    std::string subject;            ///< in the form of RFC 2253: `CN=localhost`
    std::vector<std::string> names; ///< subject alternative names: `DNS:localhost`, `IP:127.0.0.1`, `email:`, `URI:`
    std::string pin;                ///< its public key, as `client_options::pinned_public_key` takes it
};

/// What a handshake has agreed on.
struct connection_info {
    protocol_version version = protocol_version::tls1_3; ///< of the protocol
    std::string cipher;               ///< OpenSSL's name of it: `TLS_AES_256_GCM_SHA384`
    std::string application_protocol; ///< by ALPN; empty where none was agreed on
    std::string server_name;          ///< for whom the client has asked; empty: nobody by name
    bool resumed = false;             ///< a session from before: nobody has shown a certificate again
    std::optional<peer_certificate> peer; ///< none where it has shown none
};

/// What the handshake of this connection has agreed on; none where it has had none, or is closed.
std::optional<connection_info> info(const connection& peer);

} // namespace tls
} // namespace portico
