// memory_datagram: see datagram.hpp.
#include "datagram.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace portico::inline v0_1::memory {

namespace {

// An IPv4 endpoint as a dual-stack socket sees it (RFC 4291 section 2.5.5.2), and back.
endpoint mapped(const endpoint& which) noexcept
{
    std::array<std::uint8_t, 16> octets{};
    octets[10] = octets[11] = 0xff;
    std::ranges::copy(which.address(), octets.begin() + 12);
    return endpoint::ipv6(octets, which.port());
}

endpoint unmapped(const endpoint& which) noexcept
{
    const auto octets = which.address();
    const auto is_zero = [](std::uint8_t each) { return each == 0; };
    if (octets.size() != 16 || !std::ranges::all_of(octets.first(10), is_zero) || octets[10] != 0xff
        || octets[11] != 0xff)
        return which;
    return endpoint::ipv4({octets[12], octets[13], octets[14], octets[15]}, which.port());
}

bool is_broadcast(const endpoint& which) noexcept
{
    return which.family() == endpoint::family::ipv4
        && std::ranges::all_of(which.address(), [](std::uint8_t each) { return each == 0xff; });
}

std::error_code system_error(int code) noexcept
{
    return {code, std::system_category()};
}

} // namespace

bool is_group(const endpoint& which) noexcept
{
    return which.is_multicast() || is_broadcast(which);
}

bool datagram::takes(const endpoint& from, const endpoint& to) const noexcept
{
    if (peer_.family() != endpoint::family::none && unmapped(peer_) != from)
        return false;
    const bool every_address = at_.is_unspecified() && at_.port() == to.port()
        && (at_.family() == to.family() || (options_.dual_stack && at_.family() == endpoint::family::ipv6));
    if (unmapped(at_) != to && !every_address)
        return false;
    endpoint group = to, source = from;
    group.port(0);
    source.port(0);
    return !to.is_multicast() || std::ranges::any_of(memberships_, [&](const membership& each) {
        return each.group == group && (each.source.family() == endpoint::family::none || each.source == source);
    });
}

void datagram::deliver(bytes data, const endpoint& from, const endpoint& to, std::size_t segment)
{
    if (segment != 0 && !options_.coalesce) {
        for (; !data.empty(); data.remove_prefix(segment))
            deliver(data.subview(0, segment), from, to, 0);
        return;
    }
    if (!has_room())
        return;
    const bool as_ipv6 = at_.family() == endpoint::family::ipv6 && to.family() == endpoint::family::ipv4;
    arrival what;
    what.from = as_ipv6 ? mapped(from) : from;
    what.to = as_ipv6 ? mapped(to) : to;
    what.interface = to.is_ip() ? 1 : 0;
    what.segment = segment;
    what.group = is_group(to);
    queued_ += data.size() + overhead;
    waiting_.push_back({std::string(data.text()), std::move(what)});
    wake();
}

io_result datagram::try_receive(std::span<char> destination, arrival& what, bool peek) noexcept
{
    if (failure_ != 0)
        return {io_status::failed, 0, std::exchange(failure_, 0)};
    if (waiting_.empty())
        return {io_status::would_block};
    if (const int code = outside_.take_receive_failure())
        return {io_status::failed, 0, code};
    packet& next = waiting_.front();
    const std::size_t count = std::min(destination.size(), next.data.size());
    std::copy_n(next.data.begin(), count, destination.begin());
    what = next.what;
    what.truncated = count < next.data.size();
    if (!peek) {
        queued_ -= next.data.size() + overhead;
        waiting_.pop_front();
    }
    return {io_status::done, count};
}

io_result datagram::try_send(bytes data, const endpoint& to, const endpoint& from, std::size_t segment) noexcept
{
    constexpr std::size_t most_ipv4 = 65'507, most_ipv6 = 65'527;
    if (failure_ != 0)
        return {io_status::failed, 0, std::exchange(failure_, 0)};
    if (segment != 0 && !at_.is_ip())
        return {io_status::failed, 0, ENOPROTOOPT};
    const endpoint where = unmapped(to.family() == endpoint::family::none ? peer_ : to);
    if (where.family() == endpoint::family::none)
        return {io_status::failed, 0, EDESTADDRREQ};
    if (data.size() > (where.family() == endpoint::family::ipv4 ? most_ipv4 : most_ipv6))
        return {io_status::failed, 0, EMSGSIZE};
    if (is_broadcast(where) && !options_.broadcast)
        return {io_status::failed, 0, EACCES};
    endpoint source = unmapped(from.is_ip() && at_.is_ip() && !from.is_unspecified() ? from : at_);
    if (source.is_unspecified())
        source = outside_.source_for(where);
    source.port(at_.port());
    const auto found = outside_.receivers_of(source, where);
    if (!where.is_ip()) {
        if (found.empty())
            return {io_status::failed, 0, ECONNREFUSED};
        if (!found.front()->has_room())
            return {io_status::would_block};
    } else if (found.empty() && peer_.family() != endpoint::family::none && !where.is_multicast())
        failure_ = ECONNREFUSED; // as ICMP would have it
    for (datagram* const each : found)
        each->deliver(data, source, where, segment);
    wake();
    return {io_status::done, data.size()};
}

std::error_code datagram::connect(const endpoint& to) noexcept
{
    if (to.family() == endpoint::family::local && outside_.receivers_of(at_, to).empty())
        return system_error(ECONNREFUSED);
    peer_ = to;
    at_ = bound_;
    if (to.is_ip() && bound_.is_unspecified()) {
        const endpoint source = outside_.source_for(unmapped(to));
        at_ = source.family() == bound_.family() ? source : mapped(source);
        at_.port(bound_.port());
    }
    return {};
}

std::error_code datagram::set_membership(bool member, const endpoint& group, std::uint32_t interface,
                                         const endpoint& source) noexcept
{
    if (!group.is_multicast())
        return system_error(EINVAL);
    membership which{group, source, interface};
    which.group.port(0);
    which.source.port(0);
    const auto found = std::ranges::find(memberships_, which);
    if (member == (found != memberships_.end()))
        return system_error(member ? EADDRINUSE : EADDRNOTAVAIL);
    if (member)
        memberships_.push_back(which);
    else
        memberships_.erase(found);
    return {};
}

void datagram::wake() noexcept
{
    if (reader_ != nullptr && (!waiting_.empty() || failure_ != 0))
        std::exchange(reader_, nullptr)->ready_later();
    if (writer_ != nullptr)
        std::exchange(writer_, nullptr)->ready_later();
}

void datagram::wait(direction which, operation& waiter) noexcept
{
    (which == direction::read ? reader_ : writer_) = &waiter;
    wake();
}

void datagram::abandon(direction which) noexcept
{
    (which == direction::read ? reader_ : writer_) = nullptr;
}

void datagram::close() noexcept
{
    outside_.remove(*this);
    waiting_.clear();
    queued_ = 0;
    reader_ = writer_ = nullptr;
}

void datagram::release() noexcept
{
    close();
    delete this;
}

} // namespace portico::memory
