// record_maker: which bytes go into which record.
#pragma once

#include <array>
#include <cstring>
#include <openssl/ssl.h>
#include <portico/bytes.hpp>
#include <span>

namespace portico::inline v0_1::tls::detail {

/// Bytes that a record holds at most (RFC 8446 section 5.1).
inline constexpr std::size_t record_size = SSL3_RT_MAX_PLAIN_LENGTH;

/// Cuts buffers into records: small ones are put together.
class record_maker {
public:
    explicit record_maker(std::span<const bytes> buffers) noexcept : buffers_(buffers) { skip_empty(); }

    /// What comes next; empty at the end.
    bytes next() noexcept
    {
        const bytes first = rest();
        if (first.size() >= record_size || buffers_.size() <= 1)
            return take(first);
        std::size_t size = 0;
        while (size < record_size && !buffers_.empty()) {
            const bytes part = take(rest().subview(0, record_size - size));
            std::memcpy(joined_.data() + size, part.data(), part.size());
            size += part.size();
        }
        return {joined_.data(), size};
    }

private:
    bytes rest() const noexcept { return buffers_.empty() ? bytes() : buffers_.front().subview(taken_); }
    bytes take(bytes what) noexcept
    {
        what = what.subview(0, record_size);
        taken_ += what.size();
        skip_empty();
        return what;
    }
    void skip_empty() noexcept
    {
        while (!buffers_.empty() && buffers_.front().size() == taken_) {
            buffers_ = buffers_.subspan(1);
            taken_ = 0;
        }
    }

    std::span<const bytes> buffers_;
    std::size_t taken_ = 0; // of the first
    std::array<char, record_size> joined_; // not filled in advance
};

} // namespace portico::tls::detail
