// columns: see columns.hpp.
#include "columns.hpp"

#include <algorithm>
#include <cwchar>
#include <fmt/format.h>
#include <locale.h>
#include <portico/wire/text.hpp>

namespace http_get {

namespace {

/// The characters of UTF-8, whatever the user's locale is.
class utf8_locale {
public:
    utf8_locale() : before_(::uselocale(all())) {}
    ~utf8_locale() { ::uselocale(before_); }
    utf8_locale(const utf8_locale&) = delete;
    utf8_locale& operator=(const utf8_locale&) = delete;

private:
    static locale_t all() // null, which changes nothing, where the system has none
    {
        static const locale_t made = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
        return made;
    }
    locale_t before_;
};

struct character {
    std::size_t size;    // in bytes
    std::size_t columns;
    bool is_printable;
};

/// Formatting characters of Unicode: they are not seen, and some turn what follows around.
bool is_invisible(wchar_t value)
{
    const auto within = [&](wchar_t first, wchar_t last) { return value >= first && value <= last; };
    return value == 0xad || value == 0x61c || value == 0xfeff || within(0x200b, 0x200f) || within(0x2028, 0x202e)
        || within(0x2060, 0x206f) || within(0xfff9, 0xfffb) || value >= 0xe0000;
}

/// The first character of a text, within a `utf8_locale`.
character first_of(std::string_view text)
{
    std::mbstate_t state{};
    wchar_t value = 0;
    const std::size_t size = std::mbrtowc(&value, text.data(), text.size(), &state); // NOLINT(concurrency-mt-unsafe)
    if (size == 0 || size > text.size())
        return {1, 0, false};
    const int columns = ::wcwidth(value);
    return {size, static_cast<std::size_t>(std::max(columns, 0)), columns >= 0 && !is_invisible(value)};
}

} // namespace

std::string printable(std::string_view text)
{
    const utf8_locale known;
    std::string shown;
    while (!text.empty()) {
        const character next = first_of(text);
        const std::string_view bytes = text.substr(0, next.size);
        // A backslash stays: in a name it is more often itself than an escape.
        shown += next.is_printable ? std::string(bytes) : portico::text::escape(bytes);
        text.remove_prefix(next.size);
    }
    return shown;
}

std::size_t columns_of(std::string_view text)
{
    const utf8_locale known;
    std::size_t columns = 0;
    while (!text.empty()) {
        const character next = first_of(text);
        columns += next.columns;
        text.remove_prefix(next.size);
    }
    return columns;
}

std::string_view head_of(std::string_view text, std::size_t columns)
{
    const utf8_locale known;
    std::size_t size = 0;
    while (size < text.size()) {
        const character next = first_of(text.substr(size));
        if (next.columns > columns)
            break;
        columns -= next.columns;
        size += next.size;
    }
    return text.substr(0, size);
}

namespace {

/// The same from its end.
std::string_view tail_of(std::string_view text, std::size_t columns)
{
    while (columns_of(text) > columns) {
        const utf8_locale known;
        text.remove_prefix(first_of(text).size);
    }
    return text;
}

} // namespace

std::string fit(std::string_view text, std::size_t columns)
{
    std::string fitting(text);
    if (columns_of(text) > columns) {
        constexpr std::string_view gap = "...";
        if (columns < 8) {
            fitting = head_of(text, columns);
        } else { // more of the beginning; but the end, which names the kind of a file, too
            const std::size_t tail = (columns - gap.size()) / 3;
            const std::string_view head = head_of(text, columns - gap.size() - tail);
            fitting = fmt::format("{}{}{}", head, gap, tail_of(text, tail));
        }
    }
    return fitting + std::string(columns - columns_of(fitting), ' ');
}

} // namespace http_get
