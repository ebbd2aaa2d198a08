// ledger: see ledger.hpp.
#include "ledger.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace portico::inline v0_1::detail {

namespace {

// What is counted together: an IPv4 address, an IPv6 network of 64 bits.
std::uint64_t origin_of(std::span<const std::uint8_t> address) noexcept
{
    std::array<std::uint8_t, 8> key{0, 1}; // the networks of 1::/16 are nobody's
    if (address.size() == 4)
        std::memcpy(key.data() + 4, address.data(), 4);
    else
        std::memcpy(key.data(), address.data(), key.size());
    return std::bit_cast<std::uint64_t>(key);
}

std::uint64_t origin_of(const endpoint& from) noexcept
{
    return origin_of(from.family() == endpoint::family::ipv4 ? from.address() : from.unmapped().address());
}

} // namespace

std::size_t ledger::hash::operator()(std::uint64_t which) const noexcept
{
    std::uint64_t mixed = (which ^ seed) * 0x9e3779b97f4a7c15;
    mixed = (mixed ^ mixed >> 32) * (seed | 1);
    return mixed ^ mixed >> 29;
}

bool ledger::enter(const endpoint& from, place*& taken)
{
    if (!from.is_ip())
        return true;
    const guard lock(*this);
    if (open_.size() >= purge_at_) {
        std::erase_if(open_, [](const auto& each) { return each.second == 0; });
        purge_at_ = std::max<std::size_t>(2 * open_.size(), 1024);
    }
    place& found = open_[origin_of(from)];
    if (found >= most_)
        return false;
    ++found;
    taken = &found;
    return true;
}

} // namespace portico::detail
