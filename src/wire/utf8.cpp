// UTF-8: decoding one character.
#include "wire/utf8.hpp"

namespace portico::inline v0_1::text {

character first_character(std::string_view text) noexcept
{
    constexpr character replacement{0xfffd, 1};
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

} // namespace portico::text
