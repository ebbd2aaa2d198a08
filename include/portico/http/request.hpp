// HTTP requests (RFC 9110, RFC 9112) to bytes: what could smuggle a line is refused. No I/O.
#pragma once

#include <portico/wire/fields.hpp>
#include <portico/wire/url.hpp>
#include <string>

/// HTTP/1.1 (RFC 9110, RFC 9112).
namespace portico::inline v0_1::http {

/// A request without content: method, target, fields.
class request {
public:
    /// Taken as they are; `serialise` checks them.
    request(std::string method, std::string target, portico::fields fields = {});
    /// For the resource that the URL names: its `target()`, and a Host field with its `authority()`.
    request(std::string method, const url& where);

    const std::string& method() const noexcept { return method_; } ///< `GET`
    const std::string& target() const noexcept { return target_; } ///< what it is asked for: `/index.html`
    portico::fields& fields() noexcept { return fields_; } ///< the header fields
    void minor_version(int number) noexcept { minor_version_ = number; } ///< 0 for HTTP/1.0
    const portico::fields& fields() const noexcept { return fields_; } ///< the same

    /// The bytes to send: request line, fields, empty line. Throws `error` (`errc::malformed`) for what could end a
    /// line early or start a field of its own (header injection): a method or a field name that is no token, a target
    /// that is empty or holds blanks, control characters or bytes above ASCII, a value with CR, LF or NUL.
    std::string serialise() const;

private:
    std::string method_, target_;
    portico::fields fields_;
    int minor_version_ = 1;
};

} // namespace portico::http
