// Names for files: parsing Content-Disposition, and making names safe.
#include <portico/http/content_disposition.hpp>

#include "wire/utf8.hpp"
#include <algorithm>
#include <portico/wire/text.hpp>

namespace portico::inline v0_1::http {

namespace {

constexpr std::size_t longest_name = 200, longest_extension = 16;

bool is_utf8(std::string_view text)
{
    while (!text.empty()) {
        const text::character first = text::first_character(text);
        if (!first.valid())
            return false;
        text.remove_prefix(first.size);
    }
    return true;
}

std::string from_latin1(std::string_view text)
{
    std::string utf8;
    for (const char each : text) {
        const auto octet = static_cast<unsigned char>(each);
        if (octet < 0x80)
            utf8 += each;
        else
            utf8 += {static_cast<char>(0xc0 | octet >> 6), static_cast<char>(0x80 | (octet & 0x3f))};
    }
    return utf8;
}

/// A quoted-string (RFC 9110 section 5.6.4), from its mark on; what is left begins behind it.
std::string take_quoted(std::string_view& rest)
{
    std::string value;
    std::size_t position = 1;
    for (; position < rest.size() && rest[position] != '"'; ++position) {
        position += rest[position] == '\\' && position + 1 < rest.size() ? 1 : 0;
        value += rest[position];
    }
    rest.remove_prefix(std::min(position + 1, rest.size()));
    return value;
}

/// ext-value (RFC 8187 section 3.2): charset'language'percent-encoded.
std::optional<std::string> decode_extended(std::string_view value)
{
    const std::size_t charset_end = std::min(value.find('\''), value.size());
    const std::size_t language_end = value.find('\'', charset_end + 1);
    if (language_end == value.npos)
        return std::nullopt;
    const std::string_view charset = value.substr(0, charset_end);
    std::string name = percent_decode(value.substr(language_end + 1));
    if (text::equals_ignoring_case(charset, "UTF-8") && is_utf8(name))
        return name;
    if (text::equals_ignoring_case(charset, "ISO-8859-1"))
        return from_latin1(name);
    return std::nullopt;
}

/// Whether a character has no place in a name: it is invisible, breaks the line, or turns the direction of text.
bool is_harmful(const text::character& each)
{
    const char32_t value = each.value;
    return !each.valid() || value < 0x20 || (value >= 0x7f && value < 0xa0) || (value >= 0x200b && value <= 0x200f)
           || (value >= 0x2028 && value <= 0x202e) || (value >= 0x2060 && value <= 0x206f) || value == 0xfeff;
}

std::string_view trim_name(std::string_view name)
{
    name = name.substr(0, name.find_last_not_of(" \t.") + 1);
    return name.substr(std::min(name.find_first_not_of(" \t"), name.size()));
}

/// The name without its middle, so that it is short enough; its extension stays.
std::string shortened(std::string name)
{
    if (name.size() <= longest_name)
        return name;
    const std::size_t dot = std::min(name.rfind('.'), name.size());
    const std::string extension = name.size() - dot <= longest_extension ? name.substr(dot) : "";
    std::size_t kept = longest_name - extension.size();
    while ((static_cast<unsigned char>(name[kept]) & 0xc0) == 0x80) // within a character
        --kept;
    return std::string(trim_name(name.substr(0, kept))) + extension;
}

std::string last_segment(std::string_view name)
{
    std::string_view rest = trim_name(name.substr(name.find_last_of("/\\") + 1));
    std::string safe;
    while (!rest.empty()) {
        const text::character first = text::first_character(rest);
        safe += is_harmful(first) ? "_" : rest.substr(0, first.size);
        rest.remove_prefix(first.size);
    }
    return shortened(std::move(safe));
}

} // namespace

std::optional<std::string> file_name_of(std::string_view content_disposition)
{
    std::optional<std::string> plain, extended;
    std::string_view rest = content_disposition;
    while (!rest.empty()) {
        const std::size_t name_end = std::min(rest.find_first_of("=;"), rest.size());
        const std::string_view name = text::trim(rest.substr(0, name_end));
        std::string value;
        if (name_end < rest.size() && rest[name_end] == '=') {
            rest.remove_prefix(std::min(rest.find_first_not_of(" \t", name_end + 1), rest.size()));
            value = rest.starts_with('"') ? take_quoted(rest) : std::string(text::trim(rest.substr(0, rest.find(';'))));
        }
        rest.remove_prefix(std::min(rest.find(';'), rest.size() - 1) + 1);
        if (!plain && !value.empty() && text::equals_ignoring_case(name, "filename"))
            plain = is_utf8(value) ? value : from_latin1(value);
        if (!extended && text::equals_ignoring_case(name, "filename*"))
            extended = decode_extended(value);
    }
    return extended && !extended->empty() ? extended : plain;
}

std::string safe_file_name(std::string_view name)
{
    std::string safe = last_segment(name);
    if (safe.starts_with('.') || safe.starts_with('-'))
        safe[0] = '_';
    // What goes on with a download must not come from a server.
    std::string lower(safe);
    std::ranges::transform(lower, lower.begin(), text::to_lower);
    if (lower.ends_with(".part") || lower.ends_with(".part.meta"))
        safe += '_';
    return safe;
}

std::string file_name(const url& of)
{
    std::string_view path = of.path();
    path = path.substr(0, path.find_last_not_of('/') + 1);
    std::string name = last_segment(percent_decode(path.substr(path.rfind('/') + 1)));
    return name.empty() ? "index.html" : name;
}

} // namespace portico::http
