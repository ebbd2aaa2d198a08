// The response parser: every case is fed whole, byte by byte, past the parser, and with another response behind it.
#include "catch.hpp"

#include "parser_outcome.hpp"
#include <portico/http/response_parser.hpp>
#include <string>
#include <string_view>
#include <vector>

using namespace portico;
using namespace std::string_view_literals;
using http::body_through;
using http::parse_response;
using http::response_outcome;
using http::response_parser;
using event = http::response_parser::event;

namespace {

constexpr std::string_view next_response = "HTTP/1.1 201 Next\r\nContent-Length: 0\r\n\r\n";
constexpr std::size_t whole = 1 << 24;

/// The outcome of a stream, after it was shown that it is the same however the stream comes.
response_outcome parse(std::string_view method, std::string_view stream, const http::limits& limits = {},
                       http::response_options options = {})
{
    const auto in_pieces = [&](std::string_view text, std::size_t piece, body_through taker) {
        return parse_response(method, text, piece, taker, limits, options);
    };
    const response_outcome outcome = in_pieces(stream, whole, body_through::parser);
    CHECK(same(outcome, in_pieces(stream, 1, body_through::parser)));
    CHECK(same(outcome, in_pieces(stream, 3, body_through::parser)));
    CHECK(same(outcome, in_pieces(stream, 1, body_through::caller)));
    CHECK(same(outcome, in_pieces(stream, whole, body_through::caller)));
    if (outcome.ended_itself) {
        const std::string longer = std::string(stream).append(next_response);
        for (const std::size_t piece : {whole, std::size_t{1}}) {
            response_outcome behind = in_pieces(longer, piece, body_through::parser);
            CHECK(behind.left == std::string(outcome.left).append(next_response));
            behind.left = outcome.left;
            CHECK(same(outcome, behind));
        }
    }
    return outcome;
}

struct accepted {
    std::string_view what, stream;
    int status = 200;
    std::string_view body = "";
    bool reusable = true;
    std::string_view method = "GET";
};

const accepted good[] = {
    {"a body by Content-Length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"},
    {"an empty body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
    {"a body with NUL, CR and LF", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n\0\r\n\r\n\0"sv, 200, "\0\r\n\r\n\0"sv},
    {"a body until the end", "HTTP/1.1 200 OK\r\n\r\nhello", 200, "hello", false},
    {"no body until the end", "HTTP/1.1 200 OK\r\n\r\n", 200, "", false},
    {"HTTP/1.0 until the end", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nx", 200, "x", false},
    {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x", false},
    {"HTTP/1.0 kept alive", "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx", 200, "x"},
    {"HTTP/1.7", "HTTP/1.7 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x"},
    {"Connection: close", "HTTP/1.1 200 OK\r\nConnection: foo, CLOSE\r\nContent-Length: 1\r\n\r\nx", 200, "x", false},
    {"close wins", "HTTP/1.0 200 OK\r\nConnection: close, keep-alive\r\nContent-Length: 0\r\n\r\n", 200, "", false},
    {"no reason phrase", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"},
    {"an empty reason phrase", "HTTP/1.1 999 \r\nContent-Length: 0\r\n\r\n", 999},
    {"a reason phrase of any bytes", "HTTP/1.1 500 \xc3\xab \x01:\r\nContent-Length: 0\r\n\r\n", 500},
    {"bare LF", "HTTP/1.1 200 OK\nContent-Length: 2\n\nab", 200, "ab"},
    {"LF and CRLF mixed", "HTTP/1.1 200 OK\r\nA: b\nContent-Length: 2\r\n\nab", 200, "ab"},
    {"empty lines before the status line", "\r\n\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x"},
    {"a folded line", "HTTP/1.1 200 OK\r\nContent-Length:\r\n 1\r\nA: b\r\n\t c\r\n\r\nx", 200, "x"},
    {"equal lengths, repeated", "HTTP/1.1 200 OK\r\nContent-Length: 2, 02\r\ncontent-length: 2\r\n\r\nab", 200, "ab"},
    {"tabs around a length", "HTTP/1.1 200 OK\r\nContent-Length:\t2\t\r\n\r\nab", 200, "ab"},
    {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, "", true, "HEAD"},
    {"HEAD, chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, "", true, "HEAD"},
    {"HEAD, nothing said", "HTTP/1.1 200 OK\r\n\r\n", 200, "", true, "HEAD"},
    {"204", "HTTP/1.1 204 No Content\r\n\r\n", 204},
    {"204 with a length that it must not have", "HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n", 204, "", false},
    {"304 with the length of what it stands for", "HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", 304},
    {"205 is framed as any", "HTTP/1.1 205 x\r\nContent-Length: 1\r\n\r\nx", 205, "x"},
    {"CONNECT, 200: a tunnel", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, "", false, "CONNECT"},
    {"CONNECT, 407: a body", "HTTP/1.1 407 no\r\nContent-Length: 2\r\n\r\nno", 407, "no", true, "CONNECT"},
    {"101 is final", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 101, "", false},
    {"interim responses", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx", 200,
     "x", false},
    {"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0b\r\ncdefghijklm\r\n0\r\n\r\n", 200,
     "abcdefghijklm"},
    {"no chunk but the last", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n"},
    {"chunk extensions", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=\"b;c\" ; d\r\nx\r\n0;\r\n\r\n", 200,
     "x"},
    {"blanks behind a chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1 \t\r\nx\r\n00 \r\n\r\n", 200,
     "x"},
    {"chunks with bare LF", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\nx\n0\n\n", 200, "x"},
    {"trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\n c\r\nD:\r\n\r\n", 200,
     "x"},
    {"chunked, said twice", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 200, "", false},
    {"chunked and a length",
     "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 200, "x", false},
    {"HTTP/1.0, chunked", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     200, "", false},
    {"identity", "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 1\r\n\r\nx", 200, "x", false},
};

struct refused {
    std::string_view what, stream, detail;
    errc code = errc::malformed;
};

const refused bad[] = {
    {"another protocol", "SSH-2.0-OpenSSH_9.2p1\r\n", "status line is not HTTP: SSH-2"},
    {"TLS", "\x16\x03\x01\x02"sv, "status line is not HTTP: \\x16"},
    {"HTTP/0.9", "<html>\n", "status line is not HTTP: <"},
    {"lower case", "http/1.1 200 OK\r\n\r\n", "status line is not HTTP: h"},
    {"a CR before the status line", "\rHTTP/1.1 200 OK\r\n\r\n", "status line is not HTTP: \\rH"},
    {"HTTP/2", "HTTP/2 200\r\n\r\n", "status line is not HTTP/1.x: HTTP/2 200"},
    {"HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", "status line is not HTTP/1.x"},
    {"two digits of minor version", "HTTP/1.01 200 OK\r\n\r\n", "status line is not HTTP/1.x"},
    {"a tab behind the version", "HTTP/1.1\t200 OK\r\n\r\n", "status line is not HTTP/1.x"},
    {"no status", "HTTP/1.1\r\n\r\n", "status line is not HTTP/1.x"},
    {"two blanks before the status", "HTTP/1.1  200 OK\r\n\r\n", "status is not three digits"},
    {"two digits of status", "HTTP/1.1 20 OK\r\n\r\n", "status is not three digits"},
    {"four digits of status", "HTTP/1.1 2000 OK\r\n\r\n", "status is not three digits"},
    {"a status below 100", "HTTP/1.1 099 OK\r\n\r\n", "status is not three digits"},
    {"a negative status", "HTTP/1.1 -12 OK\r\n\r\n", "status is not three digits"},
    {"a CR behind the status", "HTTP/1.1 200 OK\rA: b\r\n\r\n", "a line holds NUL or a CR without LF"},
    {"two CR", "HTTP/1.1 200 OK\r\r\n\r\n", "a line holds NUL or a CR without LF"},
    {"a CR in a field", "HTTP/1.1 200 OK\r\nA: 1\rB: 2\r\n\r\n", "a line holds NUL or a CR without LF: A: 1\\rB: 2"},
    {"NUL in a status line", "HTTP/1.1 200 OK\0\r\n\r\n"sv, "a line holds NUL"},
    {"NUL in a field", "HTTP/1.1 200 OK\r\nA: \0b\r\n\r\n"sv, "a line holds NUL or a CR without LF: A: \\x00b"},
    {"no colon", "HTTP/1.1 200 OK\r\nfoo\r\n\r\n", "header line has no colon: foo"},
    {"no name", "HTTP/1.1 200 OK\r\n: foo\r\n\r\n", "no valid name before its colon: : foo"},
    {"a blank before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n", "no valid name before its colon"},
    {"a tab before the colon", "HTTP/1.1 200 OK\r\nfoo\t: 5\r\n\r\n", "no valid name before its colon: foo\\t: 5"},
    {"a vertical tab in a name", "HTTP/1.1 200 OK\r\nfoo\v: 5\r\n\r\n", "no valid name before its colon: foo\\x0b: 5"},
    {"a folded line first", "HTTP/1.1 200 OK\r\n foo: bar\r\n\r\n", "folded line before the first header field:  foo"},
    {"different lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
     "Content-Length values differ: 5, 6"},
    {"different lengths in a list", "HTTP/1.1 200 OK\r\nContent-Length: 5,6\r\n\r\n", "Content-Length values differ"},
    {"a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -6\r\n\r\n",
     "Content-Length is no number up to 2^63-1: -6"},
    {"a signed length", "HTTP/1.1 200 OK\r\nContent-Length: +6\r\n\r\n", "Content-Length is no number"},
    {"a length with a unit", "HTTP/1.1 200 OK\r\nContent-Length: 6b\r\n\r\n", "Content-Length is no number"},
    {"a length of two numbers", "HTTP/1.1 200 OK\r\nContent-Length: 6 6\r\n\r\n", "Content-Length is no number"},
    {"an empty length", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", "Content-Length is empty"},
    {"a length of 2^63", "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n",
     "Content-Length is no number"},
    {"a length of 30 digits", "HTTP/1.1 200 OK\r\nContent-Length: 999999999999999999999999999999\r\n\r\n",
     "Content-Length"},
    {"chunked before another coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", "last one: gzip"},
    {"identity behind chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
     "transfer coding is not chunked"},
    {"a coding not asked for", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "last one: gzip"},
    {"a coding that looks alike", "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n", "last one: xchunked"},
    {"an empty coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\n", "Transfer-Encoding is empty"},
};

/// What stands behind the header of a chunked response.
const refused bad_chunks[] = {
    {"no size", "\r\n", "chunk size is no hexadecimal number"},
    {"a blank first", " 1\r\nx\r\n", "chunk size is no hexadecimal number"},
    {"no digit", "xyz\r\n", "chunk size is no hexadecimal number"},
    {"a sign", "+1\r\nx\r\n", "chunk size is no hexadecimal number"},
    {"0x", "0x1\r\nx\r\n", "chunk size is followed by something other than ';': 0x1"},
    {"text behind a blank", "1 x\r\nx\r\n", "chunk size is followed by something other"},
    {"NUL", "1\0\r\nx\r\n"sv, "a line holds NUL"},
    {"a CR in an extension", "1;a\rb\r\nx\r\n", "a line holds NUL or a CR"},
    {"17 digits", "00000000000000001\r\nx\r\n", "chunk size is no hexadecimal number"},
    {"2^63", "8000000000000000\r\nx", "chunk size is no hexadecimal number"},
    {"data beyond the size", "1\r\nxy\r\n0\r\n\r\n", "chunk is longer than its size says: y"},
    {"CR and no LF behind data", "1\r\nx\r1\r\n", "chunk is longer than its size says"},
    {"a folded trailer first", "0\r\n A: b\r\n\r\n", "folded line before the first header field"},
    {"a trailer without a colon", "0\r\nA\r\n\r\n", "header line has no colon: A"},
    {"NUL in a trailer", "0\r\nA: \0\r\n\r\n"sv, "a line holds NUL"},
    {"two CR behind data", "1\r\nx\r\r\n0\r\n\r\n", "chunk is longer than its size says: \\r"},
};

/// Cut anywhere, each of these is an error.
const std::string_view whole_streams[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nA: b\r\n c\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nA: b\r\n\r\n",
};

std::string repeat(std::string_view text, std::size_t times)
{
    std::string result;
    for (std::size_t count = 0; count < times; ++count)
        result += text;
    return result;
}

} // namespace

TEST_CASE("a good response is taken, with its body, and the parser knows whether the connection can be reused")
{
    for (const accepted& expected : good) {
        INFO(expected.what);
        const response_outcome outcome = parse(expected.method, expected.stream);
        CHECK(outcome.detail == "");
        CHECK(outcome.has_head);
        CHECK(outcome.head.status == expected.status);
        CHECK(outcome.body == expected.body);
        CHECK(outcome.reusable == expected.reusable);
        CHECK(outcome.left == "");
    }
}

TEST_CASE("a response that could move the boundary of a message is refused, and the error names what is wrong")
{
    for (const refused& expected : bad) {
        INFO(expected.what);
        const response_outcome outcome = parse("GET", expected.stream);
        CHECK(outcome.error == expected.code);
        CHECK_FALSE(outcome.has_head);
        CAPTURE(outcome.detail);
        CHECK(outcome.detail.find(expected.detail) != std::string::npos);
    }
    for (const refused& expected : bad_chunks) {
        INFO(expected.what);
        const response_outcome outcome =
            parse("GET", std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").append(expected.stream));
        CHECK(outcome.error == expected.code);
        CHECK(outcome.has_head);
        CAPTURE(outcome.detail);
        CHECK(outcome.detail.find(expected.detail) != std::string::npos);
    }
}

TEST_CASE("a response that is cut at any byte is truncated")
{
    for (const std::string_view stream : whole_streams) {
        CHECK(parse("GET", stream).detail == "");
        for (std::size_t length = 0; length < stream.size(); ++length) {
            CAPTURE(stream.substr(0, length));
            CHECK(parse("GET", stream.substr(0, length)).error == errc::truncated);
        }
    }
    CHECK(parse("GET", "").detail == "the connection was closed before one came");
    CHECK(parse("GET", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello").detail
          == "the body ended 4 bytes too early");
}

TEST_CASE("the head has version, status, reason and fields as they came, folds become one space")
{
    const response_outcome outcome =
        parse("GET", "HTTP/1.0 404  Not here \r\nA:  b c \r\n\r\n\t d\r\na:\r\n  \r\n e\r\n\r\n");
    CHECK(outcome.head.minor_version == 0);
    CHECK(outcome.head.status == 404);
    CHECK(outcome.head.reason == "Not here");
    REQUIRE(outcome.head.fields.size() == 1);
    CHECK(outcome.head.fields.find("a") == "b c");

    const response_outcome folded = parse("GET", "HTTP/1.1 200 OK\r\nA: b\r\n\t c\r\n   \r\n d \r\nE:\r\n f\r\n\r\n");
    CHECK(folded.head.fields.find("A") == "b c d");
    CHECK(folded.head.fields.find("E") == "f");
}

TEST_CASE("interim responses are told one by one, and none of their fields reaches the final head")
{
    const response_outcome outcome =
        parse("GET", "HTTP/1.1 100 Continue\r\nA: 1\r\n\r\n\r\nHTTP/1.1 103 Early Hints\r\nB: 2\r\n"
                     "Content-Length: 7\r\n\r\nHTTP/1.1 200 OK\r\nC: 3\r\nContent-Length: 1\r\n\r\nx");
    REQUIRE(outcome.interim.size() == 2);
    CHECK(outcome.interim[0].status == 100);
    CHECK(outcome.interim[1].fields.find("b") == "2");
    CHECK(outcome.head.fields.size() == 2);
    CHECK(outcome.body == "x");
}

TEST_CASE("trailers are kept apart from the head")
{
    const response_outcome outcome =
        parse("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 7\r\nA: b\r\n\r\n");
    CHECK(outcome.head.fields.size() == 1);
    CHECK(outcome.trailers.size() == 2);
    CHECK(outcome.trailers.find("a") == "b");
    CHECK(outcome.reusable);
}

TEST_CASE("the parser says how much body lies ahead, so that the caller may read it past the parser")
{
    response_parser parser("GET");
    CHECK(parser.body_ahead() == 0);
    CHECK_FALSE(parser.started());
    bytes input = "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\nab";
    CHECK(parser.next(input) == event::head);
    CHECK(parser.started());
    CHECK(parser.body_size() == 9223372036854775807u);
    CHECK(parser.next(input) == event::data);
    CHECK(parser.data() == "ab");
    CHECK(parser.body_ahead() == 9223372036854775805u);
    CHECK(parser.next(input) == event::need_more);
    CHECK_THROWS_AS(parser.body_taken(9223372036854775806u), misuse);
    parser.body_taken(9223372036854775805u);
    CHECK(parser.next(input) == event::end);
    CHECK(parser.next(input) == event::end);
    CHECK(parser.reusable());

    parser = response_parser("GET");
    input = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n";
    CHECK(parser.next(input) == event::head);
    CHECK_FALSE(parser.body_size());
    CHECK(parser.next(input) == event::need_more);
    CHECK(parser.body_ahead() == 9223372036854775807u);

    parser = response_parser("GET");
    input = "HTTP/1.1 200 OK\r\n\r\n";
    CHECK(parser.next(input) == event::head);
    CHECK(parser.body_ahead() == response_parser::unbounded);
    parser.body_taken(response_parser::unbounded);
    CHECK(parser.body_ahead() == response_parser::unbounded);
    CHECK_FALSE(parser.ended());
    parser.finish();
    CHECK(parser.ended());
    CHECK_FALSE(parser.reusable());
}

TEST_CASE("a response at its limits is taken, and one beyond them is refused")
{
    http::limits limits;
    limits.header_bytes = 100;
    limits.line_bytes = 60;
    limits.fields = 3;
    limits.interim_responses = 2;
    limits.chunk_extension_bytes = 10;
    limits.body_bytes = 20;
    const std::string status = "HTTP/1.1 204 OK\r\n", interim = "HTTP/1.1 100 C\r\n\r\n";
    const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    struct {
        std::string what, within, beyond, detail;
    } const cases[] = {
        {"bytes of a line", status + "A:" + repeat("x", 57) + "\r\n\r\n", status + "A:" + repeat("x", 58) + "\r\n\r\n",
         "a line has more bytes than 60"},
        {"bytes of the header", status + "A:" + repeat("x", 37) + "\r\nB:" + repeat("x", 36) + "\r\n\r\n",
         status + "A:" + repeat("x", 37) + "\r\nB:" + repeat("x", 37) + "\r\n\r\n",
         "the header has more bytes than 100"},
        {"a line without an end", status + "\r\n", status + repeat("x", 61), "a line has more bytes than 60"},
        {"fields", status + "A:\r\nB:\r\nC:\r\n\r\n", status + "A:\r\nB:\r\nC:\r\nD:\r\n\r\n",
         "the header has more fields than 3"},
        {"fields with trailers", chunked + "0\r\nA:\r\nB:\r\n\r\n", chunked + "0\r\nA:\r\nB:\r\nC:\r\n\r\n",
         "the header has more fields than 3"},
        {"bytes with trailers", chunked + "0\r\nA:" + repeat("x", 45) + "\r\n\r\n",
         chunked + "0\r\nA:" + repeat("x", 48) + "\r\n\r\n", "the header has more bytes than 100"},
        {"interim responses", interim + interim + status + "\r\n", interim + interim + interim + status + "\r\n",
         "there are more interim responses than 2"},
        {"a chunk extension", chunked + "0;123456789\r\n\r\n", chunked + "0;1234567890\r\n\r\n",
         "chunk extensions exceed the data by more bytes than 10"},
        {"chunk extensions", chunked + "1;12345\r\nx\r\n1;12345\r\nx\r\n0\r\n\r\n",
         chunked + "1;12345\r\nx\r\n1;123456\r\nx\r\n0\r\n\r\n",
         "chunk extensions exceed the data by more bytes than 10"},
        {"a body of a size", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + repeat("x", 20),
         "HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n", "the body has more bytes than 20"},
        {"a body in chunks", chunked + "a\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
         chunked + "a\r\n0123456789\r\nb\r\n", "the body has more bytes than 20"},
        {"a body without an end", "HTTP/1.1 200 OK\r\n\r\n" + repeat("x", 20),
         "HTTP/1.1 200 OK\r\n\r\n" + repeat("x", 21), "the body has more bytes than 20"},
        {"a chunk line", chunked + repeat("0", 16) + ";123456789\r\n\r\n", chunked + "0;" + repeat("x", 27),
         "a line has more bytes than 27"},
    };
    for (const auto& expected : cases) {
        INFO(expected.what);
        CHECK(parse("GET", expected.within, limits).detail == "");
        const response_outcome outcome = parse("GET", expected.beyond, limits);
        CHECK(outcome.error == errc::limit_exceeded);
        CHECK(outcome.detail == expected.detail);
    }
}

TEST_CASE("chunk extensions are no burden on a long body whose every chunk has one")
{
    const std::string chunk = "20;signature=0123456789abcdef\r\n" + repeat("x", 32) + "\r\n";
    const response_outcome outcome = parse_response(
        "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + repeat(chunk, 5'000) + "0\r\n\r\n", 4096);
    CHECK(outcome.detail == "");
    CHECK(outcome.body.size() == 160'000);
}

TEST_CASE("the default limits stop a header that never ends")
{
    const std::string status = "HTTP/1.1 200 OK\r\n";
    CHECK(parse_response("GET", status + repeat("A: b\r\n", 1'000) + "\r\n", 4096).detail == "");
    CHECK(parse_response("GET", status + repeat("A: b\r\n", 1'001), 4096).error == errc::limit_exceeded);
    CHECK(parse_response("GET", status + repeat("A: " + repeat("x", 1'000) + "\r\n", 263), 4096).error
          == errc::limit_exceeded);
    CHECK(parse_response("GET", repeat("HTTP/1.1 103 x\r\n\r\n", 65), 4096).error == errc::limit_exceeded);
    CHECK(parse_response("GET", repeat("\r\n", 200'000), 4096).error == errc::limit_exceeded);
    CHECK(parse_response("GET", status + repeat("x", 110'000), 4096).error == errc::limit_exceeded);
    CHECK(parse_response("GET", status + "A: b\r\n" + repeat(" c\r\n", 100'000), 4096).error == errc::limit_exceeded);
}

TEST_CASE("a response of HTTP/0.9 is taken where it is allowed: all of it is the body")
{
    http::response_options options;
    options.http09 = true;
    for (const std::string_view stream : {"o", "no head\nat all", "HTTQ", "HTTX/1.1 200 OK\r\n\r\n", "\r\n\r\n",
                                          "\r\nHTTP/1.1 200 OK\r\n\r\n", "http/1.1 200 OK\r\n\r\n"}) {
        INFO(stream);
        const response_outcome outcome = parse("GET", stream, {}, options);
        CHECK(outcome.detail == "");
        CHECK(outcome.head.http09);
        CHECK(outcome.head.status == 200);
        CHECK(outcome.body == stream);
        CHECK_FALSE(outcome.reusable);
        CHECK_FALSE(parse("GET", stream).head.http09);
    }
    http::limits limits;
    limits.body_bytes = 5;
    CHECK(parse("GET", "HTT..", limits, options).body == "HTT..");
    CHECK(parse("GET", "HTT...", limits, options).error == errc::limit_exceeded);
    CHECK(parse("GET", "HTT", {}, options).error == errc::truncated);
    CHECK(parse("GET", "", {}, options).error == errc::truncated);
    CHECK(parse("GET", "HTTP/2 200\r\n\r\n", {}, options).error == errc::malformed);
    const response_outcome framed = parse("GET", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", {}, options);
    CHECK_FALSE(framed.head.http09);
    CHECK(framed.reusable);
    CHECK(parse("GET", "HTTP/1.1 100 Continue\r\n\r\nno head", {}, options).error == errc::malformed);
}

TEST_CASE("Content-Length can be ignored: the body then lasts until the stream ends, unless it is chunked")
{
    http::response_options options;
    options.ignore_content_length = true;
    for (const std::string_view length : {"1", "99", "no number", "1, 2"}) {
        INFO(length);
        const std::string start = "HTTP/1.1 200 OK\r\nContent-Length: " + std::string(length) + "\r\n";
        CHECK(parse("GET", start + "\r\nhello", {}, options).body == "hello");
        CHECK(parse("GET", start + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", {}, options).body == "x");
        CHECK(parse("HEAD", start + "\r\n", {}, options).ended_itself);
    }
}

TEST_CASE("transfer codings beside chunked are taken where they are allowed, and named")
{
    http::response_options options;
    options.transfer_codings = true;
    const struct {
        std::string_view codings, body;
        std::vector<std::string_view> left;
    } cases[] = {
        {"gzip, chunked", "1\r\nx\r\n0\r\n\r\n", {"gzip"}},
        {"deflate;q=1 , GZip,\r\nTransfer-Encoding: Chunked", "1\r\nx\r\n0\r\n\r\n", {"deflate;q=1", "GZip"}},
        {"gzip\r\nContent-Length: 0", "x", {"gzip"}},
        {"identity\r\nContent-Length: 1", "x", {}},
        {"chunked", "1\r\nx\r\n0\r\n\r\n", {}},
    };
    for (const auto& expected : cases) {
        INFO(expected.codings);
        const std::string stream =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + std::string(expected.codings) + "\r\n\r\n";
        CHECK(parse("GET", stream + std::string(expected.body), {}, options).body == "x");
        response_parser parser("GET", {}, options);
        bytes input = stream;
        REQUIRE(parser.next(input) == event::head);
        CHECK(parser.transfer_codings() == expected.left);
    }
    for (const std::string_view codings : {"chunked, gzip", "chunked, identity", ""}) {
        INFO(codings);
        const std::string stream = "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + std::string(codings) + "\r\n\r\n";
        CHECK(parse("GET", stream, {}, options).error == errc::malformed);
    }
}

TEST_CASE("a raw body is delivered with its framing, and ends where it should")
{
    http::response_options options;
    options.raw = true;
    const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const std::string_view body :
         {"0\r\n\r\n", "5;a=b\r\nhello\r\n1 \r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n", "2\nab\n0\n\n"}) {
        INFO(body);
        const response_outcome outcome = parse("GET", chunked + std::string(body), {}, options);
        CHECK(outcome.detail == "");
        CHECK(outcome.body == body);
        CHECK(outcome.reusable);
    }
    CHECK(parse("GET", chunked + "0\r\nA: b\r\n\r\n", {}, options).trailers.find("a") == "b");
    CHECK(parse("GET", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", {}, options).body == "x");
    CHECK(parse("GET", "HTTP/1.1 200 OK\r\n\r\nhello", {}, options).body == "hello");
    CHECK(parse_response("GET", chunked + "xyz\r\n", whole, body_through::parser, {}, options).error
          == errc::malformed);
    CHECK(parse_response("GET", chunked + "5\r\nhell", 1, body_through::parser, {}, options).error == errc::truncated);
}
