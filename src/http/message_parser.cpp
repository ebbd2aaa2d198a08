// What the parsers of messages have in common: a state machine over lines and counted bytes; it copies no body byte.
#include <portico/http/message_parser.hpp>

#include "http/framing.hpp"
#include <algorithm>
#include <portico/error.hpp>
#include <portico/wire/text.hpp>
#include <utility>

namespace portico::inline v0_1::http {

using framing::exceeds;
using framing::malformed;

std::uint64_t message_parser::body_ahead() const noexcept
{
    if (state_ == state::endless_body)
        return limits_.body_bytes == unbounded ? unbounded : limits_.body_bytes - body_bytes_;
    return state_ == state::sized_body || state_ == state::chunk ? remaining_ : 0;
}

void message_parser::body_taken(std::uint64_t count)
{
    if (count > body_ahead())
        throw misuse("http::message_parser::body_taken: more bytes than body_ahead()");
    if (state_ != state::endless_body)
        remaining_ -= count;
    else if (limits_.body_bytes != unbounded)
        body_bytes_ += count;
}

void message_parser::begin_sized_body(std::uint64_t size)
{
    body_size_ = size;
    remaining_ = size;
    state_ = state::sized_body;
    count_body(size);
}

void message_parser::body_too_long() const
{
    exceeds("the body has more bytes", limits_.body_bytes);
}

void message_parser::count_body(std::uint64_t size)
{
    if (size > limits_.body_bytes - body_bytes_)
        body_too_long();
    body_bytes_ += size;
}

std::string message_parser::missing() const
{
    if (state_ == state::sized_body)
        return "the body ended " + std::to_string(remaining_) + " bytes too early";
    if (state_ == state::start_line || state_ == state::header)
        return "the stream ended inside the header";
    return "the stream ended inside a chunked body";
}

std::optional<std::string_view> message_parser::take_line(bytes& input, std::size_t limit)
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
    else if (rules_ == rules::strict)
        malformed("a line ends in LF without CR", line);
    if (line.find('\r') != line.npos || line.find('\0') != line.npos)
        malformed("a line holds NUL or a CR without LF", line);
    return line;
}

std::string_view message_parser::release_held() noexcept
{
    line_complete_ = true;
    return line_;
}

std::optional<std::string_view> message_parser::take_header_line(bytes& input)
{
    const auto line = take_line(input, std::min(limits_.line_bytes, limits_.header_bytes));
    if (!line)
        return line;
    header_bytes_ += line->size() + 2;
    if (header_bytes_ > limits_.header_bytes)
        exceeds("the header has more bytes", limits_.header_bytes);
    return line;
}

bool message_parser::take_fields(bytes& input, portico::fields& into)
{
    for (;;) {
        const auto line = take_header_line(input);
        if (!line || line->empty())
            return line.has_value();
        take_field(*line, into);
    }
}

void message_parser::take_field(std::string_view line, portico::fields& into)
{
    const bool strict = rules_ == rules::strict;
    if (line[0] == ' ' || line[0] == '\t') {
        if (strict || into.empty())
            malformed(into.empty() ? "folded line before the first header field" : "folded header line", line);
        const std::string_view more = text::trim(line);
        std::string& value = into.back().value;
        value.append(value.empty() || more.empty() ? "" : " ").append(more);
        return;
    }
    const std::size_t colon = line.find(':');
    if (colon == line.npos)
        malformed("header line has no colon", line);
    const std::string_view name = line.substr(0, colon), value = text::trim(line.substr(colon + 1));
    if (!text::is_token(name))
        malformed("header field has no valid name before its colon", line);
    if (strict && framing::has_control(value))
        malformed("header field holds a control character", line);
    if (++field_count_ > limits_.fields)
        exceeds("the header has more fields", limits_.fields);
    into.add(std::string(name), std::string(value));
}

message_parser::part message_parser::next_part(bytes& input)
{
    for (;;) {
        bool taken = true;
        switch (state_) {
        case state::sized_body:
        case state::endless_body:
        case state::chunk:
            if (const auto found = take_body(input))
                return *found;
            break;
        case state::chunk_size: taken = take_chunk_size(input); break;
        case state::chunk_end: taken = take_chunk_end(input); break;
        case state::trailers:
            taken = take_fields(input, trailers_);
            state_ = taken ? state::ended : state_;
            break;
        case state::start_line:
        case state::header:
        case state::headless_start:
        case state::ended: return part::end;
        }
        if (!taken)
            return part::need_more;
    }
}

std::optional<message_parser::part> message_parser::take_body(bytes& input)
{
    if (state_ != state::endless_body && remaining_ == 0) {
        state_ = state_ == state::chunk ? state::chunk_end : state::ended;
        return std::nullopt;
    }
    if (input.empty())
        return part::need_more;
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(body_ahead(), input.size()));
    if (size == 0)
        body_too_long();
    data_ = input.subview(0, size);
    body_taken(size);
    input.remove_prefix(size);
    return part::data;
}

/// RFC 9112 section 7.1; extensions are skipped, but counted.
bool message_parser::take_chunk_size(bytes& input)
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
    check_extension(line->substr(digits), *line);
    count_body(remaining_);
    state_ = remaining_ == 0 ? state::trailers : state::chunk;
    return true;
}

void message_parser::check_extension(std::string_view extension, std::string_view line)
{
    const bool strict = rules_ == rules::strict;
    const std::string_view shown = strict ? extension : text::trim(extension);
    if (!shown.empty() && shown[0] != ';')
        malformed("chunk size is followed by something other than ';'", line);
    if (strict && framing::has_control(extension))
        malformed("chunk extension holds a control character", line);
    const std::uint64_t unpaid = extension_bytes_ + extension.size();
    extension_bytes_ = static_cast<std::size_t>(unpaid - std::min(unpaid, remaining_));
    if (extension_bytes_ > limits_.chunk_extension_bytes)
        exceeds("chunk extensions exceed the data by more bytes", limits_.chunk_extension_bytes);
}

bool message_parser::take_chunk_end(bytes& input)
{
    while (!input.empty()) {
        const char character = input[0];
        const bool expected = character == '\n' ? after_cr_ || rules_ == rules::kind : character == '\r' && !after_cr_;
        if (!expected)
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
