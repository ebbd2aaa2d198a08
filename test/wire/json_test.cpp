// JSON strings: what RFC 8259 wants escaped, and bytes that are no UTF-8.
#include "catch.hpp"

#include <algorithm>
#include <portico/wire/json.hpp>
#include <string_view>

using namespace portico;
using namespace std::string_view_literals;

TEST_CASE("quotation marks, backslashes and controls are escaped in a JSON string")
{
    CHECK(text::json_string("") == R"("")");
    CHECK(text::json_string(" plain/text~") == R"(" plain/text~")");
    CHECK(text::json_string(R"(a"b\c)") == R"("a\"b\\c")");
    CHECK(text::json_string("\0\x01\b\t\n\f\r\x1b[2J\x1f\x7f"sv)
          == R"("\u0000\u0001\u0008\t\n\u000c\r\u001b[2J\u001f\u007f")");
}

TEST_CASE("characters beyond ASCII are escaped in a JSON string, as a surrogate pair where they need two")
{
    CHECK(text::json_string("\xc2\x80\xc3\xbc") == R"("\u0080\u00fc")");
    CHECK(text::json_string("\xe0\xa0\x80\xe2\x80\xae\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf")
          == R"("\u0800\u202e\ud7ff\ue000\uffff")");
    CHECK(text::json_string("\xf0\x90\x80\x80\xf0\x9f\x8c\x8d\xf4\x8f\xbf\xbf")
          == R"("\ud800\udc00\ud83c\udf0d\udbff\udfff")");
}

TEST_CASE("each byte that is no part of valid UTF-8 becomes a replacement character")
{
    const std::string one = R"(\ufffd)";
    for (const std::string_view wrong :
         {"\x80"sv, "\xbf"sv, "\xc0\x80"sv, "\xc1\xbf"sv, "\xc3"sv, "\xe0\x9f\xbf"sv, "\xe2\x82"sv,
          "\xed\xa0\x80"sv, "\xed\xbf\xbf"sv, "\xf0\x8f\xbf\xbf"sv, "\xf0\x9f\x8c"sv, "\xf4\x90\x80\x80"sv,
          "\xf5\x80\x80\x80"sv, "\xff\xfe"sv}) {
        std::string expected = "\"a";
        for (std::size_t count = 0; count < wrong.size(); ++count)
            expected += one;
        CHECK(text::json_string("a" + std::string(wrong)) == expected + "\"");
        CHECK(text::json_string("a" + std::string(wrong) + "z") == expected + "z\"");
    }
    CHECK(text::json_string("\xc3\xc3\xbc\xe2\x82\"") == R"("\ufffd\u00fc\ufffd\ufffd\"")");
}

TEST_CASE("every two bytes, and every character of UTF-8 cut short, make a JSON string of printable ASCII")
{
    const auto is_right = [](std::string_view source) {
        const std::string quoted = text::json_string(source);
        std::size_t units = 0;
        for (std::size_t index = 1; index + 1 < quoted.size(); ++index, ++units) {
            if (quoted[index] == '"')
                return false;
            if (quoted[index] == '\\')
                index += quoted[index + 1] == 'u' ? 5 : 1;
        }
        return quoted.front() == '"' && quoted.back() == '"' && units <= source.size()
            && quoted.size() <= 6 * source.size() + 2
            && std::ranges::all_of(quoted, [](char each) { return each >= 0x20 && each < 0x7f; });
    };
    bool all_are_right = true;
    for (unsigned pair = 0; pair < 0x10000; ++pair)
        all_are_right &= is_right(std::string{static_cast<char>(pair >> 8), static_cast<char>(pair & 255)});
    for (const std::string_view whole : {"\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x8c\x8d"})
        for (std::size_t size = 0; size <= whole.size(); ++size)
            all_are_right &= is_right(whole.substr(0, size));
    CHECK(all_are_right);
}
