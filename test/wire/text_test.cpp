// Text helpers.
#include "catch.hpp"

#include <portico/wire/text.hpp>
#include <string_view>

using namespace portico;
using namespace std::string_view_literals;

TEST_CASE("case is ignored for ASCII letters, and for nothing else")
{
    CHECK(text::equals_ignoring_case("Content-LENGTH", "content-length"));
    CHECK_FALSE(text::equals_ignoring_case("a", "ab"));
    CHECK_FALSE(text::equals_ignoring_case("[", "{"));
    CHECK_FALSE(text::equals_ignoring_case("@", "`"));
    CHECK_FALSE(text::equals_ignoring_case("\xc4", "\xe4"));
}

TEST_CASE("spaces and tabs are trimmed at both ends")
{
    CHECK(text::trim(" \ta \t b\t ") == "a \t b");
    CHECK(text::trim(" \t ").empty());
    CHECK(text::trim("").empty());
    CHECK(text::trim("\r\na") == "\r\na");
}

TEST_CASE("a token has no blanks, no separators, no control characters, nothing above ASCII")
{
    CHECK(text::is_token("!#$%&'*+-.^_`|~09azAZ"));
    for (const std::string_view token :
         {""sv, "a b"sv, "a:"sv, "(a"sv, "a\0"sv, "\t"sv, "\x7f"sv, "\xe4"sv, "a/b"sv, "\""sv}) {
        CAPTURE(token);
        CHECK_FALSE(text::is_token(token));
    }
}

TEST_CASE("foreign bytes are shown as printable ASCII, and not more of them than asked for")
{
    CHECK(text::escape("a b~") == "a b~");
    CHECK(text::escape("\x16\x03\0\r\n\t\x1b[2J\x7f\\\xc3\xab"sv)
          == "\\x16\\x03\\x00\\r\\n\\t\\x1b[2J\\x7f\\\\\\xc3\\xab");
    CHECK(text::escape("abcd", 4) == "abcd");
    CHECK(text::escape("abcde", 4) == "abcd...");
}
