// Fuzzes URLs in any script and references: what comes out is ASCII and parses to itself, and what `url` takes alone
// means the same here.
#include "fuzz.hpp"
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <portico/error.hpp>
#include <portico/http/international.hpp>
#include <string>
#include <string_view>

namespace {

template <class F>
std::optional<portico::url> parsed(const F& parse)
{
    try {
        return parse();
    } catch (const portico::error& failure) {
        require(failure.code() == portico::errc::malformed && failure.operation() == "parse URL");
        return std::nullopt;
    }
}

void check_url(const portico::url& found)
{
    const std::string shown = found.to_string();
    require(std::ranges::all_of(shown, [](char character) { return character > ' ' && character < 0x7f; }));
    if (found.scheme() == "http" || found.scheme() == "https")
        require(portico::http::parse_url(shown).to_string() == shown);
    require(portico::http::resolve(found, shown).to_string() == portico::url(shown).to_string());
}

} // namespace

/// The input is a URL and a reference, a line each.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using portico::url;
    std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::string_view text = take_line(input);
    const auto base = parsed([&] { return portico::http::parse_url(text); });
    if (!base)
        return 0;
    check_url(*base);
    if (const auto plain = parsed([&] { return url(text); }); plain && text.find("://") < text.find_first_of("/?#"))
        require(plain->to_string() == base->to_string());
    const auto target = parsed([&] { return portico::http::resolve(*base, input); });
    if (target)
        check_url(*target);
    const bool is_plain = std::ranges::none_of(input, [](char c) { return c == '\\' || c < ' '; });
    if (const auto plain = parsed([&] { return base->resolve(input); }); plain && is_plain)
        require(target && target->to_string() == plain->to_string());
    return 0;
}
