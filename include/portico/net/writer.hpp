// writer: collects small writes and sends them together.
#pragma once

#include <cstddef>
#include <portico/net/connection.hpp>
#include <string>

namespace portico::inline v0_1 {

/// Writes to a connection through a buffer. What has been buffered and not flushed when the writer is destroyed is not
/// sent. The connection outlives it, and nobody else writes to it meanwhile. Using it while it flushes throws `misuse`.
class writer {
public:
    class flushing;

    /// `high_water`: so many bytes may wait before `write` sends them, and the peer's pace is felt.
    explicit writer(connection& to, std::size_t high_water = 64 * 1024) noexcept : to_(to), high_water_(high_water) {}

    /// Adds to the buffer, whatever is in it.
    void append(bytes data)
    {
        if (flushing_)
            throw misuse("a writer was used while it flushes");
        buffer_.append(data.data(), data.size());
    }
    /// Adds to the buffer; completes at once below the high-water mark, else when everything has been sent.
    [[nodiscard]] flushing write(bytes data);
    /// Completes when everything has been sent. Cancelled or late, what has not been sent stays in the buffer.
    [[nodiscard]] flushing flush();
    /// Bytes in the buffer.
    std::size_t size() const noexcept { return buffer_.size(); }

private:
    connection& to_;
    std::size_t high_water_;
    std::string buffer_;
    bool flushing_ = false; // what is in the buffer must stay where it is
};

class writer::flushing final : public detail::writing {
public:
    flushing(writer& owner, std::size_t count)
        : writing(owner.to_, bytes(owner.buffer_).subview(0, count)), owner_(owner)
    {
        owner_.flushing_ = true;
    }
    ~flushing()
    {
        owner_.buffer_.erase(0, written());
        owner_.flushing_ = false;
    }

private:
    writer& owner_;
};

inline writer::flushing writer::write(bytes data)
{
    append(data);
    return {*this, buffer_.size() < high_water_ ? 0 : buffer_.size()};
}

inline writer::flushing writer::flush()
{
    return {*this, buffer_.size()};
}

} // namespace portico
