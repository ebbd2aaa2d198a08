// What the parsers of requests and of responses share (RFC 9112): lines, fields, counted bytes, chunks. No I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <portico/bytes.hpp>
#include <portico/wire/fields.hpp>
#include <string>
#include <string_view>

namespace portico::inline v0_1::http {

/// What a peer may send before it is refused with `errc::limit_exceeded`.
struct limits {
    /// All header lines of a message: those of interim responses, header and trailers together.
    std::size_t header_bytes = 256 * 1024;
    /// One header line, as in curl.
    std::size_t line_bytes = 100 * 1024;
    /// All fields of a message, counted as `header_bytes` is.
    std::size_t fields = 1'000;
    std::size_t interim_responses = 64; ///< 1xx responses before the final one
    /// Chunk extensions, as far as they exceed the data: a long body may carry an extension on every chunk, but a
    /// message must not consist of them (Go's rule and number).
    std::size_t chunk_extension_bytes = 16 * 1024;
    /// Of the body as it is transferred; one that says that it is longer is not begun.
    std::uint64_t body_bytes = UINT64_MAX;
};

/// The base of `request_parser` and `response_parser`: the body and what lies behind it.
class message_parser {
public:
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

    /// Whether any byte of the message has come. A stream that ends before that, on a connection used before, means
    /// that the peer closed it while idle.
    bool started() const noexcept { return started_; }
    /// Whether the message is complete.
    bool ended() const noexcept { return state_ == state::ended; }
    /// After `event::end`: whether the connection may carry another exchange (RFC 9112 section 9.3). For a response
    /// that is so only if no bytes are left in `input`.
    bool reusable() const noexcept { return ended() && persistent_; }

protected:
    /// @cond
    enum class rules : bool {
        kind,  // takes what cannot move the boundary of a message
        strict // takes what the grammar of RFC 9112 has
    };
    enum class state {
        start_line, header, headless_start, sized_body, endless_body, chunk_size, chunk, chunk_end, trailers, ended
    };
    enum class part { need_more, data, end };

    message_parser(rules kept, const http::limits& most) : limits_(most), rules_(kept) {}
    ~message_parser() = default;
    message_parser(const message_parser&) = default;
    message_parser(message_parser&&) = default;
    message_parser& operator=(const message_parser&) = default;
    message_parser& operator=(message_parser&&) = default;

    /// A line of the header section without its end, once it is there: a view into the input, or into `line_` if it
    /// came in pieces.
    std::optional<std::string_view> take_header_line(bytes& input);
    /// Of a line that is not there yet, what came in earlier pieces.
    std::string_view held() const noexcept { return line_complete_ ? std::string_view() : line_; }
    /// Hands out what is held; the view is valid until the next line is taken.
    std::string_view release_held() noexcept;
    /// Takes field lines up to the empty one; whether that has come.
    bool take_fields(bytes& input, portico::fields& into);
    /// The next of what stands behind the header.
    part next_part(bytes& input);

    void begin_sized_body(std::uint64_t size);
    /// Throws if the body is now longer than its limit.
    void count_body(std::uint64_t size);
    /// What the stream has ended inside of.
    std::string missing() const;

    http::limits limits_;
    rules rules_;
    state state_ = state::start_line;
    bytes data_;
    bool started_ = false;
    bool persistent_ = false;
    /// @endcond

private:
    std::optional<std::string_view> take_line(bytes& input, std::size_t limit);
    void take_field(std::string_view line, portico::fields& into);
    [[noreturn]] void body_too_long() const;
    std::optional<part> take_body(bytes& input);
    bool take_chunk_size(bytes& input);
    void check_extension(std::string_view text, std::string_view line);
    bool take_chunk_end(bytes& input);

    portico::fields trailers_;
    std::string line_;           // the part of a line that came in earlier pieces
    bool line_complete_ = false; // line_ was handed out, and is done with
    bool after_cr_ = false;
    std::optional<std::uint64_t> body_size_;
    std::uint64_t remaining_ = 0; // of a sized body or of a chunk
    std::uint64_t body_bytes_ = 0;
    std::size_t header_bytes_ = 0, field_count_ = 0, extension_bytes_ = 0;
};

} // namespace portico::http
