// What fuzzers share: a check that ends the program, and inputs of several lines.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <string_view>

inline void require(bool condition)
{
    if (!condition)
        std::abort();
}

/// The text up to the next line feed, which is taken with it.
inline std::string_view take_line(std::string_view& text)
{
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}
