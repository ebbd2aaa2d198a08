// connection: its life; the operations are in stream_operations.cpp.
#include <portico/net/connection.hpp>

#include <utility>

namespace portico::inline v0_1 {

connection::connection(detail::stream_group& group, transport_ptr stream) noexcept
    : transport_(std::move(stream)), buffer_(group)
{
}

connection::connection(connection&& other)
    : transport_((other.check_idle(), std::move(other.transport_))),
      buffer_(std::move(other.buffer_)), timeout_(other.timeout_), bytes_read_(std::exchange(other.bytes_read_, 0)),
      bytes_written_(std::exchange(other.bytes_written_, 0)), ended_(other.ended_),
      closed_(std::exchange(other.closed_, true)), drained_(other.drained_), unsent_(other.unsent_)
{
}

connection& connection::operator=(connection&& other)
{
    check_idle();
    other.check_idle();
    if (this != &other) {
        std::destroy_at(this);
        std::construct_at(this, std::move(other));
    }
    return *this;
}

connection::~connection() = default;

void connection::check_idle() const
{
    if (reading_ != nullptr || writing_ != nullptr || reserved_)
        throw misuse("a connection was moved, released or given another transport while something was under way on it");
}

connection::reservation::reservation(connection& which) : which_(which)
{
    which.check_idle();
    which.reserved_ = true;
}

// One timer serves every operation: it is set no later than any deadline, and left alone when an operation ends, so
// that most operations only look at it.
void connection::watch(time_point deadline) noexcept
{
    if (timer::is_set() && expiry() <= deadline)
        return;
    timer::unset();
    owner().set_timer(*this, deadline);
}

void connection::on_expiry() noexcept
{
    const time_point now = owner().now();
    if (reading_ != nullptr && reading_->is_armed() && is_open())
        reading_->look_again();
    for (operation* const each : {static_cast<operation*>(reading_), static_cast<operation*>(writing_)}) {
        if (each == nullptr)
            continue;
        if (each->deadline() <= now)
            each->expire();
        else if (each->deadline() != time_point::max())
            watch(each->deadline());
    }
}

void connection::wake() noexcept
{
    if (reading_ != nullptr && reading_->is_armed())
        reading_->ready_later();
    if (writing_ != nullptr && writing_->is_armed())
        writing_->ready_later();
}

void connection::close() noexcept
{
    if (!std::exchange(closed_, true))
        transport_->close();
    wake();
}

void connection::abort() noexcept
{
    if (!std::exchange(closed_, true))
        transport_->abort();
    wake();
}

result<void> connection::shutdown_write() noexcept
{
    const std::error_code code = reserved_   ? make_error_code(std::errc::device_or_resource_busy)
                                 : is_open() ? transport_->shutdown_write()
                                             : make_error_code(errc::closed);
    if (code == std::errc::operation_in_progress)
        unsent_ = true;
    else if (code)
        return error(code, "shut down writing to", to_string(remote_endpoint()));
    return {};
}

task<> connection::finish(finish_limits limits)
{
    check_idle();
    const bool is_shut_down = shutdown_write().has_value();
    if (unsent_)
        (void)co_await as_result(with_deadline(timeout_ == no_timeout ? limits.time : timeout_, write(bytes())));
    if (is_shut_down && !ended_)
        (void)co_await as_result(with_deadline(limits.time, detail::discarding(*this, limits.bytes)));
    close();
}

endpoint connection::local_endpoint() const noexcept
{
    return transport_ ? transport_->local_endpoint() : endpoint();
}

endpoint connection::remote_endpoint() const noexcept
{
    return transport_ ? transport_->remote_endpoint() : endpoint();
}

int connection::native_handle() const noexcept
{
    return is_open() ? transport_->native_handle() : -1;
}

int connection::release()
{
    check_idle();
    if (buffer_.size() != 0)
        throw misuse("a connection was released that has received bytes which nobody has read: "
                     + std::to_string(buffer_.size()));
    const int handle = is_open() ? transport_->release_handle() : -1;
    if (handle < 0)
        throw misuse("a connection was released that has no descriptor");
    closed_ = true;
    return handle;
}

transport_ptr connection::exchange_transport(transport_ptr stream)
{
    check_idle();
    if (!is_open())
        throw misuse("the transport of a closed connection was exchanged");
    ended_ = drained_ = unsent_ = false; // what the old one said; the new one is asked
    return std::exchange(transport_, std::move(stream));
}

connection adopt_connection(context& owner, int handle)
{
    return {owner, owner.backend().adopt_stream(handle).value()};
}

std::pair<connection, connection> connection_pair(context& owner)
{
    auto [near, far] = owner.backend().open_pair().value();
    return {connection(owner, std::move(near)), connection(owner, std::move(far))};
}

} // namespace portico
