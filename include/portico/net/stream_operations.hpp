// What the reads and writes of a connection return: operations to be awaited.
#pragma once

#include <cstddef>
#include <optional>
#include <portico/core/operation.hpp>
#include <portico/net/connection.hpp>
#include <span>

namespace portico::inline v0_1::detail {

class reading : public operation {
protected:
    enum class until : unsigned char { some, exactly, peek, delimiter, line, end, into, discard, readable };
    reading(connection& from, until goal, std::size_t limit, bytes delimiter = {});
    ~reading();

    /// What can be done without waiting: true when it is complete. Throws what failed.
    bool try_now();
    bytes found() const noexcept { return view_; }
    bool at_boundary() const noexcept { return ended_; }
    bool attempt() noexcept override;
    /// That the connection is open, and of this context; fails where not.
    bool is_usable() noexcept;
    /// Takes note of what a try has given: whether it moved bytes or told of the end.
    bool account(const io_result& got) noexcept;
    transport& stream() const noexcept { return *from_.transport_; }
    std::size_t buffered() const noexcept { return from_.buffer_.size(); }
    bool has_ended() const noexcept { return from_.ended_; }
    bool is_drained() const noexcept { return from_.drained_; }
    /// Has the transport tell when another try is worthwhile.
    virtual void begin_wait() noexcept { stream().wait(direction::read, *this); }
    /// Has `look_again` called after this time or before, if it still waits then.
    void look_again_after(duration length) noexcept { from_.watch(add(owner().now(), length)); }
    virtual void look_again() noexcept {}
    error describe(std::error_code code) const override;

private:
    friend connection;
    void arm() noexcept final;
    void disarm() noexcept final;
    bool watch_deadline() noexcept final { return from_.watch(deadline()), false; }
    bool proceed() noexcept;
    bool take() noexcept;
    bool take_line() noexcept;
    bool take_until_delimiter() noexcept;
    bool take_delimited(std::size_t position, std::size_t length) noexcept;
    void place(bytes received) noexcept;
    bool fill() noexcept;
    bool at_end() noexcept;

    connection& from_;
    std::size_t limit_;
    std::size_t searched_ = 0;
    bytes view_; // the delimiter, or the memory to read into; in the end what was found
    until goal_;
    bool taken_ = false; // `into`: the bytes are in their place; `readable`: it has waited
    bool ended_ = false; // completed by the end of the stream, at a boundary
};

/// Completes with bytes, empty at the end of the stream.
class reading_some final : public reading {
public:
    reading_some(connection& from, std::size_t limit) : reading(from, until::some, limit) {}
    bytes value() const noexcept { return found(); }
    /// The same without waiting: none where there is nothing yet.
    std::optional<bytes> try_value() { return try_now() ? std::optional(value()) : std::nullopt; }
};

class reading_exactly final : public reading {
public:
    reading_exactly(connection& from, std::size_t count, bool all)
        : reading(from, all ? until::end : until::exactly, count) {}
    bytes value() const noexcept { return found(); }
};

/// Completes with a part, or with none at the end of the stream.
class reading_part final : public reading {
public:
    reading_part(connection& from, std::size_t limit) : reading(from, until::line, limit) {}
    reading_part(connection& from, std::size_t limit, bytes delimiter)
        : reading(from, until::delimiter, limit, delimiter) {}
    std::optional<bytes> value() const noexcept { return at_boundary() ? std::nullopt : std::optional(found()); }
};

class peeking final : public reading {
public:
    peeking(connection& from, std::size_t count) : reading(from, until::peek, count) {}
    bytes value() const noexcept { return found(); }
};

class awaiting_readable final : public reading {
public:
    explicit awaiting_readable(connection& from) : reading(from, until::readable, 1) {}
    void value() const noexcept {}
};

/// Completes with the number of bytes that are in the caller's memory.
class reading_into final : public reading {
public:
    reading_into(connection& from, std::span<char> destination)
        : reading(from, until::into, destination.size(), bytes(destination.data(), destination.size())) {}
    std::size_t value() const noexcept { return found().size(); }
};

/// Completes when the stream has ended, or when so many bytes have been dropped.
class discarding final : public reading {
public:
    discarding(connection& from, std::size_t limit) : reading(from, until::discard, limit) {}
    void value() const noexcept {}
};

class writing : public operation {
public:
    writing(connection& to, bytes data);
    writing(connection& to, std::span<const bytes> buffers);
    ~writing();
    void value() const noexcept {}

    /// How much of it has been sent: all once it is complete, a part where it failed, was late or cancelled.
    std::size_t written() const noexcept { return written_; }
    /// Writes what can be written without waiting.
    std::size_t try_now();

protected:
    bool attempt() noexcept override;
    /// That the connection is open, and of this context; fails where not.
    bool is_usable() noexcept;
    /// Takes note of what a try has given: whether it moved bytes.
    bool account(const io_result& sent) noexcept;
    void skip(std::size_t count) noexcept;
    transport& stream() const noexcept { return *to_.transport_; }
    bytes first() const noexcept { return first_; }
    error describe(std::error_code code) const override;

private:
    friend connection;
    void begin();
    bool proceed() noexcept;
    void arm() noexcept final;
    void disarm() noexcept final;
    bool watch_deadline() noexcept final { return to_.watch(deadline()), false; }
    io_result gather() noexcept;
    bool next() noexcept;

    connection& to_;
    bytes first_;                  // what is left of the buffer that comes next
    std::span<const bytes> after_; // the buffers behind it
    std::size_t written_ = 0;
};

/// Completes when the connection can be written to.
class awaiting_writable final : public writing {
public:
    explicit awaiting_writable(connection& to) : writing(to, bytes()) {}

private:
    bool attempt() noexcept override;
    bool waited_ = false;
};

} // namespace portico::detail

namespace portico::inline v0_1 {

inline detail::reading_some connection::read_some(std::size_t limit)
{
    return {*this, limit};
}
inline detail::reading_exactly connection::read_exactly(std::size_t count)
{
    return {*this, count, false};
}
inline detail::reading_part connection::read_until(bytes delimiter, std::size_t limit)
{
    return {*this, limit, delimiter};
}
inline detail::reading_part connection::read_line(std::size_t limit)
{
    return {*this, limit};
}
inline detail::reading_exactly connection::read_all(std::size_t limit)
{
    return {*this, limit, true};
}
inline detail::reading_into connection::read_into(std::span<char> destination)
{
    return {*this, destination};
}
inline detail::peeking connection::peek(std::size_t count)
{
    return {*this, count};
}
inline std::optional<bytes> connection::try_read_some(std::size_t limit)
{
    return detail::reading_some(*this, limit).try_value();
}
inline detail::awaiting_readable connection::wait_readable()
{
    return detail::awaiting_readable(*this);
}
inline std::size_t connection::try_write(bytes data)
{
    return detail::writing(*this, data).try_now();
}
inline detail::awaiting_writable connection::wait_writable()
{
    return detail::awaiting_writable(*this);
}
inline detail::writing connection::write(bytes data)
{
    return {*this, data};
}
inline detail::writing connection::write(std::span<const bytes> buffers)
{
    return {*this, buffers};
}

} // namespace portico

#include <portico/net/descriptor_operations.hpp>
