// The response parser: a state machine over lines and counted bytes (RFC 9112); it copies no body byte.
#include <portico/http/response_parser.hpp>

#include "http/framing.hpp"
#include <algorithm>
#include <portico/error.hpp>
#include <portico/wire/text.hpp>
#include <utility>

namespace portico::inline v0_1::http {

namespace {

using framing::malformed;

[[noreturn]] void truncated(std::string detail)
{
    throw protocol_error(errc::truncated, "read response", std::move(detail));
}

[[noreturn]] void exceeds(const std::string& what, std::size_t limit)
{
    throw protocol_error(errc::limit_exceeded, "read response", what + " than " + std::to_string(limit));
}

/// A server that speaks no HTTP need not be heard until it ends a line, which it may never do.
void check_start(std::string_view start)
{
    if (!start.starts_with("\r\n") && !start.starts_with('\n') && start != "\r"
        && !std::string_view("HTTP/").starts_with(start.substr(0, 5)))
        malformed("status line is not HTTP", start.substr(0, start.find('\n')));
}

} // namespace

response_parser::response_parser(std::string_view request_method, http::limits limits)
    : method_(request_method), limits_(limits)
{}

response_parser::event response_parser::next(bytes& input)
{
    started_ = started_ || !input.empty();
    for (;;) {
        switch (state_) {
        case state::status_line:
            if (!take_status_line(input))
                return event::need_more;
            break;
        case state::header: return take_fields(input, head_.fields) ? header_ended() : event::need_more;
        case state::sized_body:
        case state::endless_body:
        case state::chunk:
            if (const auto found = take_body(input))
                return *found;
            break;
        case state::chunk_size:
            if (!take_chunk_size(input))
                return event::need_more;
            break;
        case state::chunk_end:
            if (!take_chunk_end(input))
                return event::need_more;
            break;
        case state::trailers:
            if (!take_fields(input, trailers_))
                return event::need_more;
            state_ = state::ended;
            break;
        case state::ended: return event::end;
        }
    }
}

void response_parser::finish()
{
    const bool complete = state_ == state::endless_body || (state_ == state::sized_body && remaining_ == 0);
    if (complete || ended())
        state_ = state::ended;
    else if (!started_)
        throw protocol_error(errc::truncated, "wait for a response", "the connection was closed before one came");
    else if (state_ == state::sized_body)
        truncated("the body ended " + std::to_string(remaining_) + " bytes too early");
    else if (state_ == state::header || state_ == state::status_line)
        truncated("the stream ended inside the header");
    else
        truncated("the stream ended inside a chunked body");
}

std::uint64_t response_parser::body_ahead() const noexcept
{
    if (state_ == state::endless_body)
        return unbounded;
    return state_ == state::sized_body || state_ == state::chunk ? remaining_ : 0;
}

void response_parser::body_taken(std::uint64_t count)
{
    if (count > body_ahead())
        throw misuse("http::response_parser::body_taken: more bytes than body_ahead()");
    if (state_ != state::endless_body)
        remaining_ -= count;
}

/// A line without its end, once it is there: a view into the input, or into `line_` if it came in pieces.
std::optional<std::string_view> response_parser::take_line(bytes& input, std::size_t limit)
{
    if (std::exchange(line_complete_, false))
        line_.clear();
    const std::string_view seen = input;
    std::string_view line = seen.substr(0, seen.find('\n'));
    if (line_.size() + line.size() > limit)
        exceeds("a line has more bytes", limit);
    if (line.size() == seen.size()) {
        line_.append(line);
        input = {};
        return std::nullopt;
    }
    input.remove_prefix(line.size() + 1);
    if (!line_.empty()) {
        line = line_.append(line);
        line_complete_ = true;
    }
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    if (line.find_first_of(std::string_view("\r\0", 2)) != line.npos)
        malformed("a line holds NUL or a CR without LF", line);
    return line;
}

std::optional<std::string_view> response_parser::take_header_line(bytes& input)
{
    const auto line = take_line(input, std::min(limits_.line_bytes, limits_.header_bytes));
    if (!line)
        return line;
    header_bytes_ += line->size() + 2;
    if (header_bytes_ > limits_.header_bytes)
        exceeds("the header has more bytes", limits_.header_bytes);
    return line;
}

bool response_parser::take_status_line(bytes& input)
{
    const std::string_view held = line_complete_ ? std::string_view() : line_;
    if (!input.empty() && held.size() < 5)
        check_start(std::string(held).append(input.subview(0, 80).text()));
    const auto line = take_header_line(input);
    if (line && !line->empty()) {
        head_ = framing::parse_status_line(*line);
        state_ = state::header;
    }
    return line.has_value();
}

/// Takes field lines up to the empty one; whether that has come.
bool response_parser::take_fields(bytes& input, portico::fields& into)
{
    for (;;) {
        const auto line = take_header_line(input);
        if (!line || line->empty())
            return line.has_value();
        take_field(*line, into);
    }
}

void response_parser::take_field(std::string_view line, portico::fields& into)
{
    if (line[0] == ' ' || line[0] == '\t') {
        if (into.empty())
            malformed("folded line before the first header field", line);
        const std::string_view more = text::trim(line);
        std::string& value = into.back().value;
        value.append(value.empty() || more.empty() ? "" : " ").append(more);
        return;
    }
    const std::size_t colon = line.find(':');
    if (colon == line.npos)
        malformed("header line has no colon", line);
    const std::string_view name = line.substr(0, colon);
    if (!text::is_token(name))
        malformed("header field has no valid name before its colon", line);
    if (++field_count_ > limits_.fields)
        exceeds("the header has more fields", limits_.fields);
    into.add(std::string(name), std::string(text::trim(line.substr(colon + 1))));
}

response_parser::event response_parser::header_ended()
{
    if (head_.status < 200 && head_.status != 101) {
        if (++interim_count_ > limits_.interim_responses)
            exceeds("there are more interim responses", limits_.interim_responses);
        state_ = state::status_line;
        return event::interim;
    }
    begin_body();
    return event::head;
}

/// RFC 9112 section 6.3, in its order.
void response_parser::begin_body()
{
    const bool tunnel = head_.status == 101 || (method_ == "CONNECT" && head_.status / 100 == 2);
    persistent_ = !tunnel && framing::is_persistent(head_);
    if (tunnel || method_ == "HEAD" || head_.status == 204 || head_.status == 304) {
        body_size_ = 0;
        state_ = state::sized_body;
        return;
    }
    const std::optional<std::uint64_t> length = framing::content_length(head_.fields);
    if (framing::is_chunked(head_.fields)) {
        state_ = state::chunk_size;
    } else if (length) {
        body_size_ = length;
        remaining_ = *length;
        state_ = state::sized_body;
    } else {
        persistent_ = false;
        state_ = state::endless_body;
    }
}

std::optional<response_parser::event> response_parser::take_body(bytes& input)
{
    if (state_ != state::endless_body && remaining_ == 0) {
        state_ = state_ == state::chunk ? state::chunk_end : state::ended;
        return std::nullopt;
    }
    if (input.empty())
        return event::need_more;
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(body_ahead(), input.size()));
    data_ = input.subview(0, size);
    input.remove_prefix(size);
    body_taken(size);
    return event::data;
}

