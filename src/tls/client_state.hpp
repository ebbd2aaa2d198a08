// client_state: what client_context refers to.
#pragma once

#include "openssl.hpp"

#include <list>
#include <map>
#include <mutex>
#include <portico/tls/client_context.hpp>

namespace portico::inline v0_1::tls::detail {

class client_state {
public:
    explicit client_state(const client_options& options);

    /// For a connection to this host, which is a name or an IP address in text form. Throws `error` for what can be
    /// neither.
    ssl_pointer open(const std::string& host) const;
    const std::vector<std::string>& pins() const noexcept { return pins_; }
    bool accepts_any() const noexcept { return accepts_any_; }

    /// A session from before with the same peer, null where there is none.
    session_pointer take_session(const std::string& key);
    void keep_session(const std::string& key, session_pointer session);

private:
    ssl_context_pointer context_;
    std::vector<std::string> pins_;
    bool accepts_any_;

    // Those of whom came last are at the end.
    struct sessions_of {
        std::string key;
        std::vector<session_pointer> sessions;
    };
    std::mutex mutex_;
    std::list<sessions_of> sessions_;
    std::map<std::string, std::list<sessions_of>::iterator, std::less<>> places_;
    std::size_t kept_ = 0;
};

} // namespace portico::tls::detail
