// The rules of RFC 9112 on the head of a message.
#include "http/framing.hpp"

#include <algorithm>
#include <portico/wire/text.hpp>
#include <vector>

namespace portico::inline v0_1::http::framing {

void malformed(const std::string& why, std::string_view what)
{
    throw protocol_error(errc::malformed, "read response", why + ": " + text::escape(what));
}

void exceeds(const std::string& what, std::uint64_t limit)
{
    throw protocol_error(errc::limit_exceeded, "read response", what + " than " + std::to_string(limit));
}

response_head parse_status_line(std::string_view line)
{
    if (!line.starts_with("HTTP/"))
        malformed("status line is not HTTP", line);
    if (line.size() < 9 || line.substr(5, 2) != "1." || !text::is_digit(line[7]) || line[8] != ' ')
        malformed("status line is not HTTP/1.x", line);
    const std::string_view status = line.substr(9, 3), behind = line.substr(9 + status.size());
    if (status.size() != 3 || !std::ranges::all_of(status, text::is_digit) || status[0] == '0'
        || (!behind.empty() && behind[0] != ' '))
        malformed("status is not three digits from 100 to 999", line);
    response_head head;
    head.minor_version = line[7] - '0';
    head.status = (status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0');
    head.reason = text::trim(behind);
    return head;
}

bool has_control(std::string_view text) noexcept
{
    return std::ranges::any_of(
        text, [](char character) { return text::is_control(character) && character != '\t'; });
}

std::uint64_t parse_size(std::string_view text)
{
    std::uint64_t size = 0;
    for (const char character : text) {
        const auto digit = static_cast<std::uint64_t>(character - '0');
        if (!text::is_digit(character) || size > (largest_size - digit) / 10)
            malformed("Content-Length is no number up to 2^63-1", text);
        size = size * 10 + digit;
    }
    return size;
}

std::optional<std::uint64_t> content_length(const fields& header)
{
    if (!header.contains("Content-Length"))
        return std::nullopt;
    const std::vector<std::string_view> values = header.elements("Content-Length");
    if (values.empty())
        malformed("Content-Length is empty", "");
    const std::uint64_t size = parse_size(values.front());
    for (const std::string_view value : values)
        if (parse_size(value) != size)
            malformed("Content-Length values differ", std::string(values.front()) + ", " + std::string(value));
    return size;
}

bool is_chunked(const fields& header, bool others_allowed)
{
    const std::vector<std::string_view> codings = header.elements("Transfer-Encoding");
    if (codings.empty() && header.contains("Transfer-Encoding"))
        malformed("Transfer-Encoding is empty", "");
    bool chunked = false;
    for (const std::string_view coding : codings) {
        const bool is_last = text::equals_ignoring_case(coding, "chunked");
        if (!is_last && (chunked || !(others_allowed || text::equals_ignoring_case(coding, "identity"))))
            malformed("transfer coding is not chunked, or chunked is not the last one", coding);
        chunked = chunked || is_last;
    }
    return chunked;
}

bool is_kept_alive(int minor_version, const fields& header)
{
    return !header.contains_token("Connection", "close")
           && (minor_version > 0 || header.contains_token("Connection", "keep-alive"));
}

bool is_persistent(const response_head& head)
{
    const fields& header = head.fields;
    const bool has_length = header.contains("Content-Length"), has_coding = header.contains("Transfer-Encoding");
    if (head.status == 204 && (has_length || has_coding))
        return false;
    if (has_coding && (has_length || head.minor_version == 0 || header.elements("Transfer-Encoding").size() > 1))
        return false;
    return is_kept_alive(head.minor_version, header);
}

} // namespace portico::http::framing
