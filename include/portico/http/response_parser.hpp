// The response parser (RFC 9112): bytes in pieces of any size to a head, a body and trailers. No I/O, no copied body.
#pragma once

#include <cstddef>
#include <portico/bytes.hpp>
#include <portico/http/message_parser.hpp>
#include <portico/wire/fields.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace portico::inline v0_1::http {

/// The head of a response: status line and header section.
class response_head {
public:
    response_head() = default;

    /// The minor version of HTTP/1: 1 for HTTP/1.1.
    int minor_version = 1;
    /// 100 to 999.
    int status = 0;
    /// The peer's bytes, and perhaps empty: escape it before it is shown.
    std::string reason;
    portico::fields fields; ///< the header fields
    /// A response of HTTP/0.9, which has no head: the status is 200 and the rest empty.
    bool http09 = false;

    bool operator==(const response_head&) const = default; ///< all the same, letter by letter
};

/// What a response parser does otherwise than it should by itself; each is for a caller who knows the server.
struct response_options {
    /// A response whose first bytes are not `HTTP/` is one of HTTP/0.9: a body without a head, until the stream ends.
    /// (One that ends within its first four bytes, and these begin `HTTP/`, is truncated.)
    bool http09 = false;
    /// Content-Length is not looked at: unless it is chunked, the body lasts until the stream ends.
    bool ignore_content_length = false;
    /// Transfer codings may precede a last `chunked`, or stand without it, which makes the body last until the stream
    /// ends: a server may use them if the request has a TE field. `transfer_codings()` names those left on the body.
    bool transfer_codings = false;
    /// `data()` is all that comes behind the head: sizes of chunks, their extensions, and trailers too. These are
    /// checked as ever, but perhaps when they have been delivered.
    bool raw = false;
};

/// Parses one response out of the pieces of a stream: feed it with `next` until that returns `event::end`.
/// ```
/// http::response_parser parser("GET");
/// for (;;) {
///     switch (parser.next(input)) {              // takes what it understood from the front of `input`
///     case event::need_more: ...                 // `input` is empty: read more into it, or call finish()
///     case event::interim: case event::head: ... // parser.head()
///     case event::data: ...                      // parser.data()
///     case event::end: ...                       // parser.reusable(); what follows the response is left in `input`
/// ```
/// It refuses what can move the boundary of a message and takes what cannot. Refused: a status line that is not
/// `HTTP/1.x` and three digits (at least 100), NUL or a bare CR in a line, blanks or nothing before the colon of a
/// field, a name that is no token, a folded line before the first field, differing or unreadable Content-Length values,
/// any transfer coding but chunked, chunk sizes followed by anything but blanks or ';', numbers above 2^63-1. Taken:
/// lines that end in LF alone, empty lines before the status line, no reason phrase, folded lines (each fold becomes
/// one space), blanks behind a chunk size, repeated equal Content-Length values, `chunked` said twice. Where header
/// fields contradict each other without harm to this response, the connection is not reusable.
/// All errors are `protocol_error`; after one the parser can only be destroyed or assigned to.
class response_parser : public message_parser {
public:
    /// What `next` has found.
    enum class event {
        need_more, ///< all input is taken and understood so far
        interim,   ///< a response of status 1xx, with another one to follow: see `head()`
        head,      ///< the head of the final response: see `head()`. 101 is final: what follows it is not HTTP
        data,      ///< a piece of the body: see `data()`
        end        ///< the response is complete; said again each time `next` is called
    };

    /// The method of the request decides how its response ends: one to HEAD has no body, nor a 2xx to CONNECT.
    explicit response_parser(std::string_view request_method, const http::limits& most = {},
                             response_options options = {});

    /// Parses on, until something is known. Takes from the front of `input` what it has understood.
    event next(bytes& input);
    /// The stream has ended, and all of it was given to `next`. Completes a body that ends with the stream; throws
    /// `errc::truncated` if any other response is incomplete.
    void finish();

    /// The head that the last `event::interim` or `event::head` spoke of; valid until the next call of `next`, and
    /// after `event::head` as long as the parser.
    const response_head& head() const noexcept { return head_; }
    /// After `event::head`, with `response_options::transfer_codings`: the codings that are left on the body, in the
    /// order in which they were applied (RFC 9112 section 7), without `chunked` and `identity`.
    std::vector<std::string_view> transfer_codings() const;

private:
    bool is_status_line_ahead(bytes input) const;
    bool take_status_line(bytes& input);
    event header_ended();
    void begin_body();
    event headless_begun(bytes& input);
    event next_of_body(bytes& input);

    std::string method_;
    response_options options_;
    response_head head_;
    std::size_t interim_count_ = 0;
};

} // namespace portico::http
