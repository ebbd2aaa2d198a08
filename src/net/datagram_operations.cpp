// The receives and sends of a datagram socket: try, and wait for readiness only when the system has nothing.
#include <portico/net/datagram_operations.hpp>

#include <algorithm>
#include <cerrno>

namespace portico::inline v0_1::detail {

receiving::receiving(datagram_socket& from, std::size_t limit, char* destination, bool peek)
    : timed_operation(from.timeout_), from_(from)
{
    if (from.receiving_ != nullptr)
        throw misuse("a second receive on a datagram socket while one is under way");
    how_.limit = limit;
    how_.destination = destination;
    how_.peek = peek;
    from.receiving_ = this;
}

receiving::~receiving()
{
    abandon();
    from_.receiving_ = nullptr;
}

bool receiving::attempt() noexcept
{
    if (!from_.is_open())
        return fail(errc::closed), true;
    if (&owner() != from_.owner_)
        return fail_misuse(), true;
    const io_result got = from_.receive(found_, how_);
    if (got.status == io_status::failed)
        fail(got.code);
    return got.status != io_status::would_block;
}

void receiving::arm() noexcept
{
    from_.buffer_.wait();
    from_.transport_->wait(direction::read, *this);
}

void receiving::disarm() noexcept
{
    if (from_.is_open())
        from_.transport_->abandon(direction::read);
}

namespace {

// What one system call sends, of segments: the most that every Linux takes (UDP_MAX_SEGMENTS of 64, an IP packet).
constexpr std::size_t most_segments = 64, most_bytes = 65'000;
// Between two tries where readiness does not tell: it is that of the socket, and not of a Unix peer with a full queue.
constexpr duration first_pause = std::chrono::milliseconds(1), longest_pause = std::chrono::milliseconds(64);

bool cannot_segment(int code) noexcept
{
    return code == EIO || code == EINVAL || code == ENOPROTOOPT || code == EMSGSIZE;
}

} // namespace

bool has_name(const endpoint& which) noexcept
{
    return which.is_ip() ? which.port() != 0 : !which.path().empty();
}

bool can_be_sent_to(const endpoint& which, bool is_peer) noexcept
{
    return has_name(which) || (is_peer && which.family() == endpoint::family::local);
}

sending::sending(datagram_socket& from, bytes data, target which, const endpoint& to, const endpoint& source,
                 std::size_t segment)
    : timed_operation(from.timeout_), from_(from), data_(data), to_(which == target::peer ? from.remote_ : to),
      source_(source), segment_(segment), pause_(first_pause), to_peer_(which == target::peer)
{
    if (which == target::peer && to_.family() == endpoint::family::none)
        throw misuse("a send without an address on a datagram socket that is not connected");
    ++from.sends_;
}

sending::~sending()
{
    abandon();
    --from_.sends_;
}

bool sending::attempt() noexcept
{
    leave();
    if (!from_.is_open())
        return fail(errc::closed), true;
    if (&owner() != from_.owner_)
        return fail_misuse(), true;
    if (!can_be_sent_to(to_, to_peer_))
        return fail(EDESTADDRREQ), true;
    if (segment_ == 0)
        return send_next();
    while (sent_ < data_.size())
        if (!send_next())
            return false;
        else if (failed())
            return true;
    return true;
}

// The part of the data that goes with the next system call.
bytes sending::next() const noexcept
{
    if (segment_ == 0)
        return data_;
    const std::size_t segments = std::clamp<std::size_t>(most_bytes / segment_, 1, most_segments);
    return data_.subview(sent_, one_by_one_ ? segment_ : segments * segment_);
}

// False where the system has no room.
bool sending::send_next() noexcept
{
    const bytes part = next();
    const std::size_t segment = segment_ != 0 && part.size() > segment_ ? segment_ : 0;
    const io_result outcome = from_.transport_->try_send(part, to_peer_ ? endpoint() : to_, source_, segment);
    if (outcome.status == io_status::done) {
        sent_ += part.size();
        has_waited_ = false;
        pause_ = first_pause;
    } else if (outcome.status == io_status::failed && segment != 0 && cannot_segment(outcome.code))
        one_by_one_ = true;
    else if (outcome.status == io_status::failed)
        fail(outcome.code);
    return outcome.status != io_status::would_block;
}

void sending::arm() noexcept
{
    from_.blocked_.push_back(*this);
    if (from_.awaiting_room_ == nullptr && !has_waited_) {
        has_waited_ = true;
        from_.awaiting_room_ = this;
        from_.transport_->wait(direction::write, *this);
    } else {
        owner().set_timer(alarm_, add(owner().now(), pause_));
        pause_ = std::min(2 * pause_, longest_pause);
    }
}

void sending::disarm() noexcept
{
    if (from_.awaiting_room_ == this)
        from_.transport_->abandon(direction::write);
    leave();
}

void sending::leave() noexcept
{
    list_node<blocked_tag>::unlink();
    alarm_.unset();
    if (from_.awaiting_room_ == this)
        from_.awaiting_room_ = nullptr;
}

error sending::describe(std::error_code code) const
{
    return from_.send_error(code, to_, segment_ == 0 ? data_.size() : next().size());
}

} // namespace portico::detail
