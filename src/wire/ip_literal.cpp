// IP addresses as text.
#include "wire/ip_literal.hpp"

#include <algorithm>
#include <portico/wire/text.hpp>

namespace portico::inline v0_1 {

bool is_ipv4(std::string_view text) noexcept
{
    for (int octets = 1;; ++octets) {
        const std::string_view octet = text.substr(0, text.find('.'));
        unsigned value = 0;
        for (const char digit : octet)
            value = text::is_digit(digit) ? value * 10 + static_cast<unsigned>(digit - '0') : 256;
        if (octet.empty() || octet.size() > 3 || value > 255 || (octet.size() > 1 && octet[0] == '0'))
            return false;
        text.remove_prefix(octet.size());
        if (text.empty() || octets == 4)
            return text.empty() && octets == 4;
        text.remove_prefix(1);
    }
}

bool is_ipv6(std::string_view text) noexcept
{
    int groups = 0;
    bool gap = text.starts_with("::");
    text.remove_prefix(gap ? 2 : 0);
    while (!text.empty() || (groups == 0 && !gap)) {
        const std::string_view group = text.substr(0, text.find(':'));
        if (group.size() == text.size() && is_ipv4(group)) {
            groups += 2;
            break;
        }
        const bool hexadecimal = std::ranges::all_of(group, [](char digit) { return text::hex_value(digit) >= 0; });
        if (group.empty() || group.size() > 4 || !hexadecimal)
            return false;
        ++groups;
        text.remove_prefix(group.size());
        if (text.empty())
            break;
        text.remove_prefix(1);
        if (text.empty() || (gap && text.starts_with(':')))
            return false;
        if (text.starts_with(':')) {
            gap = true;
            text.remove_prefix(1);
        }
    }
    return gap ? groups < 8 : groups == 8;
}

} // namespace portico
