// The reads and writes of a connection: try, and wait for readiness only when the transport has nothing.
#include <portico/net/stream_operations.hpp>

#include <algorithm>
#include <array>
#include <cerrno>

namespace portico::inline v0_1::detail {

namespace {

error describe_failure(const connection& of, std::error_code code, const char* operation, phase during)
{
    const bool is_late = code == errc::timed_out;
    return {code, operation, to_string(of.remote_endpoint()), is_late ? during : phase::none,
            is_late || !of.is_open() ? std::string() : of.current_transport()->failure_detail()};
}

} // namespace

reading::reading(connection& from, until goal, std::size_t limit, bytes delimiter)
    : operation(from.timeout_), from_(from), limit_(limit), view_(delimiter), goal_(goal)
{
    if (from.reading_ != nullptr || from.reserved_)
        throw misuse("a second read on a connection while one is under way");
    if (limit == 0 && (goal == until::some || goal == until::into || goal == until::delimiter))
        throw misuse("a read of 0 bytes could not tell the end of the stream");
    if (goal == until::delimiter && delimiter.empty())
        throw misuse("read_until with an empty delimiter");
    from.reading_ = this;
}

reading::~reading()
{
    abandon();
    from_.reading_ = nullptr;
}

bool reading::is_usable() noexcept
{
    if (!from_.is_open())
        fail(errc::closed);
    else if (&owner() != &from_.owner())
        fail_misuse();
    return !failed();
}

bool reading::attempt() noexcept
{
    if (!is_usable())
        return true;
    if (from_.drained_ && from_.buffer_.size() == 0 && limit_ != 0)
        return false; // the usual beginning of a wait
    return proceed();
}

bool reading::proceed() noexcept
{
    while (!take()) {
        if (from_.ended_)
            return at_end();
        if (from_.drained_ || goal_ == until::readable || !fill())
            return failed();
    }
    return true;
}

bool reading::try_now()
{
    from_.drained_ = false; // nobody has waited since, and more may have come
    if (!from_.is_open())
        fail(errc::closed);
    else if (!proceed())
        return false;
    if (failed())
        failure().raise();
    return true;
}

// Whether what has been received is enough; takes it then.
bool reading::take() noexcept
{
    read_buffer& buffer = from_.buffer_;
    switch (goal_) {
    case until::some:
        if (buffer.size() == 0)
            return false;
        view_ = buffer.consume(std::min(buffer.size(), limit_));
        return true;
    case until::into:
        if (taken_)
            return true;
        if (buffer.size() == 0)
            return false;
        place(buffer.consume(std::min(buffer.size(), limit_)));
        return true;
    case until::exactly:
        if (buffer.size() < limit_)
            return false;
        view_ = buffer.consume(limit_);
        return true;
    case until::peek:
        if (buffer.size() < limit_)
            return false;
        view_ = buffer.view().subview(0, limit_);
        return true;
    case until::readable:
        return buffer.size() != 0 || (std::exchange(taken_, true) && stream().is_readable());
    case until::end:
        return buffer.size() > limit_ && (fail(errc::limit_exceeded), true);
    case until::line:
        return take_line();
    case until::delimiter:
        return take_until_delimiter();
    case until::discard:
        limit_ -= std::min(limit_, buffer.size());
        buffer.consume(buffer.size());
        return limit_ == 0;
    }
    return true;
}

bool reading::take_line() noexcept
{
    const std::string_view found = from_.buffer_.view().text();
    const std::size_t position = found.find('\n', searched_);
    if (position != std::string_view::npos) {
        const bool with_return = position > 0 && found[position - 1] == '\r';
        return take_delimited(with_return ? position - 1 : position, position + 1);
    }
    searched_ = found.size();
    return searched_ > limit_ && searched_ - limit_ > 1 && (fail(errc::limit_exceeded), true); // one for a CR
}

bool reading::take_until_delimiter() noexcept
{
    const std::string_view found = from_.buffer_.view().text();
    const std::size_t position = found.find(view_.text(), searched_);
    if (position != std::string_view::npos)
        return take_delimited(position + view_.size(), position + view_.size());
    searched_ = found.size() - std::min(found.size(), view_.size() - 1);
    return found.size() >= limit_ && (fail(errc::limit_exceeded), true);
}

bool reading::take_delimited(std::size_t position, std::size_t length) noexcept
{
    if (position > limit_)
        fail(errc::limit_exceeded);
    else
        view_ = from_.buffer_.consume(length).subview(0, position);
    return true;
}

// Into the caller's memory, unless they are there already.
void reading::place(bytes received) noexcept
{
    if (received.data() != view_.data())
        std::memcpy(const_cast<char*>(view_.data()), received.data(), received.size());
    view_ = {view_.data(), received.size()};
    taken_ = true;
}

// Whether there is something new to look at: bytes, or the end of the stream.
bool reading::fill() noexcept
{
    read_buffer& buffer = from_.buffer_;
    const bool direct = goal_ == until::into;
    const std::size_t wanted = goal_ == until::some ? 1 : goal_ == until::line ? buffer.size() + 1 : limit_;
    const std::span<char> room =
        direct ? std::span(const_cast<char*>(view_.data()), limit_) : buffer.prepare(wanted);
    if (room.empty()) {
        from_.transport_->abandon(direction::read); // which may have told that there is something
        return fail(ENOBUFS), false;
    }
    const io_result got = from_.transport_->try_read(room);
    if (got.status == io_status::done && direct)
        place({room.data(), got.count});
    else if (got.status == io_status::done)
        buffer.commit(got.count);
    return account(got);
}

bool reading::account(const io_result& got) noexcept
{
    switch (got.status) {
    case io_status::done:
        from_.bytes_read_ += got.count;
        from_.drained_ = got.drained;
        return true;
    case io_status::end: return from_.ended_ = true;
    case io_status::failed: fail(got.code); break;
    case io_status::would_block: break;
    }
    return false;
}

bool reading::at_end() noexcept
{
    read_buffer& buffer = from_.buffer_;
    if (goal_ == until::end)
        view_ = buffer.consume(buffer.size());
    else if (goal_ == until::peek)
        view_ = buffer.view();
    else if (buffer.size() == 0)
        ended_ = true, view_ = {};
    else
        fail(errc::truncated);
    return true;
}

void reading::arm() noexcept
{
    from_.buffer_.release_if_empty();
    from_.drained_ = false; // what ends the wait is worth a try
    begin_wait();
}

void reading::disarm() noexcept
{
    if (from_.is_open())
        from_.transport_->abandon(direction::read);
}

error reading::describe(std::error_code code) const
{
    return describe_failure(from_, code, "read from", phase::read);
}

writing::writing(connection& to, bytes data) : operation(to.timeout_), to_(to), first_(data)
{
    begin();
}

writing::writing(connection& to, std::span<const bytes> buffers) : operation(to.timeout_), to_(to), after_(buffers)
{
    begin();
}

inline void writing::begin()
{
    if (to_.writing_ != nullptr || to_.reserved_)
        throw misuse("a second write on a connection while one is under way");
    to_.writing_ = this;
}

writing::~writing()
{
    abandon();
    to_.writing_ = nullptr;
}

bool writing::is_usable() noexcept
{
    if (!to_.is_open())
        fail(errc::closed);
    else if (&owner() != &to_.owner())
        fail_misuse();
    return !failed();
}

bool writing::attempt() noexcept
{
    return !is_usable() || proceed();
}

bool awaiting_writable::attempt() noexcept
{
    return !is_usable() || std::exchange(waited_, true);
}

std::size_t writing::try_now()
{
    if (!to_.is_open())
        fail(errc::closed);
    else
        proceed();
    if (failed())
        failure().raise();
    return written_;
}

bool writing::proceed() noexcept
{
    while (!first_.empty() || next() || to_.unsent_) {
        const io_result sent = after_.empty() ? to_.transport_->try_write({&first_, 1}) : gather();
        if (!account(sent))
            return failed();
        skip(sent.count);
    }
    return true;
}

bool writing::account(const io_result& sent) noexcept
{
    if (sent.status == io_status::done) {
        to_.unsent_ = sent.unsent;
        to_.bytes_written_ += sent.count;
        written_ += sent.count;
        return true;
    }
    if (sent.status == io_status::failed)
        fail(sent.code);
    return false;
}

io_result writing::gather() noexcept
{
    std::array<bytes, 16> gathered;
    gathered[0] = first_;
    const std::size_t more = std::min(after_.size(), gathered.size() - 1);
    std::copy_n(after_.begin(), more, gathered.begin() + 1);
    return to_.transport_->try_write(std::span(gathered.data(), more + 1));
}

// Drops what has been sent.
void writing::skip(std::size_t count) noexcept
{
    while (count > first_.size()) {
        count -= first_.size();
        next();
    }
    first_.remove_prefix(count);
}

// Goes on to the next buffer that is not empty, if there is one.
bool writing::next() noexcept
{
    first_ = {};
    while (first_.empty() && !after_.empty()) {
        first_ = after_.front();
        after_ = after_.subspan(1);
    }
    return !first_.empty();
}

void writing::arm() noexcept
{
    to_.transport_->wait(direction::write, *this);
}

void writing::disarm() noexcept
{
    if (to_.is_open())
        to_.transport_->abandon(direction::write);
}

error writing::describe(std::error_code code) const
{
    return describe_failure(to_, code, "write to", phase::write);
}

} // namespace portico::detail
