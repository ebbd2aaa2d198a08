// memory_stream: see stream.hpp.
#include "stream.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace portico::inline v0_1::memory {

void pipe::wake() noexcept
{
    if (reader != nullptr && readable())
        std::exchange(reader, nullptr)->ready_later();
    if (writer != nullptr && writable())
        std::exchange(writer, nullptr)->ready_later();
}

void pipe::reset() noexcept
{
    if (broken == 0) {
        broken = ECONNRESET;
        data.clear();
    }
    wake();
}

io_result stream::try_read(std::span<char> destination) noexcept
{
    pipe& from = *in_;
    if (!from.data.empty()) {
        const std::size_t count = std::min({destination.size(), from.data.size(), from.options.most_a_read});
        std::memcpy(destination.data(), from.data.data(), count);
        from.data.erase(0, count);
        from.wake();
        return {io_status::done, count};
    }
    if (from.broken != 0)
        return {io_status::failed, 0, from.broken};
    return {from.ended ? io_status::end : io_status::would_block};
}

io_result stream::try_write(std::span<const bytes> buffers) noexcept
{
    pipe& to = *out_;
    if (to.broken != 0)
        return {io_status::failed, 0, to.broken};
    if (to.reader_gone || to.ended)
        return {io_status::failed, 0, EPIPE};
    std::size_t room = std::min(to.options.capacity - std::min(to.options.capacity, to.data.size()),
                                to.options.most_a_write);
    std::size_t count = 0;
    for (const bytes& each : buffers) {
        const std::size_t part = std::min({room, each.size(), static_cast<std::size_t>(to.options.cut_after - to.moved)});
        to.data.append(each.data(), part);
        to.moved += part;
        room -= part;
        count += part;
    }
    if (to.moved == to.options.cut_after && to.options.cut_after != UINT64_MAX) {
        // What has arrived can be read; then both sides see the reset.
        to.broken = in_->broken = ECONNRESET;
        in_->wake();
    }
    to.wake();
    return count == 0 && to.broken == 0 ? io_result{io_status::would_block} : io_result{io_status::done, count};
}

void stream::wait(direction which, operation& waiter) noexcept
{
    pipe& of = which == direction::read ? *in_ : *out_;
    (which == direction::read ? of.reader : of.writer) = &waiter;
    of.wake();
}

void stream::abandon(direction which) noexcept
{
    (which == direction::read ? in_->reader : out_->writer) = nullptr;
}

void stream::answer(int system_error) noexcept
{
    in_->connecting = false;
    in_->broken = out_->broken = system_error;
    in_->wake();
}

std::error_code stream::shutdown_write() noexcept
{
    if (out_->broken != 0)
        return {ENOTCONN, std::system_category()};
    out_->ended = true;
    out_->wake();
    return {};
}

void stream::close() noexcept
{
    if (std::exchange(closed_, true))
        return;
    abandon(direction::read);
    abandon(direction::write);
    if (!in_->data.empty())
        out_->reset(); // as TCP does: unread input turns the close into a reset
    in_->reader_gone = true;
    in_->data.clear();
    out_->ended = true;
    in_->wake();
    out_->wake();
}

void stream::abort() noexcept
{
    if (std::exchange(closed_, true))
        return;
    abandon(direction::read);
    abandon(direction::write);
    out_->reset();
    in_->reset();
}

void stream::release() noexcept
{
    close();
    delete this;
}

} // namespace portico::memory
