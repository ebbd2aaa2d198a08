// The response parser: status lines, and how long the body behind the last one is (RFC 9112 section 6.3).
#include <portico/http/response_parser.hpp>

#include "http/framing.hpp"
#include <portico/error.hpp>
#include <portico/wire/text.hpp>

namespace portico::inline v0_1::http {

namespace {

constexpr std::string_view protocol = "HTTP/";

bool begins_as_protocol(std::string_view start)
{
    return protocol.starts_with(start.substr(0, protocol.size()));
}

bool begins_as_empty_line(std::string_view start)
{
    return start.starts_with("\r\n") || start.starts_with('\n') || start == "\r";
}

} // namespace

response_parser::response_parser(std::string_view request_method, const http::limits& most, response_options options)
    : message_parser(rules::kind, most), method_(request_method), options_(options)
{}

response_parser::event response_parser::next(bytes& input)
{
    started_ = started_ || !input.empty();
    while (state_ == state::start_line)
        if (!take_status_line(input))
            return event::need_more;
    switch (state_) {
    case state::header: return take_fields(input, head_.fields) ? header_ended() : event::need_more;
    case state::headless_start: return headless_begun(input);
    default: return next_of_body(input);
    }
}

void response_parser::finish()
{
    const bool complete = state_ == state::endless_body || (state_ == state::sized_body && body_ahead() == 0);
    if (!started_)
        throw protocol_error(errc::truncated, "wait for a response", "the connection was closed before one came");
    if (!complete && !ended())
        throw protocol_error(errc::truncated, "read response", missing());
    state_ = state::ended;
}

std::vector<std::string_view> response_parser::transfer_codings() const
{
    std::vector<std::string_view> left = head_.fields.elements("Transfer-Encoding");
    std::erase_if(left, [](std::string_view coding) {
        return text::equals_ignoring_case(coding, "chunked") || text::equals_ignoring_case(coding, "identity");
    });
    return left;
}

/// A server that speaks no HTTP need not be heard until it ends a line, which it may never do.
bool response_parser::is_status_line_ahead(bytes input) const
{
    if (input.empty() || held().size() >= protocol.size())
        return true;
    const std::string start = std::string(held()).append(input.subview(0, 80).text());
    const bool may_be_headless = options_.http09 && interim_count_ == 0;
    const bool expected = begins_as_protocol(start) || (!may_be_headless && begins_as_empty_line(start));
    if (!expected && !may_be_headless)
        framing::malformed("status line is not HTTP", start.substr(0, start.find('\n')));
    return expected;
}

/// Takes a line, if it is there, or finds that there will be none; whether one of both.
bool response_parser::take_status_line(bytes& input)
{
    if (!is_status_line_ahead(input)) {
        state_ = state::headless_start;
        return true;
    }
    const auto line = take_header_line(input);
    if (line && !line->empty()) {
        head_ = framing::parse_status_line(*line);
        state_ = state::header;
    }
    return line.has_value();
}

response_parser::event response_parser::header_ended()
{
    if (head_.status < 200 && head_.status != 101) {
        if (++interim_count_ > limits_.interim_responses)
            framing::exceeds("there are more interim responses", limits_.interim_responses);
        state_ = state::start_line;
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
    if (tunnel || method_ == "HEAD" || head_.status == 204 || head_.status == 304)
        return begin_sized_body(0);
    std::optional<std::uint64_t> length;
    if (!options_.ignore_content_length)
        length = framing::content_length(head_.fields);
    if (framing::is_chunked(head_.fields, options_.transfer_codings)) {
        state_ = state::chunk_size;
    } else if (length && transfer_codings().empty()) {
        begin_sized_body(*length);
    } else {
        persistent_ = false;
        state_ = state::endless_body;
    }
}

/// What came of a body without a head before it was known to be one is `held()`.
response_parser::event response_parser::headless_begun(bytes& input)
{
    if (!head_.http09) {
        head_.http09 = true;
        head_.status = 200;
        return event::head;
    }
    state_ = state::endless_body;
    if (held().empty())
        return next_of_body(input);
    data_ = release_held();
    count_body(data_.size());
    return event::data;
}

response_parser::event response_parser::next_of_body(bytes& input)
{
    const bytes given = input;
    const part found = next_part(input);
    if (options_.raw && input.size() < given.size()) {
        data_ = given.subview(0, given.size() - input.size());
        return event::data;
    }
    if (found == part::need_more)
        return event::need_more;
    return found == part::data ? event::data : event::end;
}

} // namespace portico::http
