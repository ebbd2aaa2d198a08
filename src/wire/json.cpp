// json: decoding UTF-8, and escaping what is no printable ASCII.
#include <portico/wire/json.hpp>

namespace portico::inline v0_1::text {

namespace {

struct character {
    char32_t value;
    std::size_t size; // in bytes
};

constexpr character replacement{0xfffd, 1};

// The first character (RFC 3629 section 4): overlong forms, surrogates and values above U+10FFFF are none.
character first_of(std::string_view text) noexcept
{
    const auto lead = static_cast<unsigned char>(text[0]);
    if (lead < 0x80)
        return {lead, 1};
    const std::size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < size)
        return replacement;
    char32_t value = lead & (0x7fu >> size);
    for (std::size_t index = 1; index < size; ++index) {
        const auto octet = static_cast<unsigned char>(text[index]);
        if ((octet & 0xc0) != 0x80)
            return replacement;
        value = value << 6 | (octet & 0x3fu);
    }
    constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least[size] || (value >= 0xd800 && value < 0xe000) || value > 0x10ffff)
        return replacement;
    return {value, size};
}

void append_unit(std::string& to, char32_t unit)
{
    constexpr std::string_view digits = "0123456789abcdef";
    to += {'\\', 'u', digits[unit >> 12], digits[unit >> 8 & 15], digits[unit >> 4 & 15], digits[unit & 15]};
}

void append(std::string& to, char32_t value)
{
    switch (value) {
    case '"': to += "\\\""; return;
    case '\\': to += "\\\\"; return;
    case '\n': to += "\\n"; return;
    case '\r': to += "\\r"; return;
    case '\t': to += "\\t"; return;
    default: break;
    }
    if (value >= 0x20 && value < 0x7f) {
        to += static_cast<char>(value);
    } else if (value < 0x10000) {
        append_unit(to, value);
    } else { // a surrogate pair
        append_unit(to, 0xd800 + ((value - 0x10000) >> 10));
        append_unit(to, 0xdc00 + (value & 0x3ff));
    }
}

} // namespace

std::string json_string(std::string_view text)
{
    std::string quoted = "\"";
    while (!text.empty()) {
        const auto [value, size] = first_of(text);
        append(quoted, value);
        text.remove_prefix(size);
    }
    return quoted += '"';
}

} // namespace portico::text
