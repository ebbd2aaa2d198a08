// What the receives and sends of a datagram socket return: operations to be awaited.
#pragma once

#include <portico/net/datagram_socket.hpp>

namespace portico::inline v0_1::detail {

/// Whether packets can be sent to it: it has a port or a name.
bool has_name(const endpoint& which) noexcept;
/// The same of a peer, where a Unix socket is connected to one without a name (socketpair(2)), too.
bool can_be_sent_to(const endpoint& which, bool is_peer) noexcept;

/// Completes with a packet.
class receiving final : public timed_operation {
public:
    receiving(datagram_socket& from, std::size_t limit, char* destination, bool peek);
    ~receiving();
    datagram value() noexcept { return std::move(found_); }

private:
    friend datagram_socket;
    bool attempt() noexcept override;
    void arm() noexcept override;
    void disarm() noexcept override;
    error describe(std::error_code code) const override { return from_.receive_error(code); }

    datagram_socket& from_;
    datagram_socket::request how_;
    datagram found_;
};

/// Completes when the system has taken the packet, or all of them.
class sending : public timed_operation, public list_node<blocked_tag> {
public:
    enum class target : bool { peer, other };
    /// Packets of `segment` bytes each; one where that is 0.
    sending(datagram_socket& from, bytes data, target which, const endpoint& to, const endpoint& source,
            std::size_t segment = 0);
    ~sending();
    void value() const noexcept {}

    /// The bytes of the packets that have been sent so far.
    std::size_t sent() const noexcept { return sent_; }

private:
    friend datagram_socket;
    class alarm final : public detail::timer {
    public:
        explicit alarm(sending& waiter) noexcept : waiter_(waiter) {}

    private:
        void on_expiry() noexcept override { waiter_.ready_later(); }
        sending& waiter_;
    };
    bool attempt() noexcept final;
    void arm() noexcept final;
    void disarm() noexcept final;
    error describe(std::error_code code) const final;
    bytes next() const noexcept;
    bool send_next() noexcept;
    void leave() noexcept;

    datagram_socket& from_;
    bytes data_;
    endpoint to_, source_;
    std::size_t segment_;
    std::size_t sent_ = 0;
    duration pause_;
    alarm alarm_{*this};
    bool to_peer_;
    bool one_by_one_ = false; // the system cannot cut it into segments
    bool has_waited_ = false;
};

} // namespace portico::detail

namespace portico::inline v0_1 {

inline detail::receiving datagram_socket::receive_from(std::size_t limit)
{
    return {*this, limit, nullptr, false};
}
inline detail::receiving datagram_socket::receive_into(std::span<char> destination)
{
    return {*this, destination.size(), destination.data(), false};
}
inline detail::receiving datagram_socket::peek_from(std::size_t limit)
{
    return {*this, limit, nullptr, true};
}
inline detail::sending datagram_socket::send_to(bytes data, const endpoint& to)
{
    return {*this, data, detail::sending::target::other, to, {}};
}
inline detail::sending datagram_socket::send_to(bytes data, const endpoint& to, const endpoint& from)
{
    return {*this, data, detail::sending::target::other, to, from};
}
inline detail::sending datagram_socket::send(bytes data)
{
    return {*this, data, detail::sending::target::peer, {}, {}};
}

} // namespace portico