/// RFC 9112 section 7.1; extensions are skipped, but counted.
bool response_parser::take_chunk_size(bytes& input)
{
    constexpr std::size_t most_digits = 16;
    const auto line = take_line(input, most_digits + limits_.chunk_extension_bytes + 1);
    if (!line)
        return false;
    std::size_t digits = 0;
    for (remaining_ = 0; digits < line->size() && text::hex_value((*line)[digits]) >= 0; ++digits)
        remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(text::hex_value((*line)[digits]));
    if (digits == 0 || digits > most_digits || remaining_ > framing::largest_size)
        malformed("chunk size is no hexadecimal number up to 2^63-1 with at most 16 digits", *line);
    const std::string_view rest = text::trim(line->substr(digits));
    if (!rest.empty() && rest[0] != ';')
        malformed("chunk size is followed by something other than ';'", *line);
    const std::uint64_t unpaid = extension_bytes_ + (line->size() - digits);
    extension_bytes_ = static_cast<std::size_t>(unpaid - std::min(unpaid, remaining_));
    if (extension_bytes_ > limits_.chunk_extension_bytes)
        exceeds("chunk extensions exceed the data by more bytes", limits_.chunk_extension_bytes);
    state_ = remaining_ == 0 ? state::trailers : state::chunk;
    return true;
}

bool response_parser::take_chunk_end(bytes& input)
{
    while (!input.empty()) {
        const char character = input[0];
        if (character != '\n' && (character != '\r' || after_cr_))
            malformed("chunk is longer than its size says", input.subview(0, 80));
        input.remove_prefix(1);
        after_cr_ = character == '\r';
        if (!after_cr_) {
            state_ = state::chunk_size;
            return true;
        }
    }
    return false;
}

} // namespace portico::http
