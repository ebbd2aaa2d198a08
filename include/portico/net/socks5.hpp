// socks5: connecting through a proxy (RFC 1928, RFC 1929).
#pragma once

#include <portico/net/endpoint.hpp>
#include <string>

namespace portico::inline v0_1 {

/// A SOCKS5 proxy, and who asks: nobody in particular, or a user with a password. The proxy gets the name of the host
/// and looks it up itself. The password goes to the proxy in the clear, as RFC 1929 has it.
class socks5_proxy {
public:
    /// One that asks for no password.
    explicit socks5_proxy(address where) : where_(std::move(where)) {}
    /// One that asks for them (RFC 1929).
    socks5_proxy(address where, std::string user, std::string password)
        : where_(std::move(where)), user_(std::move(user)), password_(std::move(password)) {}

    const address& where() const noexcept { return where_; } ///< where the proxy listens
    const std::string& user() const noexcept { return user_; } ///< empty for none
    const std::string& password() const noexcept { return password_; } ///< of the user

private:
    address where_;
    std::string user_, password_;
};

} // namespace portico
