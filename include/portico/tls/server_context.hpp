// server_context: what a server shows, and what it asks of clients.
#pragma once

#include <chrono>
#include <memory>
#include <portico/tls/options.hpp>
#include <string>
#include <vector>

namespace portico::inline v0_1::tls {

namespace detail {
class server_state;
} // namespace detail

/// Whether a client shows a certificate.
enum class client_certificates : unsigned char {
    none,     ///< it is not asked for one
    optional, ///< it may; one that is not trusted ends the handshake
    required  ///< it must
};

/// How a server goes about it.
struct server_options {
    server_options() noexcept {}

    /// What it shows: the first one that is for the name that the client asks for (RFC 6066 section 3), else the first.
    /// There is at least one.
    std::vector<certificate_files> certificates;
    client_certificates clients = client_certificates::none; ///< whether clients have to show one
    /// Whom to trust to vouch for clients: a file of certificates in PEM. Needed where clients are asked.
    std::string client_ca_file;
    /// The protocols that it speaks (RFC 7301), preferred ones first. A client that offers others alone is refused.
    std::vector<std::string> application_protocols;
    /// The keys of session tickets change after this time; a ticket is good for one more. A client that comes often
    /// enough has a new one each time, as long as its certificate, where it has shown one, has not expired.
    std::chrono::seconds ticket_key_lifetime = std::chrono::hours(1);
    protocol_version least = protocol_version::tls1_2; ///< the oldest version
    protocol_version most = protocol_version::tls1_3;  ///< the newest one
};

/// What the connections of a server have in common: its options, with the files read, and the keys of its session
/// tickets. Processes that are forked later have the same keys at any time. A handle: copies refer to the same. For any
/// number of contexts and threads.
class server_context {
public:
    /// Throws `error` for a file that cannot be read or does not hold what it should, and for a malformed option.
    explicit server_context(const server_options& options);

    /// Reads the files again, for the handshakes that begin from now on; connections that are open stay as they are.
    /// Throws as the constructor does, and then everything is as before. From any thread.
    void reload() const;

    const std::shared_ptr<detail::server_state>& state() const noexcept { return state_; } ///< for the library

private:
    std::shared_ptr<detail::server_state> state_;
};

} // namespace portico::tls
