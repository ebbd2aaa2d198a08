// UTF-8 (RFC 3629), character by character.
#pragma once

#include <cstddef>
#include <string_view>

namespace portico::inline v0_1::text {

/// A character and how many bytes it takes.
struct character {
    char32_t value;
    std::size_t size;
    /// Whether it is one: what stands for a byte that is no part of valid UTF-8 has 1 byte; U+FFFD itself has 3.
    bool valid() const noexcept { return value != 0xfffd || size != 1; }
};

/// The first character of a text that is not empty. Overlong forms, surrogates and values above U+10FFFF are not valid.
character first_character(std::string_view text) noexcept;

} // namespace portico::text
