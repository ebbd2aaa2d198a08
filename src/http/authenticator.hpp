// authenticator: who asks one server or proxy, told as far as it has to be (RFC 9110 section 11).
#pragma once

#include "http/authentication.hpp"
#include <optional>
#include <portico/core/backend.hpp>
#include <portico/http/client.hpp>
#include <string>

namespace portico::inline v0_1::http {

class authenticator {
public:
    authenticator() = default;
    /// `challenges`: the field in which the other side says what it wants.
    authenticator(std::optional<login> who, authentication allowed, std::string bearer, std::string_view challenges);

    /// The value of the field that says who asks, for the next request; none where nothing is to be said.
    std::optional<std::string> field(std::string_view method, std::string_view target, backend& outside);
    /// Takes the challenges of a response that refuses; whether asking again may help.
    bool learn(const fields& header);

private:
    std::optional<login> who_;
    authentication allowed_ = authentication::basic;
    std::string bearer_;
    std::string_view challenges_;
    std::optional<digest> digest_;
    bool basic_ = false; // is sent
    bool renewed_ = false; // the server has called a nonce stale
};

} // namespace portico::http
