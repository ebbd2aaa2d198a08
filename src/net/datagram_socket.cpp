// datagram_socket: its life, and taking packets apart; the operations are in datagram_operations.cpp.
#include <portico/net/datagram_socket.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

namespace portico::inline v0_1 {

namespace {

// What one receive of a socket that coalesces may bring: as much as an IP packet can hold.
constexpr std::size_t most_coalesced = 65'535;
constexpr std::size_t most_max_size = 1024 * 1024;

} // namespace

datagram_socket::datagram_socket(context& owner, datagram_transport_ptr transport,
                                 const datagram_options& options) noexcept
    : owner_(&owner), transport_(std::move(transport)), remote_(transport_->remote_endpoint()),
      max_size_(std::min(options.max_size, most_max_size)),
      coalesces_(options.coalesce && transport_->local_endpoint().is_ip())
{
}

datagram_socket::datagram_socket(datagram_socket&& other)
    : owner_((other.check_idle(), other.owner_)), transport_(std::move(other.transport_)),
      buffer_(std::move(other.buffer_)), arrival_(std::move(other.arrival_)), rest_(std::exchange(other.rest_, {})),
      remote_(std::move(other.remote_)), max_size_(other.max_size_), timeout_(other.timeout_),
      coalesces_(other.coalesces_)
{
}

datagram_socket& datagram_socket::operator=(datagram_socket&& other)
{
    check_idle();
    other.check_idle();
    if (this != &other) {
        std::destroy_at(this);
        std::construct_at(this, std::move(other));
    }
    return *this;
}

datagram_socket::~datagram_socket() = default;

void datagram_socket::check_idle() const
{
    if (receiving_ != nullptr || sends_ != 0)
        throw misuse("a datagram socket was moved while a receive or a send was under way");
}

// Takes from the system what comes next: one packet, or several that it has joined.
io_result datagram_socket::fill_rest(const request& how, bool direct) noexcept
try {
    const std::span<char> room = direct ? std::span(how.destination, how.limit)
                                        : buffer_.prepare(coalesces_ ? most_coalesced : max_size_);
    arrival_ = {};
    const io_result got = transport_->try_receive(room, arrival_, how.peek);
    if (got.status != io_status::done)
        return got;
    if (!direct)
        buffer_.commit(got.count);
    rest_ = {room.data(), got.count};
    return got;
} catch (const std::bad_alloc&) {
    return {io_status::failed, 0, ENOMEM};
}

// Takes the next packet: from what was coalesced, or from the system.
io_result datagram_socket::receive(datagram& found, const request& how) noexcept
{
    const bool had_rest = !rest_.empty();
    const bool direct = how.destination != nullptr && !coalesces_ && !had_rest;
    if (!had_rest) {
        const io_result got = fill_rest(how, direct);
        if (got.status != io_status::done)
            return got;
    }
    const std::size_t size = arrival_.segment == 0 ? rest_.size() : std::min(arrival_.segment, rest_.size());
    const std::size_t most = how.destination != nullptr ? how.limit : std::min(how.limit, max_size_);
    found.data = rest_.subview(0, std::min(size, most));
    if (how.destination != nullptr && !direct && !found.data.empty()) {
        std::memcpy(how.destination, found.data.data(), found.data.size());
        found.data = {how.destination, found.data.size()};
    }
    found.from = arrival_.from;
    found.to = arrival_.to;
    found.interface = arrival_.interface;
    found.group = arrival_.group;
    found.truncated = arrival_.truncated || size > most;
    if (direct || (how.peek && !had_rest))
        rest_ = {};
    else if (!how.peek)
        rest_.remove_prefix(size);
    return {io_status::done};
}

std::optional<datagram> datagram_socket::try_receive_from(std::size_t limit)
{
    if (receiving_ != nullptr)
        throw misuse("a second receive on a datagram socket while one is under way");
    if (!is_open())
        throw receive_error(errc::closed);
    datagram found;
    request how;
    how.limit = limit;
    const io_result got = receive(found, how);
    if (got.status == io_status::done)
        return found;
    buffer_.wait();
    if (got.status == io_status::failed)
        throw receive_error(std::error_code(got.code, std::system_category()));
    return {};
}

bool datagram_socket::try_send_to(bytes data, const endpoint& to, const endpoint& from)
{
    return send_now(data, to, from, false);
}

bool datagram_socket::try_send(bytes data)
{
    if (remote_.family() == endpoint::family::none)
        throw misuse("a send without an address on a datagram socket that is not connected");
    return send_now(data, remote_, {}, true);
}

bool datagram_socket::send_now(bytes data, const endpoint& to, const endpoint& from, bool to_peer)
{
    if (!is_open())
        throw send_error(errc::closed, to, data.size());
    const io_result sent = detail::can_be_sent_to(to, to_peer)
                             ? transport_->try_send(data, to_peer ? endpoint() : to, from, 0)
                             : io_result{io_status::failed, 0, EDESTADDRREQ};
    if (sent.status == io_status::failed)
        throw send_error(std::error_code(sent.code, std::system_category()), to, data.size());
    return sent.status == io_status::done;
}

error datagram_socket::receive_error(std::error_code code) const
{
    const phase during = code == errc::timed_out ? phase::read : phase::none;
    if (remote_.family() != endpoint::family::none)
        return {code, "receive from", to_string(remote_), during};
    return {code, "receive at", to_string(local_endpoint()), during};
}

error datagram_socket::send_error(std::error_code code, const endpoint& to, std::size_t size) const
{
    std::string detail;
    if (code == std::errc::message_size)
        detail = std::to_string(size) + " bytes";
    return {code, "send to", to_string(to), code == errc::timed_out ? phase::write : phase::none, detail};
}

result<void> datagram_socket::connect(const endpoint& peer)
{
    std::error_code code = errc::closed;
    if (is_open() && !detail::has_name(peer))
        code = std::error_code(EDESTADDRREQ, std::system_category());
    else if (is_open()) {
        code = transport_->connect(peer);
        remote_ = code ? transport_->remote_endpoint() : peer;
    }
    if (code)
        return error(code, "connect to", to_string(peer));
    return {};
}

result<void> datagram_socket::disconnect()
{
    if (!is_open())
        return error(errc::closed, "disconnect from", to_string(remote_));
    const std::error_code code = transport_->connect({});
    const endpoint before = std::exchange(remote_, code ? transport_->remote_endpoint() : endpoint());
    if (code)
        return error(code, "disconnect from", to_string(before));
    return {};
}

result<void> datagram_socket::set_membership(bool member, const endpoint& group, std::uint32_t interface,
                                             const endpoint& source)
{
    const std::error_code code = is_open() ? transport_->set_membership(member, group, interface, source)
                                           : make_error_code(errc::closed);
    if (code)
        return error(code, member ? "join group" : "leave group", to_string(group));
    return {};
}

result<void> datagram_socket::join_group(const endpoint& group, std::uint32_t interface, const endpoint& source)
{
    return set_membership(true, group, interface, source);
}

result<void> datagram_socket::leave_group(const endpoint& group, std::uint32_t interface, const endpoint& source)
{
    return set_membership(false, group, interface, source);
}

void datagram_socket::close() noexcept
{
    transport_.reset();
    wake();
}

int datagram_socket::release() noexcept
{
    const int handle = is_open() ? transport_->release_handle() : -1;
    close();
    return handle;
}

void datagram_socket::wake() noexcept
{
    awaiting_room_ = nullptr;
    if (receiving_ != nullptr && receiving_->is_armed())
        receiving_->ready_later();
    blocked_.for_each([](detail::sending& each) { each.ready_later(); });
}

endpoint datagram_socket::local_endpoint() const noexcept
{
    return is_open() ? transport_->local_endpoint() : endpoint();
}

int datagram_socket::native_handle() const noexcept
{
    return is_open() ? transport_->native_handle() : -1;
}

detail::sending datagram_socket::send_segments(bytes data, std::size_t segment_size, const endpoint& to)
{
    if (segment_size == 0)
        throw misuse("send_segments with segments of 0 bytes");
    using target = detail::sending::target;
    return {*this, data, to.family() == endpoint::family::none ? target::peer : target::other, to, {}, segment_size};
}

} // namespace portico
