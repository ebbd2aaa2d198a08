// stream_group: what the connections of a server have in common, or those of a context that belong to none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <portico/core/event.hpp>

namespace portico::inline v0_1 {

class context;

namespace detail {

/// Counted, because a handler may move its connection to where it outlives the server.
class stream_group {
public:
    /// `space` is what `take` can be given, in bytes.
    explicit stream_group(context& owner, std::size_t space = SIZE_MAX) noexcept : owner_(&owner), space_(space) {}
    stream_group(const stream_group&) = delete;
    stream_group& operator=(const stream_group&) = delete;

    context& owner() const noexcept { return *owner_; }
    event& draining() noexcept { return draining_; } ///< set once they should come to an end

    /// Memory that a connection needs beyond its first buffer; false where there is no more.
    bool take(std::size_t size) noexcept
    {
        if (size > space_)
            return false;
        space_ -= size;
        return true;
    }
    void give_back(std::size_t size) noexcept { space_ += size; }

    class pointer;

private:
    context* owner_;
    event draining_;
    std::size_t space_;
    std::size_t references_ = 0;
};

class stream_group::pointer {
public:
    explicit pointer(stream_group& to) noexcept : to_(&to) { ++to_->references_; }
    pointer(const pointer& other) noexcept : pointer(*other.to_) {}
    pointer& operator=(pointer other) noexcept
    {
        std::swap(to_, other.to_);
        return *this;
    }
    ~pointer()
    {
        if (--to_->references_ == 0)
            destroy(to_);
    }
    stream_group& operator*() const noexcept { return *to_; }
    stream_group* operator->() const noexcept { return to_; }

private:
    static void destroy(stream_group* which) noexcept;
    stream_group* to_;
};

} // namespace detail
} // namespace portico
