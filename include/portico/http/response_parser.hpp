// The response parser (RFC 9112): bytes in pieces of any size to a head, a body and trailers. No I/O, no copied body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <portico/bytes.hpp>
#include <portico/wire/fields.hpp>
#include <string>
#include <string_view>

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
};

/// What a peer may send before it is refused with `errc::limit_exceeded`.
struct limits {
    /// All header lines of a response: interim responses, header and trailers together.
    std::size_t header_bytes = 256 * 1024;
    /// One header line, as in curl.
    std::size_t line_bytes = 100 * 1024;
    /// All fields of a response, counted as `header_bytes` is.
    std::size_t fields = 1'000;
    std::size_t interim_responses = 64; ///< 1xx responses before the final one
    /// Chunk extensions, as far as they exceed the data: a long body may carry an extension on every chunk, but a
    /// response must not consist of them (Go's rule and number).
    std::size_t chunk_extension_bytes = 16 * 1024;
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
class response_parser {
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
    explicit response_parser(std::string_view request_method, http::limits limits = {});

    /// Parses on, until something is known. Takes from the front of `input` what it has understood.
    event next(bytes& input);
    /// The stream has ended, and all of it was given to `next`. Completes a body that ends with the stream; throws
    /// `errc::truncated` if any other response is incomplete.
    void finish();

    /// The head that the last `event::interim` or `event::head` spoke of; valid until the next call of `next`, and
    /// after `event::head` as long as the parser.
    const response_head& head() const noexcept { return head_; }
    /// The fields behind a chunked body; complete at `event::end`. They are never merged into `head()`.
    const portico::fields& trailers() const noexcept { return trailers_; }
    /// The piece of the body that the last `event::data` spoke of: a view into the input given, transfer coding
    /// removed, content coding left.
    bytes data() const noexcept { return data_; }

    /// After `event::head`: how long the body is, if the head tells.
    std::optional<std::uint64_t> body_size() const noexcept { return body_size_; }
    /// How many bytes of body come next in the stream with nothing between them: the rest of the body or of a chunk,
    /// or `unbounded` where the body lasts until the stream ends. Beyond what `input` holds, the caller may take up to
    /// as many out of the stream itself (straight into a file) and say so by `body_taken`.
    std::uint64_t body_ahead() const noexcept;
    static constexpr std::uint64_t unbounded = UINT64_MAX; ///< see `body_ahead`
    /// The caller took this many bytes of body, at most `body_ahead()`, past the parser.
    void body_taken(std::uint64_t count);

    /// Whether any byte of the response has come. A stream that ends before that, on a connection used before, means
    /// that the server closed it while idle.
    bool started() const noexcept { return started_; }
    /// Whether the response is complete.
    bool ended() const noexcept { return state_ == state::ended; }
    /// After `event::end`: whether the connection may carry another request (RFC 9112 section 9.3), provided that no
    /// bytes are left in `input`.
    bool reusable() const noexcept { return ended() && persistent_; }

private:
    enum class state { status_line, header, sized_body, endless_body, chunk_size, chunk, chunk_end, trailers, ended };

    std::optional<std::string_view> take_line(bytes& input, std::size_t limit);
    std::optional<std::string_view> take_header_line(bytes& input);
    bool take_status_line(bytes& input);
    bool take_fields(bytes& input, portico::fields& into);
    void take_field(std::string_view line, portico::fields& into);
    event header_ended();
    void begin_body();
    std::optional<event> take_body(bytes& input);
    bool take_chunk_size(bytes& input);
    bool take_chunk_end(bytes& input);

    std::string method_;
    http::limits limits_;
    state state_ = state::status_line;
    response_head head_;
    portico::fields trailers_;
    bytes data_;
    std::string line_;           // the part of a line that came in earlier pieces
    bool line_complete_ = false; // line_ was handed out, and is done with
    bool after_cr_ = false;
    bool started_ = false;
    bool persistent_ = false;
    std::optional<std::uint64_t> body_size_;
    std::uint64_t remaining_ = 0; // of a sized body or of a chunk
    std::size_t header_bytes_ = 0, field_count_ = 0, interim_count_ = 0, extension_bytes_ = 0;
};

} // namespace portico::http
