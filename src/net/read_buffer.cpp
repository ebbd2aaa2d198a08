// read_buffer: borrowing, growing, giving back.
#include <portico/net/read_buffer.hpp>

#include <algorithm>
#include <new>
#include <portico/core/context.hpp>
#include <utility>

namespace portico::inline v0_1::detail {

read_buffer::read_buffer(read_buffer&& other) noexcept
    : group_(other.group_), data_(std::exchange(other.data_, nullptr)), begin_(std::exchange(other.begin_, 0)),
      end_(std::exchange(other.end_, 0)), capacity_(std::exchange(other.capacity_, 0))
{
}

read_buffer& read_buffer::operator=(read_buffer&& other) noexcept
{
    std::swap(group_, other.group_);
    std::swap(data_, other.data_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    std::swap(capacity_, other.capacity_);
    return *this;
}

std::span<char> read_buffer::prepare(std::size_t wanted) noexcept
{
    if (data_ == nullptr) {
        data_ = group_->owner().borrow_buffer();
        capacity_ = data_ == nullptr ? 0 : context::buffer_size;
        return {data_, capacity_};
    }
    if (begin_ == end_)
        begin_ = end_ = 0;
    if (end_ == capacity_ || (begin_ != 0 && begin_ + wanted > capacity_)) {
        std::memmove(data_, data_ + begin_, size());
        end_ -= begin_;
        begin_ = 0;
    }
    if (end_ == capacity_ && !grow(std::max(capacity_ * 2, std::min(wanted, capacity_ * 8))))
        return {};
    return {data_ + end_, capacity_ - end_};
}

bool read_buffer::grow(std::size_t capacity) noexcept
{
    if (!group_->take(capacity))
        return false;
    char* const larger = new (std::nothrow) char[capacity];
    if (larger == nullptr) {
        group_->give_back(capacity);
        return false;
    }
    const std::size_t kept = size();
    std::memcpy(larger, data_ + begin_, kept);
    free();
    data_ = larger;
    end_ = kept;
    capacity_ = capacity;
    return true;
}

void read_buffer::free() noexcept
{
    if (capacity_ == context::buffer_size) {
        group_->owner().return_buffer(data_);
    } else {
        group_->give_back(capacity_);
        delete[] data_;
    }
    data_ = nullptr;
    begin_ = end_ = capacity_ = 0;
}

} // namespace portico::detail
