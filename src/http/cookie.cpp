// cookies as text: one cookie out of a field or a line, and back.
#include "http/cookie.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <portico/http/date.hpp>
#include <portico/wire/text.hpp>

namespace portico::inline v0_1::http::detail {

namespace {

using std::chrono::days;
using std::chrono::seconds;

constexpr seconds longest_life = days(400); // RFC 6265bis section 5.5

/// What is before the mark, without blanks around it; the text begins behind the mark then.
std::string_view cut(std::string_view& text, char mark)
{
    const std::size_t end = std::min(text.find(mark), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return text::trim(part);
}

std::string lower(std::string_view text)
{
    std::string result(text);
    std::ranges::transform(result, result.begin(), text::to_lower);
    return result;
}

/// RFC 6265 section 5.2.2. Nothing if it is no number.
std::optional<cookie_jar::time> parse_max_age(std::string_view value, cookie_jar::time now)
{
    const bool negative = value.starts_with('-');
    value.remove_prefix(negative ? 1 : 0);
    if (value.empty() || !std::ranges::all_of(value, text::is_digit))
        return std::nullopt;
    seconds age(0);
    for (const char digit : value)
        age = std::min(age * 10 + seconds(digit - '0'), longest_life);
    return negative ? now : now + age;
}

bool is_bool(std::string_view text)
{
    return text::equals_ignoring_case(text, "TRUE") || text::equals_ignoring_case(text, "FALSE");
}

} // namespace

std::string comparable_host(std::string_view host)
{
    return lower(host.substr(0, host.find_last_not_of('.') + 1));
}

std::optional<cookie> parse_set_cookie(std::string_view value, cookie_jar::time now)
{
    const auto forbidden = [](char each) { return text::is_control(each) && each != '\t'; };
    std::string_view pair = value.substr(0, value.find(';'));
    const bool named = pair.find('=') != pair.npos;
    cookie found;
    found.name = cut(pair, '=');
    found.value = text::trim(pair);
    if (!named || found.name.empty() || std::ranges::any_of(value, forbidden))
        return std::nullopt;
    std::optional<cookie_jar::time> expires, max_age;
    cut(value, ';');
    while (!value.empty()) {
        std::string_view argument = value.substr(0, value.find(';'));
        cut(value, ';');
        const std::string_view attribute = cut(argument, '=');
        argument = text::trim(argument);
        if (argument.size() > 1 && argument.starts_with('"') && argument.ends_with('"')) // as old servers write
            argument = argument.substr(1, argument.size() - 2);
        const auto is = [attribute](std::string_view name) { return text::equals_ignoring_case(attribute, name); };
        if (argument.size() > 1024)
            continue;
        if (is("Domain"))
            found.domain = comparable_host(argument.substr(argument.starts_with('.') ? 1 : 0));
        else if (is("Path"))
            found.path = argument.starts_with('/') ? argument : "";
        else if (is("Expires"))
            expires = parse_date(argument);
        else if (is("Max-Age"))
            max_age = parse_max_age(argument, now);
        else if (is("Secure"))
            found.secure = true;
        else if (is("HttpOnly"))
            found.http_only = true;
    }
    found.expiry = max_age ? max_age : expires;
    if (found.expiry)
        found.expiry = std::min(*found.expiry, now + longest_life);
    return found;
}

std::optional<cookie> parse_netscape_line(std::string_view line)
{
    constexpr std::string_view http_only = "#HttpOnly_";
    cookie found;
    found.http_only = line.starts_with(http_only);
    line.remove_prefix(found.http_only ? http_only.size() : 0);
    std::string_view parts[7];
    std::size_t count = 0;
    for (bool more = true; more && count < 7; ++count) {
        const std::size_t end = line.find('\t');
        more = end != line.npos;
        parts[count] = line.substr(0, end);
        line.remove_prefix(more ? end + 1 : line.size());
    }
    const auto [domain, subdomains, path, secure, expiry, name, value] = parts;
    if (count < 6 || !line.empty() || !is_bool(subdomains) || !is_bool(secure))
        return std::nullopt;
    std::int64_t time = 0;
    const auto [end, failure] = std::from_chars(expiry.data(), expiry.data() + expiry.size(), time);
    if (failure == std::errc::invalid_argument)
        return std::nullopt;
    if (failure == std::errc::result_out_of_range)
        time = expiry.starts_with('-') ? INT64_MIN : INT64_MAX;
    found.domain = comparable_host(domain.substr(domain.starts_with('.') ? 1 : 0));
    found.host_only = !text::equals_ignoring_case(subdomains, "TRUE");
    found.path = path;
    found.secure = text::equals_ignoring_case(secure, "TRUE");
    if (time != 0)
        found.expiry = cookie_jar::time(seconds(time));
    found.name = name;
    found.value = value;
    return found;
}

std::string netscape_line(const cookie& of)
{
    std::string line = of.http_only ? "#HttpOnly_" : "";
    const auto add = [&line](std::string_view part, char end = '\t') { line.append(part) += end; };
    const auto add_bool = [&add](bool value) { add(value ? "TRUE" : "FALSE"); };
    line += of.host_only ? "" : ".";
    add(of.domain);
    add_bool(!of.host_only);
    add(of.path);
    add_bool(of.secure);
    add(of.expiry ? std::to_string(of.expiry->time_since_epoch().count()) : "0");
    add(of.name);
    add(of.value, '\n');
    return line;
}

} // namespace portico::http::detail
