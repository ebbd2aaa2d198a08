// Header fields (RFC 9110 section 5): an ordered list of names and values; names are compared without case.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace portico::inline v0_1 {

/// The fields of a header or trailer section, in the order in which they came or shall go. It keeps what it is given:
/// who writes fields to a peer checks them (`http::request::serialise` does). Views that it returns are valid until
/// the next call that is not const.
class fields {
public:
    /// A name and a value.
    struct field {
        /// Taken as they are.
        field(std::string field_name, std::string field_value)
            : name(std::move(field_name)), value(std::move(field_value))
        {}
        std::string name;  ///< in the letters it came in
        std::string value; ///< without the blanks around it
        bool operator==(const field&) const = default; ///< letter by letter
    };

    fields() = default;

    /// Appends a field; others of that name stay.
    void add(std::string name, std::string value);
    /// Gives the field of this name this value: in the place of the first one of that name (further ones go), or else
    /// at the end.
    void set(std::string name, std::string value);
    /// Removes every field of this name; returns how many there were.
    std::size_t remove(std::string_view name);
    void clear() noexcept { list_.clear(); } ///< removes all

    /// The value of the first field of this name.
    std::optional<std::string_view> find(std::string_view name) const;
    bool contains(std::string_view name) const { return find(name).has_value(); } ///< whether there is one of this name
    /// The values of all fields of this name, in order.
    std::vector<std::string_view> all(std::string_view name) const;
    /// The elements of a field whose value is a comma-separated list, over all fields of this name (RFC 9110 section
    /// 5.6.1): without the blanks around them and without empty ones. A comma inside a quoted string divides nothing.
    std::vector<std::string_view> elements(std::string_view name) const;
    /// Whether one of the `elements` is this token, in either case: `contains_token("Connection", "close")`.
    bool contains_token(std::string_view name, std::string_view token) const;

    bool empty() const noexcept { return list_.empty(); } ///< whether there are none
    std::size_t size() const noexcept { return list_.size(); } ///< how many
    auto begin() const noexcept { return list_.begin(); } ///< iterators over `field`s, in order
    auto end() const noexcept { return list_.end(); } ///< behind the last one
    /// The field added last; there must be one.
    field& back() noexcept { return list_.back(); }

    bool operator==(const fields&) const = default; ///< the same fields in the same order

private:
    std::vector<field> list_;
};

} // namespace portico
