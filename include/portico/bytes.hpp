// bytes: a view of consecutive octets, made from anything that holds chars or bytes.
#pragma once

#include <cstddef>
#include <cstring>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>

namespace portico::inline v0_1 {

/// A type whose objects are single octets: char, unsigned char, char8_t, std::byte.
template <class T>
concept octet = sizeof(T) == 1 && (std::is_integral_v<T> || std::is_same_v<T, std::byte>) && !std::is_same_v<T, bool>;

/// Contiguous octets: what `std::data` and `std::size` understand.
template <class T>
concept octets = requires(const T& range) {
    { std::size(range) } -> std::convertible_to<std::size_t>;
    requires octet<std::remove_cvref_t<decltype(*std::data(range))>>;
} && !std::is_array_v<T>;

/// A non-owning view of octets. It converts from contiguous ranges of octets (strings, string literals, vectors,
/// spans, arrays) and to `std::string_view`. It is valid as long as what it was made from; views that a read of a
/// connection returned are valid until the next read of that connection.
class bytes {
public:
    constexpr bytes() noexcept = default;
    /// So many octets from there on.
    constexpr bytes(const char* data, std::size_t size) noexcept : view_(data, size) {}
    /// The same.
    bytes(const std::byte* data, std::size_t size) noexcept : view_(reinterpret_cast<const char*>(data), size) {}

    /// A string literal or C string: up to its terminating zero.
    constexpr bytes(const char* text) noexcept : view_(text) {}
    /// Of an array that can be written to, nobody knows how much is in it: `bytes(array, size)` says so.
    template <std::size_t Size>
    bytes(char (&)[Size]) = delete;

    /// Any contiguous range of octets.
    template <octets Range>
        requires(!std::is_same_v<Range, bytes>)
    constexpr bytes(const Range& range) noexcept
    {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(*std::data(range))>, char>)
            view_ = std::string_view(std::data(range), std::size(range));
        else
            view_ = std::string_view(reinterpret_cast<const char*>(std::data(range)), std::size(range));
    }

    constexpr const char* data() const noexcept { return view_.data(); } ///< where they begin; no zero follows them
    constexpr std::size_t size() const noexcept { return view_.size(); } ///< how many
    constexpr bool empty() const noexcept { return view_.empty(); } ///< whether there are none
    constexpr auto begin() const noexcept { return view_.begin(); } ///< iterators over chars
    constexpr auto end() const noexcept { return view_.end(); } ///< behind the last one
    constexpr char operator[](std::size_t index) const noexcept { return view_[index]; } ///< unchecked

    /// The same octets as text; no encoding is assumed.
    constexpr std::string_view text() const noexcept { return view_; }
    constexpr operator std::string_view() const noexcept { return view_; } ///< as `text`

    /// The octets from `position` (at most `count`); both are clamped to what is there.
    constexpr bytes subview(std::size_t position, std::size_t count = std::string_view::npos) const noexcept
    {
        position = position < size() ? position : size();
        return from(view_.substr(position, count));
    }
    /// Drops octets in front, all of them where there are fewer.
    constexpr void remove_prefix(std::size_t count) noexcept { view_.remove_prefix(count < size() ? count : size()); }

    /// Whether the octets are the same.
    friend constexpr bool operator==(bytes left, bytes right) noexcept { return left.view_ == right.view_; }

private:
    static constexpr bytes from(std::string_view view) noexcept { return {view.data(), view.size()}; }
    std::string_view view_;
};

} // namespace portico
