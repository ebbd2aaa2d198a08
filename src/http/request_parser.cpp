// The request parser: request line, Host, and how long the body is, by the letter of RFC 9112.
#include <portico/http/request_parser.hpp>

#include "http/framing.hpp"
#include <algorithm>
#include <portico/wire/text.hpp>
#include <portico/wire/url.hpp>
#include <utility>
#include <vector>

namespace portico::inline v0_1::http {

namespace {

[[noreturn]] void refuse(const std::string& why, std::string_view what, int status = 400)
{
    throw request_error(status, errc::malformed, why + (what.empty() ? "" : ": " + text::escape(what)));
}

/// RFC 3986's host and port. In an IPv6 address there is no zone: it means nothing to a peer.
bool is_authority(std::string_view text)
{
    static constexpr std::string_view marks = "-._~%!$&'()*+,;=:[]";
    const bool plain = std::ranges::all_of(text, [](char character) {
        return text::is_letter(character) || text::is_digit(character) || marks.find(character) != marks.npos;
    });
    if (!plain || (text.starts_with('[') && text.find('%') != text.npos))
        return false;
    try {
        (void)url("http://" + std::string(text));
        return true;
    } catch (const error&) {
        return false;
    }
}

bool ends_in_port(std::string_view authority)
{
    const std::size_t colon = authority.rfind(':');
    return colon != authority.npos && colon + 1 < authority.size()
           && std::ranges::all_of(authority.substr(colon + 1), text::is_digit);
}

/// The scheme of a target in absolute-form with its `://`, or nothing.
std::string_view scheme_of(std::string_view target)
{
    for (const std::string_view scheme : {"http://", "https://"})
        if (text::equals_ignoring_case(target.substr(0, scheme.size()), scheme))
            return target.substr(0, scheme.size());
    return {};
}

std::string_view authority_of(std::string_view target)
{
    target.remove_prefix(scheme_of(target).size());
    return target.substr(0, target.find_first_of("/?"));
}

/// RFC 9112 section 3.2.
void check_target(const request_head& head)
{
    const std::string_view target = head.target;
    const bool visible = std::ranges::all_of(
        target, [](char character) { return character > ' ' && character < 0x7f && character != '#'; });
    bool of_its_form = target.starts_with('/');
    if (head.method == "CONNECT")
        of_its_form = is_authority(target) && ends_in_port(target);
    else if (target == "*")
        of_its_form = head.method == "OPTIONS";
    else if (!scheme_of(target).empty())
        of_its_form = is_authority(authority_of(target));
    if (!visible || !of_its_form)
        refuse("the target does not have the form for " + text::escape(head.method), target);
}

request_head parse_request_line(std::string_view line)
{
    const std::size_t first = line.find(' '), last = line.rfind(' ');
    if (first == last || last - first == 1)
        refuse("request line is not a method, a target and a version with one space between them", line);
    const std::string_view version = line.substr(last + 1);
    request_head head;
    head.method = line.substr(0, first);
    head.target = line.substr(first + 1, last - first - 1);
    if (!text::is_token(head.method))
        refuse("the method is no token", line);
    if (version.size() != 8 || !version.starts_with("HTTP/") || version[6] != '.' || !text::is_digit(version[5])
        || !text::is_digit(version[7]))
        refuse("request line does not end in a version of HTTP", line);
    if (version[5] != '1')
        refuse("only HTTP/1.x is spoken here", version, 505);
    head.minor_version = version[7] - '0';
    check_target(head);
    return head;
}

/// RFC 9112 section 3.2 and 3.2.2.
void check_host(const request_head& head)
{
    const std::vector<std::string_view> hosts = head.fields.all("Host");
    if (hosts.size() > 1 || (hosts.empty() && head.minor_version > 0))
        refuse("there must be one Host field, and not " + std::to_string(hosts.size()), "");
    if (hosts.empty())
        return;
    const std::string_view host = hosts.front(), scheme = scheme_of(head.target);
    if (!host.empty() && !is_authority(host))
        refuse("Host is no host and port", host);
    if (scheme.empty())
        return;
    const auto authority = [scheme](std::string_view text) {
        return url(std::string(scheme).append(text)).authority();
    };
    if (host.empty() || authority(host) != authority(authority_of(head.target)))
        refuse("Host is not that of the target", host);
}

/// RFC 9112 sections 6.1 and 6.3: a server may not guess where a request ends.
void check_chunked(const request_head& head)
{
    const std::vector<std::string_view> values = head.fields.all("Transfer-Encoding");
    if (head.minor_version == 0)
        refuse("Transfer-Encoding in HTTP/1.0", values.front());
    if (values.size() == 1 && text::equals_ignoring_case(values.front(), "chunked"))
        return;
    const std::vector<std::string_view> codings = head.fields.elements("Transfer-Encoding");
    const auto is_chunked = [](std::string_view coding) { return text::equals_ignoring_case(coding, "chunked"); };
    if (std::ranges::count_if(codings, is_chunked) != 1 || !is_chunked(codings.back()))
        refuse("transfer coding is not chunked, or chunked is not the last one, once", values.back());
    refuse("another transfer coding than chunked", codings.front(), codings.size() > 1 ? 501 : 400);
}

std::uint64_t content_length(const fields& header)
{
    const std::vector<std::string_view> values = header.all("Content-Length");
    if (values.size() > 1 || values.front().empty())
        refuse("Content-Length is empty or there more than once", values.front());
    return framing::parse_size(values.front());
}

} // namespace

request_parser::event request_parser::next(bytes& input)
{
    try {
        return parse(input);
    } catch (const request_error&) {
        throw;
    } catch (const protocol_error& failure) {
        if (failure.code() != errc::limit_exceeded)
            throw request_error(400, errc::malformed, failure.detail());
        throw request_error(status_beyond_limit(), errc::limit_exceeded, failure.detail());
    }
}

int request_parser::status_beyond_limit() const noexcept
{
    switch (state_) {
    case state::start_line: return 414;
    case state::header:
    case state::trailers: return 431;
    default: return 413;
    }
}

void request_parser::finish()
{
    const bool idle = state_ == state::start_line && held().empty();
    if (state_ == state::sized_body && body_ahead() == 0)
        state_ = state::ended;
    if (!ended() && !idle)
        throw request_error(400, errc::truncated, missing());
}

bool request_parser::expects_continue() const
{
    return head_.minor_version > 0 && body_size() != 0 && head_.fields.contains_token("Expect", "100-continue");
}

request_parser::event request_parser::parse(bytes& input)
{
    started_ = started_ || !input.empty();
    while (state_ == state::start_line)
        if (!take_request_line(input))
            return event::need_more;
    if (state_ == state::header) {
        if (!take_fields(input, head_.fields))
            return event::need_more;
        begin_body();
        return event::head;
    }
    switch (next_part(input)) {
    case part::need_more: return event::need_more;
    case part::data: return event::data;
    case part::end: break;
    }
    return event::end;
}

/// What begins no method need not be heard until it ends a line.
bool request_parser::take_request_line(bytes& input)
{
    if (held().empty() && !input.empty() && input[0] != '\r' && !text::is_token(input.subview(0, 1)))
        refuse("request line begins with no method", input.subview(0, 80));
    const auto line = take_header_line(input);
    if (!line)
        return false;
    if (!line->empty()) {
        head_ = parse_request_line(*line);
        state_ = state::header;
    } else if (std::exchange(empty_line_seen_, true)) {
        refuse("more than one empty line before the request line", "");
    }
    return true;
}

/// RFC 9112 section 6.3.
void request_parser::begin_body()
{
    check_host(head_);
    const portico::fields& header = head_.fields;
    const bool has_length = header.contains("Content-Length"), has_coding = header.contains("Transfer-Encoding");
    if (has_length && has_coding)
        refuse("Content-Length beside Transfer-Encoding", "");
    if (has_coding)
        check_chunked(head_);
    const std::uint64_t length = has_length ? content_length(header) : 0;
    if (head_.method == "CONNECT" && (has_coding || length != 0))
        refuse("CONNECT with content", "");
    persistent_ = framing::is_kept_alive(head_.minor_version, header);
    if (has_coding)
        state_ = state::chunk_size;
    else
        begin_sized_body(length);
}

} // namespace portico::http
