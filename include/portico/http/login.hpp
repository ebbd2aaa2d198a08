// login: who one is to a server or a proxy.
#pragma once

#include <string>
#include <utility>

namespace portico::inline v0_1::http {

/// A user and a password, as bytes: nothing is encoded.
struct login {
    login() = default;
    /// Taken as they are.
    login(std::string user_name, std::string secret) : user(std::move(user_name)), password(std::move(secret)) {}

    std::string user;                              ///< may be empty
    std::string password;                          ///< may be empty
    bool operator==(const login&) const = default; ///< byte by byte
};

} // namespace portico::http
