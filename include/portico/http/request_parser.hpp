// The request parser (RFC 9112), for servers, and strict: bytes in pieces of any size to a head, a body and trailers.
#pragma once

#include <memory>
#include <portico/bytes.hpp>
#include <portico/error.hpp>
#include <portico/http/message_parser.hpp>
#include <portico/wire/fields.hpp>
#include <string>
#include <string_view>

namespace portico::inline v0_1::http {

/// The head of a request: request line and header section.
class request_head {
public:
    request_head() = default;

    /// A token, in the letters it came in: methods are case-sensitive.
    std::string method;
    /// Visible ASCII without `#`, of the form that its method has (RFC 9112 section 3.2): `/where?query`,
    /// `http://host/where`, `host:port` for CONNECT, `*` for OPTIONS. Nothing is decoded, nor are dots resolved.
    std::string target;
    /// The minor version of HTTP/1: 1 for HTTP/1.1.
    int minor_version = 1;
    portico::fields fields; ///< the header fields

    bool operator==(const request_head&) const = default; ///< all the same, letter by letter
};

/// What a client may send: less than a server may. Beyond them the status is 414 (request line), 431 (fields and
/// trailers) or 413 (body and chunk extensions). The body, which the parser does not keep, has no limit by itself.
inline constexpr limits request_limits{
    .header_bytes = 64 * 1024, .line_bytes = 16 * 1024, .fields = 200, .interim_responses = 0};

/// A request is refused: which rule it breaks, and the status to answer with before the connection is closed.
class request_error : public protocol_error {
public:
    /// `detail` says which rule is broken.
    request_error(int status, errc code, std::string detail)
        : protocol_error(code, "read request", std::move(detail)), status_(status) {}
    int status() const noexcept { return status_; } ///< 400, 413, 414, 431, 501 or 505
    [[noreturn]] void raise() const override { throw *this; }
    std::shared_ptr<const error> clone() const override { return std::make_shared<const request_error>(*this); }

private:
    int status_;
};

/// Parses one request out of the pieces of a stream; it is fed as `response_parser` is, and another one takes the next
/// request out of what is left in the input.
///
/// What two readers could understand in two ways is refused, since a proxy may be one of them. With 400: lines that end
/// in LF alone, NUL, CR and other control characters in a line, more than one empty line before the request line,
/// anything in the request line but method, target and version with one space between them, a target not of its
/// method's form, blanks or nothing before the colon of a field, a name that is no token, folded lines, no or two Host
/// fields (none may be missing from HTTP/1.0), a Host that is no host and port or is not that of an absolute target,
/// Content-Length twice, in a list, no number, above 2^63-1 or beside Transfer-Encoding, chunked twice or not last,
/// Transfer-Encoding in HTTP/1.0, content of a CONNECT, chunk sizes followed by anything but ';'. With 501: other
/// transfer codings in front of chunked. With 505: another major version. With 413, 414, 431: more than the limits.
/// Taken are bytes above ASCII in field values, HTTP/1.2 to 1.9, and unknown methods.
/// All errors are `request_error`; after one the parser can only be destroyed or assigned to.
class request_parser : public message_parser {
public:
    /// What `next` has found.
    enum class event {
        need_more, ///< all input is taken and understood so far
        head,      ///< the head of the request: see `head()`
        data,      ///< a piece of the body: see `data()`
        end        ///< the request is complete; said again each time `next` is called
    };

    /// For the next request of a connection, whichever that is.
    explicit request_parser(const limits& most = request_limits) : message_parser(rules::strict, most) {}

    /// Parses on, until something is known. Takes from the front of `input` what it has understood. Behind a CONNECT
    /// that is accepted, what is left in `input` belongs to the tunnel.
    event next(bytes& input);
    /// The stream has ended, and all of it was given to `next`. Throws `errc::truncated` if a request is incomplete;
    /// a stream that ends before its first line begins is in order, and `ended()` is then false.
    void finish();

    /// Valid after `event::head`, as long as the parser.
    const request_head& head() const noexcept { return head_; }
    /// After `event::head`: whether the client waits for a response of status 100 before it sends the body (RFC 9110
    /// section 10.1.1). A server that has received a part of the body may omit it.
    bool expects_continue() const;

private:
    event parse(bytes& input);
    int status_beyond_limit() const noexcept;
    bool take_request_line(bytes& input);
    void begin_body();

    request_head head_;
    bool empty_line_seen_ = false;
};

} // namespace portico::http
