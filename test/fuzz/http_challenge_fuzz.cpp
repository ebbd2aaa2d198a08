// Fuzzes challenges: whatever a server asks for, the answer holds it in quotes, and nothing gets out of them.
#include "fuzz.hpp"
#include "http/authentication.hpp"
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <portico/wire/text.hpp>
#include <string>
#include <string_view>

namespace {

constexpr std::string_view field_name = "WWW-Authenticate";

std::string value_of(const portico::http::challenge& of, std::string_view parameter)
{
    return std::string(of.parameters.find(parameter).value_or(""));
}

void check_answer(const std::string& answer, const std::vector<portico::http::challenge>& offered)
{
    portico::fields header;
    header.add(std::string(field_name), answer);
    const auto read = portico::http::parse_challenges(header, field_name);
    require(read.size() == 1 && read[0].is("Digest") && read[0].token.empty() && read[0].parameters.size() <= 12);
    require(std::ranges::any_of(offered, [&](const portico::http::challenge& each) {
        return std::ranges::all_of(std::initializer_list<std::string_view>{"realm", "nonce", "opaque", "algorithm"},
                                   [&](std::string_view key) { return value_of(each, key) == value_of(read[0], key); });
    }));
    require(value_of(read[0], "uri") == "/x" && (value_of(read[0], "userhash") == "true"
                                                 || value_of(read[0], "username") == "u\"s\\er"));
}

} // namespace

/// Each line of the input is a field.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::string_view input(reinterpret_cast<const char*>(data), size);
    portico::fields header;
    while (!input.empty())
        header.add(std::string(field_name), std::string(take_line(input)));
    const auto offered = portico::http::parse_challenges(header, field_name);
    for (const auto& each : offered)
        require(portico::text::is_token(each.scheme));
    (void)portico::http::offers_basic(offered);
    if (auto digest = portico::http::digest::strongest(offered))
        check_answer(digest->authorization("GET", "/x", {"u\"s\\er", "secret"}, "0123456789abcdef"), offered);
    return 0;
}
