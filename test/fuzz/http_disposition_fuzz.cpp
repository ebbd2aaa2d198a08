// Fuzzes names for files: whatever a server says, what comes out is harmless, or empty.
#include "fuzz.hpp"
#include "wire/utf8.hpp"
#include <cstddef>
#include <cstdint>
#include <portico/error.hpp>
#include <portico/http/content_disposition.hpp>
#include <string>
#include <string_view>

namespace {

void check_name(std::string_view name)
{
    require(name.size() <= 200 && name != "." && name != "..");
    for (std::string_view rest = name; !rest.empty();) {
        const auto first = portico::text::first_character(rest);
        require(first.valid() && first.value >= ' ' && (first.value < 0x7f || first.value >= 0xa0));
        require(first.value != '/' && first.value != '\\');
        rest.remove_prefix(first.size);
    }
}

void check_safe_name(std::string_view given)
{
    const std::string name = portico::http::safe_file_name(given);
    check_name(name);
    require(name.empty() || (name.find_first_of(".- ") != 0 && name.find_last_of(". ") != name.size() - 1));
    require(portico::http::safe_file_name(name) == name);
}

} // namespace

/// The input is a field, a name, and the path of a URL.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    check_safe_name(portico::http::file_name_of(input).value_or(""));
    check_safe_name(input);
    try {
        const std::string name = portico::http::file_name(portico::url("http://a/" + std::string(input)));
        require(!name.empty());
        check_name(name);
    } catch (const portico::error& failure) {
        require(failure.code() == portico::errc::malformed); // the URL
    }
    return 0;
}
