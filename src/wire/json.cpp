// json: escaping what is no printable ASCII.
#include <portico/wire/json.hpp>

#include "wire/utf8.hpp"

namespace portico::inline v0_1::text {

namespace {

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
        const auto [value, size] = first_character(text);
        append(quoted, value);
        text.remove_prefix(size);
    }
    return quoted += '"';
}

} // namespace portico::text
