// Fuzzes the URL parser: what it takes, it shows in a form that parses to the same, and a target fit for a request
// line.
#include "fuzz.hpp"
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <portico/error.hpp>
#include <portico/wire/url.hpp>
#include <string>
#include <string_view>

namespace {

void check(const portico::url& parsed)
{
    const std::string shown = parsed.to_string();
    require(std::ranges::all_of(shown, [](char character) { return character > ' ' && character < 0x7f; }));
    const portico::url again(shown);
    require(again.to_string() == shown && again.host() == parsed.host() && again.port() == parsed.port());
    require(again.target() == parsed.target() && again.fragment() == parsed.fragment());
    require(parsed.resolve("").target() == parsed.target());
}

} // namespace

/// The input is a URL, or a URL and a reference with a line feed between them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::size_t end = std::min(input.find('\n'), input.size());
    try {
        const portico::url base(input.substr(0, end));
        check(base);
        if (end < input.size())
            check(base.resolve(input.substr(end + 1)));
    } catch (const portico::error& failure) {
        require(failure.code() == portico::errc::malformed);
    }
    return 0;
}
