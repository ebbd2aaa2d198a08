// Text helpers that every text protocol needs: ASCII case, optional whitespace, and bytes shown to a person.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace portico::inline v0_1::text {

/// An ASCII letter in lower case; any other character as it is. No locale is asked.
constexpr char to_lower(char character) noexcept
{
    return character >= 'A' && character <= 'Z' ? static_cast<char>(character - 'A' + 'a') : character;
}
constexpr bool is_digit(char character) noexcept
{
    return character >= '0' && character <= '9';
}
constexpr bool is_letter(char character) noexcept
{
    return to_lower(character) >= 'a' && to_lower(character) <= 'z';
}
/// C0 control characters and DEL.
constexpr bool is_control(char character) noexcept
{
    return static_cast<unsigned char>(character) < 0x20 || character == 0x7f;
}
/// The value of a hexadecimal digit, or -1.
constexpr int hex_value(char character) noexcept
{
    if (is_digit(character))
        return character - '0';
    const char lower = to_lower(character);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Equality of two texts, where ASCII letters of either case are equal.
bool equals_ignoring_case(std::string_view left, std::string_view right) noexcept;

/// The text without the spaces and tabs around it (OWS, RFC 9110 section 5.6.3).
std::string_view trim(std::string_view text) noexcept;

/// Whether the text is a token (RFC 9110 section 5.6.2): what a method and a field name must be.
bool is_token(std::string_view text) noexcept;

/// Foreign bytes as printable ASCII, for error messages and terminals: `\r`, `\n`, `\t`, `\\`, and `\x16` for every
/// other byte that is not printable ASCII. Of a text longer than `limit` bytes, the first `limit` and "...".
std::string escape(std::string_view text, std::size_t limit = 80);

} // namespace portico::text
