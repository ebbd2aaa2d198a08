// connection: its life; the operations are in stream_operations.cpp.
#include <portico/net/connection.hpp>

#include <array>
#include <utility>

namespace portico {

connection::connection(context& owner, transport_ptr stream) noexcept
    : owner_(&owner), transport_(std::move(stream)), buffer_(owner)
{
}

connection::connection(connection&& other)
    : owner_((other.check_idle(), other.owner_)), transport_(std::move(other.transport_)),
      buffer_(std::move(other.buffer_)), timeout_(other.timeout_), bytes_read_(other.bytes_read_),
      bytes_written_(other.bytes_written_), ended_(other.ended_), closed_(std::exchange(other.closed_, true))
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
    if (reading_ != nullptr || writing_ != nullptr)
        throw misuse("a connection was moved while a read or a write was under way");
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
    const std::error_code code = is_open() ? transport_->shutdown_write() : make_error_code(errc::closed);
    if (code)
        return error(code, "shut down writing to", to_string(remote_endpoint()));
    return {};
}

/// Reads and drops until the end of the stream, an error, or a number of bytes.
class connection::draining final : public operation {
public:
    draining(connection& from, finish_limits limits) noexcept
        : operation(limits.time), from_(from), left_(limits.bytes) {}
    ~draining() { abandon(); }
    void value() const noexcept {}

private:
    bool attempt() noexcept override
    {
        std::array<char, 4096> scratch;
        while (from_.is_open()) {
            const io_result got = from_.transport_->try_read(scratch);
            if (got.status == io_status::would_block)
                return false;
            if (got.status != io_status::done || got.count > left_)
                break;
            left_ -= got.count;
        }
        return true;
    }
    void arm() noexcept override { from_.transport_->wait(direction::read, *this); }
    void disarm() noexcept override
    {
        if (from_.is_open())
            from_.transport_->abandon(direction::read);
    }
    error describe(std::error_code code) const override { return {code, "finish", {}, phase::idle}; }

    connection& from_;
    std::size_t left_;
};

task<> connection::finish(finish_limits limits)
{
    check_idle();
    if (shutdown_write() && !ended_)
        (void)co_await as_result(draining(*this, limits));
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

} // namespace portico
