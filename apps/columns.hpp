// columns: any text as a terminal may get it, and the columns that it takes there. A terminal shows UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace http_get {

/// The text as a terminal may get it: what is no printable UTF-8, or would change the direction or the place of what
/// follows, is escaped as `portico::text::escape` does.
std::string printable(std::string_view text);
/// How many columns a printable text takes.
std::size_t columns_of(std::string_view printable_text);
/// The beginning of a printable text, as much as these columns hold.
std::string_view head_of(std::string_view printable_text, std::size_t columns);
/// A printable text as wide as this: filled with spaces, or with `...` in place of its middle.
std::string fit(std::string_view printable_text, std::size_t columns);

} // namespace http_get
