// Authentication to servers and proxies: challenges (RFC 9110 section 11), Basic (RFC 7617) and Digest (RFC 7616).
#pragma once

#include <cstdint>
#include <optional>
#include <portico/http/login.hpp>
#include <portico/wire/fields.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace portico::inline v0_1::http {

/// What a server asks for with a response of status 401, and a proxy with one of status 407.
struct challenge {
    explicit challenge(std::string scheme_name) : scheme(std::move(scheme_name)) {}
    bool is(std::string_view scheme_name) const; ///< whether it is of this scheme; schemes have no case

    std::string scheme; ///< as it came
    std::string token;  ///< the token68 behind the scheme; empty for none
    fields parameters;  ///< by name, without their quotes
};

/// The challenges of all fields of this name ("WWW-Authenticate", "Proxy-Authenticate"), in their order. What is no
/// challenge is left out.
std::vector<challenge> parse_challenges(const fields& header, std::string_view field_name);

/// Whether Basic is one of them.
bool offers_basic(const std::vector<challenge>& offered);

/// The value of an Authorization (or Proxy-Authorization) field. Whoever sees it knows the password.
std::string basic(const login& who);

/// Answers one challenge of Digest, for as many requests as the server takes its nonce for. The password itself is not
/// sent. Of the qualities of protection, "auth" is used, or none where none is offered.
class digest {
public:
    /// The strongest of the Digest challenges that can be answered: SHA-512-256, then SHA-256, then MD5. None where
    /// there is no such one: of an algorithm that is not known, without a nonce, with "auth-int" alone.
    static std::optional<digest> strongest(const std::vector<challenge>& offered);

    /// Whether the server says that only the nonce of the last answer was too old: the password need not be wrong, and
    /// the request may be repeated. Otherwise who has already answered has the wrong password.
    bool is_stale() const noexcept { return stale_; }

    /// The value of the field for the next request. `cnonce` is a new random text of hexadecimal digits; the algorithms
    /// that end in "-sess" stay with their first one. Throws `error` where the system's OpenSSL has not got the hash
    /// (MD5 under FIPS rules).
    std::string authorization(std::string_view method, std::string_view target, const login& who,
                              std::string_view cnonce);

private:
    digest() = default;
    static std::optional<digest> of(const challenge& asked);
    std::string hash(std::string_view text) const;

    int strength_ = 0; // an index into the table of hashes
    std::string algorithm_, realm_, nonce_, cnonce_; // algorithm_: as it came, empty for none
    std::optional<std::string> opaque_;
    bool is_session_ = false, with_quality_ = false, hides_user_ = false, stale_ = false;
    std::uint32_t count_ = 0; // of answers with this nonce
};

} // namespace portico::http
