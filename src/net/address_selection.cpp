// address_selection: see address_selection.hpp.
#include "address_selection.hpp"

#include <algorithm>
#include <array>
#include <functional>

namespace portico::inline v0_1::detail {

namespace {

using octets = std::array<std::uint8_t, 16>;

// IPv4 addresses take part as IPv4-mapped ones (RFC 6724 section 2.1).
octets as_ipv6(const endpoint& which)
{
    octets made{};
    const auto address = which.address();
    if (address.size() == 4)
        made[10] = made[11] = 0xff;
    std::ranges::copy(address, made.end() - static_cast<std::ptrdiff_t>(address.size()));
    return made;
}

int common_bits(const octets& left, const octets& right) noexcept
{
    unsigned count = 0;
    while (count < 128 && ((left[count / 8] ^ right[count / 8]) & (0x80 >> count % 8)) == 0)
        ++count;
    return static_cast<int>(count);
}

struct policy {
    octets prefix;
    int length;
    int precedence;
    int label;
};

// RFC 6724 section 2.1; the longest prefix that matches counts, so the longest come first.
constexpr policy policies[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, 50, 0}, // ::1/128
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 35, 4},        // ::ffff:0:0/96
    {{}, 96, 1, 3},                                                 // ::/96
    {{0x20, 0x01}, 32, 5, 5},                                       // 2001::/32
    {{0x20, 0x02}, 16, 30, 2},                                      // 2002::/16
    {{0x3f, 0xfe}, 16, 1, 12},                                      // 3ffe::/16
    {{0xfe, 0xc0}, 10, 1, 11},                                      // fec0::/10
    {{0xfc}, 7, 3, 13},                                             // fc00::/7
    {{}, 0, 40, 1},                                                 // ::/0
};

const policy& policy_of(const octets& address) noexcept
{
    return *std::ranges::find_if(policies, [&](const policy& each) {
        return common_bits(each.prefix, address) >= each.length;
    });
}

// RFC 6724 section 3.1 and 3.2: that of a multicast address is in it; link-local is 2, site-local 5, global 14.
int scope_of(const endpoint& which) noexcept
{
    const auto address = which.address();
    if (which.family() == endpoint::family::ipv4)
        return which.is_loopback() || (address[0] == 169 && address[1] == 254) ? 2 : 14;
    if (which.is_multicast())
        return address[1] & 0x0f;
    if (which.is_loopback() || (address[0] == 0xfe && (address[1] & 0xc0) == 0x80))
        return 2;
    return address[0] == 0xfe && (address[1] & 0xc0) == 0xc0 ? 5 : 14;
}

/// What the rules ask of a destination, in their order: the larger, the better.
struct rank {
    bool usable;         // rule 1
    bool scope_matches;  // rule 2
    bool label_matches;  // rule 5
    int precedence;      // rule 6
    int negated_scope;   // rule 8
    int common_prefix;   // rule 9
    auto operator<=>(const rank&) const = default;
};

rank rank_of(const destination& which)
{
    if (!which.from.is_ip())
        return {};
    const octets to = as_ipv6(which.to), from = as_ipv6(which.from);
    const policy& own = policy_of(to);
    const int scope = scope_of(which.to);
    // An interface has 64 bits to itself (RFC 4291). Of IPv4 it is not known how many, and to count them would undo the
    // rotation by which name servers spread the load.
    const bool is_ipv6 = which.to.family() == endpoint::family::ipv6;
    const int common = is_ipv6 ? std::min(common_bits(to, from), 64) : 0;
    return {true, scope == scope_of(which.from), own.label == policy_of(from).label, own.precedence, -scope, common};
}

} // namespace

void sort_by_preference(std::vector<destination>& which)
{
    // Rule 9 is for addresses of one family; those of two differ in precedence already.
    std::ranges::stable_sort(which, std::ranges::greater(), rank_of);
}

endpoint take_next(std::vector<destination>& sorted, enum endpoint::family tried_before)
{
    auto next = std::ranges::find_if(sorted, [&](const destination& each) { return each.to.family() != tried_before; });
    if (next == sorted.end())
        next = sorted.begin();
    endpoint taken = std::move(next->to);
    sorted.erase(next);
    return taken;
}

} // namespace portico::detail
