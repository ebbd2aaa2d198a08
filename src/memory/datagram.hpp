// memory_datagram: a datagram socket in memory. Packets arrive at once, in order, and are dropped where there is no
// room.
#pragma once

#include <deque>
#include <portico/memory/memory_backend.hpp>
#include <portico/net/datagram_transport.hpp>
#include <string>
#include <vector>

namespace portico::inline v0_1::memory {

/// A multicast or broadcast address.
bool is_group(const endpoint& which) noexcept;

class datagram final : public datagram_transport {
public:
    datagram(memory_backend& outside, const endpoint& at, const datagram_options& options)
        : outside_(outside), at_(at), bound_(at), options_(options) {}

    bool is_bound_to(const endpoint& at) const noexcept { return bound_ == at; }
    bool is_shared() const noexcept { return options_.reuse_address || options_.reuse_port; }
    /// Whether a packet from one endpoint to another is for this socket.
    bool takes(const endpoint& from, const endpoint& to) const noexcept;
    bool has_room() const noexcept { return queued_ < most_queued; }
    void deliver(bytes data, const endpoint& from, const endpoint& to, std::size_t segment);

    io_result try_receive(std::span<char> destination, arrival& what, bool peek) noexcept override;
    io_result try_send(bytes data, const endpoint& to, const endpoint& from, std::size_t segment) noexcept override;
    std::error_code connect(const endpoint& to) noexcept override;
    std::error_code set_membership(bool member, const endpoint& group, std::uint32_t interface,
                                   const endpoint& source) noexcept override;
    void wait(direction which, operation& waiter) noexcept override;
    void abandon(direction which) noexcept override;
    void close() noexcept override;
    void release() noexcept override;
    endpoint local_endpoint() const noexcept override { return at_; }
    endpoint remote_endpoint() const noexcept override { return peer_; }

private:
    static constexpr std::size_t most_queued = 208 * 1024, overhead = 64; // bytes, in all and for each packet
    struct packet {
        std::string data;
        arrival what;
    };
    struct membership {
        endpoint group, source;
        std::uint32_t interface;
        friend bool operator==(const membership&, const membership&) = default;
    };
    void wake() noexcept;

    memory_backend& outside_;
    endpoint at_, bound_, peer_; // at_ is what connecting has made of bound_
    datagram_options options_;
    std::deque<packet> waiting_;
    std::size_t queued_ = 0;
    std::vector<membership> memberships_;
    operation* reader_ = nullptr;
    operation* writer_ = nullptr;
    int failure_ = 0; // told to the next operation
};

} // namespace portico::memory
