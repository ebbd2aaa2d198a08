// server_state: what server_context refers to.
#pragma once

#include "ticket_keys.hpp"

#include <portico/tls/server_context.hpp>

namespace portico::inline v0_1::tls::detail {

/// The files of a server as they were read: an SSL_CTX for each certificate.
struct credentials {
    explicit credentials(const server_options& options);

    /// For a name that a client asks for.
    SSL_CTX& of(const char* name) const noexcept;

    std::string application_protocols;
    std::vector<ssl_context_pointer> contexts;
};

class server_state {
public:
    explicit server_state(const server_options& options);

    std::shared_ptr<const credentials> current() const;
    void reload();
    ticket_keys& tickets() noexcept { return tickets_; }

private:
    server_options options_;
    ticket_keys tickets_;
    mutable std::mutex mutex_;
    std::shared_ptr<const credentials> current_;
};

} // namespace portico::tls::detail
