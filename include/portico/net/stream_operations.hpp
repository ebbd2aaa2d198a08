// What the reads and writes of a connection return: operations to be awaited.
#pragma once

#include <cstddef>
#include <optional>
#include <portico/core/operation.hpp>
#include <portico/net/connection.hpp>
#include <span>

namespace portico::detail {

class reading : public operation {
protected:
    enum class until : unsigned char { some, exactly, delimiter, line, end, into, discard };
    reading(connection& from, until goal, std::size_t limit, bytes delimiter = {});
    ~reading();

    bytes found() const noexcept { return view_; }
    bool at_boundary() const noexcept { return ended_; }

private:
    friend connection;
    bool attempt() noexcept final;
    void arm() noexcept final;
    void disarm() noexcept final;
    bool watch_deadline() noexcept final { return from_.watch(deadline()), false; }
    error describe(std::error_code code) const final;
    bool take() noexcept;
    bool take_delimited(std::size_t position, std::size_t length) noexcept;
    void place(bytes received) noexcept;
    bool fill() noexcept;
    bool at_end() noexcept;

    connection& from_;
    std::size_t limit_;
    std::size_t searched_ = 0;
    bytes view_; // the delimiter, or the memory to read into; in the end what was found
    until goal_;
    bool taken_ = false; // `into`: the bytes are in their place
    bool ended_ = false; // completed by the end of the stream, at a boundary
};

/// Completes with bytes, empty at the end of the stream.
class reading_some final : public reading {
public:
    reading_some(connection& from, std::size_t limit) : reading(from, until::some, limit) {}
    bytes value() const noexcept { return found(); }
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

private:
    friend connection;
    bool attempt() noexcept final;
    void arm() noexcept final;
    void disarm() noexcept final;
    bool watch_deadline() noexcept final { return to_.watch(deadline()), false; }
    error describe(std::error_code code) const final;
    io_result gather() noexcept;
    void skip(std::size_t count) noexcept;
    bool next() noexcept;

    connection& to_;
    bytes first_;                  // what is left of the buffer that comes next
    std::span<const bytes> after_; // the buffers behind it
    std::size_t written_ = 0;
};

} // namespace portico::detail

namespace portico {

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
inline detail::writing connection::write(bytes data)
{
    return {*this, data};
}
inline detail::writing connection::write(std::span<const bytes> buffers)
{
    return {*this, buffers};
}

} // namespace portico
