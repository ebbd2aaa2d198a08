// Text helpers: case, whitespace, tokens, and bytes shown to a person.
#include <portico/wire/text.hpp>

#include <algorithm>

namespace portico::inline v0_1::text {

bool equals_ignoring_case(std::string_view left, std::string_view right) noexcept
{
    return std::ranges::equal(left, right, {}, to_lower, to_lower);
}

std::string_view trim(std::string_view text) noexcept
{
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == text.npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_token(std::string_view text) noexcept
{
    static constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::ranges::all_of(text, [](char character) {
        return is_letter(character) || is_digit(character) || marks.find(character) != marks.npos;
    });
}

std::string escape(std::string_view text, std::size_t limit)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string shown;
    for (const char character : text.substr(0, limit)) {
        const auto octet = static_cast<unsigned char>(character);
        switch (character) {
        case '\r': shown += "\\r"; continue;
        case '\n': shown += "\\n"; continue;
        case '\t': shown += "\\t"; continue;
        case '\\': shown += "\\\\"; continue;
        default: break;
        }
        if (octet >= 0x20 && octet < 0x7f)
            shown += character;
        else
            shown += {'\\', 'x', digits[octet >> 4], digits[octet & 15]};
    }
    return text.size() > limit ? shown + "..." : shown;
}

} // namespace portico::text
