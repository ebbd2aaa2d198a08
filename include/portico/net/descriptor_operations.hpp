// What the operations of a connection return that concern descriptors and files.
#pragma once

#include <portico/net/stream_operations.hpp>

namespace portico::inline v0_1::detail {

class reading_descriptors final : public reading {
public:
    reading_descriptors(connection& from, std::size_t limit, std::size_t most)
        : reading(from, until::some, limit), limit_(limit), most_(most) {}
    received_descriptors value() noexcept { return std::move(received_); }

private:
    bool attempt() noexcept override;
    error describe(std::error_code code) const override;
    bool receive();
    std::size_t limit_, most_;
    received_descriptors received_;
};

/// Completes with the number of bytes that are in the file.
class reading_to_file final : public reading {
public:
    reading_to_file(connection& from, int file, std::uint64_t count);
    std::uint64_t value() const noexcept { return moved_; }

private:
    bool attempt() noexcept override;
    void begin_wait() noexcept override;
    void look_again() noexcept override { stream().wait_for_many(1, *this); }
    error describe(std::error_code code) const override;
    std::uint64_t most_, moved_ = 0;
    int file_;
    bool file_failed_ = false;
};

class writing_descriptors final : public writing {
public:
    writing_descriptors(connection& to, bytes data, std::span<const int> handles);

private:
    bool attempt() noexcept override;
    error describe(std::error_code code) const override;
    std::span<const int> handles_;
    bool passed_ = false; // they went with the first byte
};

class writing_file final : public writing {
public:
    writing_file(connection& to, int file, std::uint64_t offset, std::uint64_t count)
        : writing(to, bytes()), offset_(offset), left_(count), total_(count), file_(file) {}
    std::uint64_t value() const noexcept { return total_ - left_; }

private:
    bool attempt() noexcept override;
    error describe(std::error_code code) const override;
    std::uint64_t offset_, left_, total_;
    int file_;
};

} // namespace portico::detail

namespace portico::inline v0_1 {

inline detail::writing_descriptors connection::write_descriptors(bytes data, std::span<const int> handles)
{
    return {*this, data, handles};
}
inline detail::reading_descriptors connection::read_descriptors(std::size_t limit, std::size_t most)
{
    return {*this, limit, most};
}
inline detail::reading_to_file connection::read_to_file(int file, std::uint64_t count)
{
    return {*this, file, count};
}
inline detail::writing_file connection::write_file(int file, std::uint64_t offset, std::uint64_t count)
{
    return {*this, file, offset, count};
}

} // namespace portico
