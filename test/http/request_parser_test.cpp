// The request parser: every case is fed whole, byte by byte, past the parser, and with another request behind it.
#include "catch.hpp"

#include "parser_outcome.hpp"
#include <portico/http/codec.hpp>
#include <string>
#include <string_view>
#include <vector>

using namespace portico;
using namespace std::string_view_literals;
using http::body_through;
using http::parse_request;
using http::request_outcome;
using http::request_parser;
using event = http::request_parser::event;

namespace {

constexpr std::string_view next_request = "PUT /next HTTP/1.1\r\nHost: b\r\nContent-Length: 1\r\n\r\nz";
constexpr std::size_t whole = 1 << 24;

/// The outcome of a stream, after it was shown that it is the same however the stream comes.
request_outcome parse(std::string_view stream, const http::limits& limits = http::request_limits)
{
    const request_outcome outcome = parse_request(stream, whole, body_through::parser, limits);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, whole})
        for (const body_through taker : {body_through::parser, body_through::caller})
            CHECK(same(outcome, parse_request(stream, piece, taker, limits)));
    if (outcome.ended_itself) {
        const std::string longer = std::string(stream).append(next_request);
        for (const std::size_t piece : {whole, std::size_t{1}}) {
            request_outcome behind = parse_request(longer, piece, body_through::parser, limits);
            CHECK(behind.left == std::string(outcome.left).append(next_request));
            behind.left = outcome.left;
            CHECK(same(outcome, behind));
        }
    }
    return outcome;
}

struct accepted {
    std::string_view what, stream, method = "GET", target = "/", body = "";
    bool reusable = true;
};

const accepted good[] = {
    {"no body", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"an empty line before it", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a query", "GET /a/../b?c=%2e&d HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/a/../b?c=%2e&d"},
    {"bytes that RFC 3986 has no place for", "GET /{a}|b^\"<> HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/{a}|b^\"<>"},
    {"an unknown method", "m!~ / HTTP/1.1\r\nHost: a\r\n\r\n", "m!~"},
    {"a body by Content-Length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 05\r\n\r\nhello", "POST", "/", "hello"},
    {"an empty body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "POST"},
    {"a body with NUL, CR and LF", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n\0\r\n\n"sv, "PUT", "/",
     "\0\r\n\n"sv},
    {"chunks",
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n0B\r\ncdefghijklm\r\n000\r\n\r\n",
     "PUT", "/", "abcdefghijklm"},
    {"chunk extensions",
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a=\"b;\tc\";d\r\nx\r\n0;\r\n\r\n", "PUT", "/",
     "x"},
    {"trailers",
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\nContent-Length: 7\r\n\r\n", "PUT"},
    {"Connection: close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", "GET", "/", "", false},
    {"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "GET", "/", "", false},
    {"HTTP/1.0 kept alive", "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", "POST", "/",
     "x"},
    {"HTTP/1.9", "GET / HTTP/1.9\r\nHost: a\r\n\r\n"},
    {"an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
    {"a Host with a port", "GET / HTTP/1.1\r\nHost: \tEx%41mple.com:8080 \r\n\r\n"},
    {"a Host with an empty port", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n"},
    {"a Host that is an IPv6 address", "GET / HTTP/1.1\r\nHost: [::ffff:127.0.0.1]:80\r\n\r\n"},
    {"a value above ASCII", "GET / HTTP/1.1\r\nHost: a\r\nA: \xc3\xab\tb\r\nB:\r\n\r\n"},
    {"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS", "*"},
    {"an absolute target", "GET http://a.b/c HTTP/1.1\r\nHost: a.b\r\n\r\n", "GET", "http://a.b/c"},
    {"an absolute target, its Host otherwise written", "GET HTTP://A.b?c HTTP/1.1\r\nHost: a.B:80\r\n\r\n", "GET",
     "HTTP://A.b?c"},
    {"an absolute target without a Host", "GET https://[::1]:1 HTTP/1.0\r\n\r\n", "GET", "https://[::1]:1", "", false},
    {"CONNECT", "CONNECT a.b:443 HTTP/1.1\r\nHost: a.b\r\n\r\n", "CONNECT", "a.b:443"},
    {"CONNECT to an IPv6 address", "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nContent-Length: 0\r\n\r\n",
     "CONNECT", "[::1]:443"},
};

struct refused {
    std::string_view what, stream, detail;
    int status = 400;
};

/// Whole streams.
const refused bad_starts[] = {
    {"TLS", "\x16\x03\x01\x02"sv, "request line begins with no method: \\x16"},
    {"a blank first", " GET / HTTP/1.1\r\n\r\n", "request line begins with no method:  G"},
    {"two empty lines", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
     "more than one empty line before the request line"},
    {"an empty line of LF", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "request line begins with no method: \\n"},
    {"a CR first", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", "a line holds NUL or a CR without LF"},
    {"a request line that ends in LF", "GET / HTTP/1.1\nHost: a\r\n\r\n",
     "a line ends in LF without CR: GET / HTTP/1.1"},
    {"two CR", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", "a line holds NUL or a CR without LF"},
    {"NUL", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"sv, "a line holds NUL"},
    {"HTTP/0.9", "GET /\r\n", "request line is not a method, a target and a version"},
    {"a method alone", "GET\r\n", "request line is not a method, a target and a version"},
    {"two blanks", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "the target does not have the form for GET:  /"},
    {"two blanks and no target", "GET  HTTP/1.1\r\nHost: a\r\n\r\n", "request line is not a method, a target"},
    {"two blanks behind the target", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "the target does not have the form"},
    {"a blank behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "does not end in a version"},
    {"a blank in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
     "the target does not have the form for GET: /a b"},
    {"a tab", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "request line is not a method"},
    {"a tab behind the method", "GET\t/ a HTTP/1.1\r\nHost: a\r\n\r\n", "the method is no token"},
    {"a vertical tab in the target", "GET /\v HTTP/1.1\r\nHost: a\r\n\r\n", "the target does not have the form"},
    {"a target above ASCII", "GET /\xc3\xab HTTP/1.1\r\nHost: a\r\n\r\n", "the target does not have the form"},
    {"DEL in the target", "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", "the target does not have the form"},
    {"a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "the target does not have the form"},
    {"a relative target", "GET a/b HTTP/1.1\r\nHost: a\r\n\r\n", "the target does not have the form"},
    {"a query alone", "GET ?a HTTP/1.1\r\nHost: a\r\n\r\n", "the target does not have the form"},
    {"* for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", "the target does not have the form for GET: *"},
    {"* and more", "OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n", "the target does not have the form for OPTIONS"},
    {"another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "the target does not have the form"},
    {"an absolute target without a host", "GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n",
     "the target does not have the form"},
    {"a user in an absolute target", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
     "the target does not have the form"},
    {"host and port for GET", "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", "the target does not have the form"},
    {"CONNECT to a path", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", "the target does not have the form for CONNECT"},
    {"CONNECT to a URL", "CONNECT http://a:80 HTTP/1.1\r\nHost: a\r\n\r\n", "the target does not have the form"},
    {"CONNECT without a port", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", "the target does not have the form"},
    {"CONNECT with an empty port", "CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n", "the target does not have the form"},
    {"CONNECT to an address without a port", "CONNECT [::1] HTTP/1.1\r\nHost: a\r\n\r\n", "the target does not have"},
    {"CONNECT beyond the ports", "CONNECT a:65536 HTTP/1.1\r\nHost: a\r\n\r\n", "the target does not have the form"},
    {"lower case", "GET / http/1.1\r\nHost: a\r\n\r\n", "does not end in a version"},
    {"HTTP/1", "GET / HTTP/1\r\nHost: a\r\n\r\n", "does not end in a version"},
    {"HTTP/1.01", "GET / HTTP/1.01\r\nHost: a\r\n\r\n", "does not end in a version"},
    {"HTTP/2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "only HTTP/1.x is spoken here: HTTP/2.0", 505},
    {"HTTP/0.9 by name", "GET / HTTP/0.9\r\n\r\n", "only HTTP/1.x is spoken here", 505},
    {"no Host", "GET / HTTP/1.1\r\n\r\n", "there must be one Host field, and not 0"},
    {"two Host fields", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", "there must be one Host field, and not 2"},
    {"two Host fields in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "there must be one Host field"},
};

/// Behind `GET / HTTP/1.1` and a Host field.
const refused bad_fields[] = {
    {"a line that ends in LF", "A: b\n\r\n", "a line ends in LF without CR: A: b"},
    {"an empty line of LF", "A: b\r\n\n", "a line ends in LF without CR: "},
    {"a CR in a value", "A: b\rC: d\r\n\r\n", "a line holds NUL or a CR without LF"},
    {"NUL in a value", "A: \0\r\n\r\n"sv, "a line holds NUL"},
    {"a control character in a value", "A: b\x01\r\n\r\n", "holds a control character: A: b\\x01"},
    {"DEL in a value", "A: \x7f\r\n\r\n", "holds a control character"},
    {"a folded line", "A: b\r\n c\r\n\r\n", "folded header line:  c"},
    {"a line of blanks", "A: b\r\n \r\n\r\n", "folded header line"},
    {"a blank before the colon", "A : b\r\n\r\n", "no valid name before its colon: A : b"},
    {"no name", ": b\r\n\r\n", "no valid name before its colon"},
    {"no colon", "A\r\n\r\n", "header line has no colon"},
    {"a name that is no token", "A\"b: c\r\n\r\n", "no valid name before its colon"},
    {"two Host fields", "Host: b\r\n\r\n", "there must be one Host field, and not 2"},
    {"Content-Length and Transfer-Encoding", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "Content-Length beside Transfer-Encoding"},
    {"the same, the other way round", "transfer-encoding: chunked\r\ncontent-length: 0\r\n\r\n0\r\n\r\n",
     "Content-Length beside Transfer-Encoding"},
    {"a length twice", "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "Content-Length is empty or there more"},
    {"a list of lengths", "Content-Length: 5, 5\r\n\r\nhello", "Content-Length is no number"},
    {"an empty length", "Content-Length:\r\n\r\n", "Content-Length is empty"},
    {"a signed length", "Content-Length: +5\r\n\r\nhello", "Content-Length is no number"},
    {"a negative length", "Content-Length: -5\r\n\r\nhello", "Content-Length is no number"},
    {"a hexadecimal length", "Content-Length: 0x5\r\n\r\nhello", "Content-Length is no number"},
    {"a length with a blank in it", "Content-Length: 5 5\r\n\r\nhello", "Content-Length is no number"},
    {"a length of 2^63", "Content-Length: 9223372036854775808\r\n\r\n", "Content-Length is no number"},
    {"another coding", "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
     "another transfer coding than chunked: gzip", 501},
    {"another coding in a field of its own", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "another transfer coding than chunked: gzip", 501},
    {"another coding alone", "Transfer-Encoding: gzip\r\n\r\n", "chunked is not the last one"},
    {"identity", "Transfer-Encoding: identity\r\n\r\n", "chunked is not the last one"},
    {"identity before chunked", "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", "another transfer coding",
     501},
    {"chunked before another coding", "Transfer-Encoding: chunked, gzip\r\n\r\n", "chunked is not the last one"},
    {"chunked twice", "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "chunked is not the last one, once"},
    {"chunked in two fields", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "once: chunked"},
    {"a coding that looks alike", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "chunked is not the last one"},
    {"a vertical tab before it", "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", "holds a control character"},
    {"quoted", "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", "chunked is not the last one"},
    {"a parameter", "Transfer-Encoding: chunked;a\r\n\r\n0\r\n\r\n", "chunked is not the last one"},
    {"an empty element before it", "Transfer-Encoding: , chunked\r\n\r\n0\r\n\r\n",
     "another transfer coding than chunked"},
    {"an empty field before it", "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "another transfer coding than chunked"},
    {"an empty coding", "Transfer-Encoding:\r\n\r\n", "chunked is not the last one"},
};

/// Behind the header of a chunked request.
const refused bad_chunks[] = {
    {"no size", "\r\n", "chunk size is no hexadecimal number"},
    {"a blank before the size", " 1\r\nx\r\n", "chunk size is no hexadecimal number"},
    {"a blank behind the size", "1 \r\nx\r\n", "chunk size is followed by something other than ';': 1 "},
    {"a tab behind the size", "1\t\r\nx\r\n", "chunk size is followed by something other than ';'"},
    {"a blank before an extension", "1 ;a\r\nx\r\n", "chunk size is followed by something other than ';'"},
    {"a sign", "+1\r\nx\r\n", "chunk size is no hexadecimal number"},
    {"a minus", "-1\r\nx\r\n", "chunk size is no hexadecimal number"},
    {"0x", "0x1\r\nx\r\n", "chunk size is followed by something other than ';'"},
    {"an underscore", "1_0\r\nx\r\n", "chunk size is followed by something other than ';'"},
    {"17 digits", "00000000000000001\r\nx\r\n", "chunk size is no hexadecimal number"},
    {"2^63", "8000000000000000\r\nx", "chunk size is no hexadecimal number"},
    {"2^64+1", "10000000000000001\r\nx", "chunk size is no hexadecimal number"},
    {"a size that ends in LF", "1\nx\r\n0\r\n\r\n", "a line ends in LF without CR: 1"},
    {"LF in an extension", "1;a\nx\r\n0\r\n\r\n", "a line ends in LF without CR: 1;a"},
    {"CR in an extension", "1;a\rb\r\nx\r\n", "a line holds NUL or a CR"},
    {"a control character in an extension", "1;\x01\r\nx\r\n", "chunk extension holds a control character"},
    {"data that ends in LF", "1\r\nx\n0\r\n\r\n", "chunk is longer than its size says: \\n"},
    {"CR and no LF behind data", "1\r\nx\r0\r\n\r\n", "chunk is longer than its size says: 0"},
    {"data beyond the size", "1\r\nxy\r\n0\r\n\r\n", "chunk is longer than its size says: y"},
    {"a last chunk that ends in LF", "0\n\r\n", "a line ends in LF without CR: 0"},
    {"an end that is LF", "0\r\n\n", "a line ends in LF without CR: "},
    {"a folded trailer", "0\r\nA: b\r\n c\r\n\r\n", "folded header line:  c"},
    {"a blank before the colon of a trailer", "0\r\nA : b\r\n\r\n", "no valid name before its colon"},
};

const std::string_view bad_hosts[] = {
    "a b",   "a/b",      "a?b",      "a#b",     "u@a",
    "a\\b",  "a:b",      "a:80:80",  "a:65536", "a:-1",
    ":80",   "[::1",     "::1",      "[::1]x",  "[fe80::1%25eth0]",
    "a%2fb", "a%40b",    "a%zz",     "a%00",    "\"a\"",
    "a<b>",  "\xc3\xab", "http://a",
};

std::string repeat(std::string_view text, std::size_t times)
{
    std::string result;
    for (std::size_t count = 0; count < times; ++count)
        result += text;
    return result;
}

void check_refused(const refused& expected, const std::string& stream)
{
    INFO(expected.what);
    const request_outcome outcome = parse(stream);
    CHECK(outcome.error == errc::malformed);
    CHECK(outcome.status == expected.status);
    CAPTURE(outcome.detail);
    CHECK(outcome.detail.find(expected.detail) != std::string::npos);
}

} // namespace

TEST_CASE("a good request is taken, with its body, and the parser knows whether the connection can be reused")
{
    for (const accepted& expected : good) {
        INFO(expected.what);
        const request_outcome outcome = parse(expected.stream);
        CHECK(outcome.detail == "");
        CHECK(outcome.ended_itself);
        CHECK(outcome.head.method == expected.method);
        CHECK(outcome.head.target == expected.target);
        CHECK(outcome.body == expected.body);
        CHECK(outcome.reusable == expected.reusable);
        CHECK(outcome.left == "");
    }
}

TEST_CASE("a request that two readers could understand in two ways is refused with its status")
{
    for (const refused& expected : bad_starts)
        check_refused(expected, std::string(expected.stream));
    for (const refused& expected : bad_fields)
        check_refused(expected, std::string("GET / HTTP/1.1\r\nHost: a\r\n").append(expected.stream));
    for (const refused& expected : bad_chunks)
        check_refused(
            expected,
            std::string("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").append(expected.stream));
    check_refused({"chunked in HTTP/1.0", "", "Transfer-Encoding in HTTP/1.0: chunked"},
                  "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    check_refused({"a first line that is folded", "", "folded line before the first header field"},
                  "GET / HTTP/1.1\r\n Host: a\r\n\r\n");
    for (const std::string_view content : {"Content-Length: 1\r\n\r\nx", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"})
        check_refused({"CONNECT with content", "", "CONNECT with content"},
                      std::string("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n").append(content));
}

TEST_CASE("a Host that is no host and port is refused, and one that is not the target's")
{
    for (const std::string_view host : bad_hosts)
        check_refused({host, "", "Host is no host and port: "},
                      "GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
    for (const std::string_view host : {"", "b", "a:81", "a.", "a:443"})
        check_refused({host, "", "Host is not that of the target"},
                      "GET http://a/ HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
}

TEST_CASE("a request that is cut at any byte is truncated, and a stream without one is in order")
{
    for (const std::string_view stream :
         {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello",
          "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nA: b\r\n\r\n"}) {
        CHECK(parse(stream).detail == "");
        for (std::size_t length = 1; length < stream.size(); ++length) {
            CAPTURE(stream.substr(0, length));
            CHECK(parse(stream.substr(0, length)).error == errc::truncated);
        }
    }
    CHECK(parse("\r").error == errc::truncated);
    for (const std::string_view nothing : {"", "\r\n"}) {
        const request_outcome outcome = parse(nothing);
        CHECK(outcome.detail == "");
        CHECK_FALSE(outcome.ended_itself);
        CHECK_FALSE(outcome.has_head);
        CHECK_FALSE(outcome.reusable);
    }
    CHECK(parse("POST / HTTP/1.0\r\nContent-Length: 9\r\n\r\nhello").detail == "the body ended 4 bytes too early");
}

TEST_CASE("the head has method, target, version and fields as they came, and trailers are kept apart from it")
{
    const request_outcome outcome =
        parse("PUT /a%20b HTTP/1.1\r\nhOST:  a \r\nA: b  c\t\r\na:\r\nTransfer-Encoding: chunked\r\n"
              "\r\n0\r\nHost: b\r\nA: d\r\n\r\n");
    CHECK(outcome.detail == "");
    CHECK(outcome.head.minor_version == 1);
    REQUIRE(outcome.head.fields.size() == 4);
    CHECK(outcome.head.fields.begin()->name == "hOST");
    CHECK(outcome.head.fields.find("host") == "a");
    CHECK(outcome.head.fields.all("A") == std::vector<std::string_view>{"b  c", ""});
    CHECK(outcome.trailers.size() == 2);
    CHECK(outcome.trailers.find("host") == "b");
    CHECK(parse("GET / HTTP/1.0\r\n\r\n").head.minor_version == 0);
}

TEST_CASE("requests that came together are taken one by one")
{
    const std::string stream = "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab\r\n"
                               "PUT /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n"
                               "GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    bytes rest = stream;
    std::string seen;
    for (const bool reusable : {true, true, false}) {
        request_parser parser;
        CHECK(parser.next(rest) == event::head);
        seen += parser.head().target;
        event found = parser.next(rest);
        if (found == event::data) {
            seen += parser.data();
            found = parser.next(rest);
        }
        CHECK(found == event::end);
        CHECK(parser.next(rest) == event::end);
        CHECK(parser.reusable() == reusable);
    }
    CHECK(rest.empty());
    CHECK(seen == "/1ab/2c/3");
}

TEST_CASE("the parser says how long a body is, and whether the client waits before it sends it")
{
    const struct {
        std::string_view what, fields;
        std::optional<std::uint64_t> size;
        bool expected;
        int minor_version = 1;
    } cases[] = {
        {"nothing", "", 0, false},
        {"a length", "Content-Length: 7\r\n", 7, false},
        {"chunks", "Transfer-Encoding: chunked\r\n", std::nullopt, false},
        {"an expectation", "Content-Length: 7\r\nExpect: 100-Continue\r\n", 7, true},
        {"an expectation, chunked", "Transfer-Encoding: chunked\r\nExpect: a, 100-continue\r\n", std::nullopt, true},
        {"an expectation of no body", "Expect: 100-continue\r\n", 0, false},
        {"another expectation", "Content-Length: 7\r\nExpect: 200-ok\r\n", 7, false},
        {"an expectation of HTTP/1.0", "Content-Length: 7\r\nExpect: 100-continue\r\n", 7, false, 0},
    };
    for (const auto& expected : cases) {
        INFO(expected.what);
        const std::string stream = "PUT / HTTP/1." + std::to_string(expected.minor_version) + "\r\nHost: a\r\n"
                                   + std::string(expected.fields) + "\r\n";
        request_parser parser;
        bytes input = stream;
        CHECK_FALSE(parser.started());
        REQUIRE(parser.next(input) == event::head);
        CHECK(parser.started());
        CHECK(parser.body_size() == expected.size);
        CHECK(parser.body_ahead() == expected.size.value_or(0));
        CHECK(parser.expects_continue() == expected.expected);
    }
}

TEST_CASE("a body that the caller has taken past the parser is complete")
{
    request_parser parser;
    bytes input = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n";
    REQUIRE(parser.next(input) == event::head);
    CHECK_THROWS_AS(parser.body_taken(9223372036854775808u), misuse);
    parser.body_taken(9223372036854775807u);
    CHECK_FALSE(parser.ended());
    parser.finish();
    CHECK(parser.reusable());
}

TEST_CASE("a request at its limits is taken, and one beyond them is refused with the status that says which")
{
    http::limits limits = http::request_limits;
    limits.header_bytes = 100;
    limits.line_bytes = 60;
    limits.fields = 3;
    limits.chunk_extension_bytes = 10;
    limits.body_bytes = 20;
    const std::string old = "GET / HTTP/1.0\r\n", sized = "PUT / HTTP/1.0\r\nContent-Length: ";
    const std::string chunked = "PUT / HTTP/1.1\r\nHost:\r\nTransfer-Encoding: chunked\r\n\r\n";
    const struct {
        std::string what, within, beyond, detail;
        int status;
    } cases[] = {
        {"a request line", "GET /" + repeat("x", 45) + " HTTP/1.0\r\n\r\n",
         "GET /" + repeat("x", 46) + " HTTP/1.0\r\n\r\n", "a line has more bytes than 60", 414},
        {"a request line without an end", old + "\r\n", repeat("x", 61), "a line has more bytes than 60", 414},
        {"a header line", old + "A:" + repeat("x", 57) + "\r\n\r\n", old + "A:" + repeat("x", 58) + "\r\n\r\n",
         "a line has more bytes than 60", 431},
        {"the header", old + "A:" + repeat("x", 40) + "\r\nB:" + repeat("x", 34) + "\r\n\r\n",
         old + "A:" + repeat("x", 40) + "\r\nB:" + repeat("x", 35) + "\r\n\r\n", "the header has more bytes than 100",
         431},
        {"fields", old + "A:\r\nB:\r\nC:\r\n\r\n", old + "A:\r\nB:\r\nC:\r\nD:\r\n\r\n",
         "the header has more fields than 3", 431},
        {"trailers", chunked + "0\r\nA:\r\n\r\n", chunked + "0\r\nA:\r\nB:\r\n\r\n",
         "the header has more fields than 3", 431},
        {"a body of a size", sized + "20\r\n\r\n" + repeat("x", 20), sized + "21\r\n\r\n",
         "the body has more bytes than 20", 413},
        {"a body in chunks", chunked + "14\r\n" + repeat("x", 20) + "\r\n0\r\n\r\n",
         chunked + "14\r\n" + repeat("x", 20) + "\r\n1\r\n", "the body has more bytes than 20", 413},
        {"chunk extensions", chunked + "0;123456789\r\n\r\n", chunked + "0;1234567890\r\n\r\n",
         "chunk extensions exceed the data by more bytes than 10", 413},
        {"a chunk line", chunked + repeat("0", 16) + ";123456789\r\n\r\n", chunked + "0;" + repeat("x", 27),
         "a line has more bytes than 27", 413},
    };
    for (const auto& expected : cases) {
        INFO(expected.what);
        CHECK(parse(expected.within, limits).detail == "");
        const request_outcome outcome = parse(expected.beyond, limits);
        CHECK(outcome.error == errc::limit_exceeded);
        CHECK(outcome.detail == expected.detail);
        CHECK(outcome.status == expected.status);
    }
}

TEST_CASE("the default limits stop a request that never ends")
{
    const std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";
    CHECK(parse_request(start + repeat("A: b\r\n", 199) + "\r\n", 4096).detail == "");
    CHECK(parse_request(start + repeat("A: b\r\n", 200), 4096).status == 431);
    CHECK(parse_request(start + repeat("A: " + repeat("x", 1'000) + "\r\n", 66), 4096).status == 431);
    CHECK(parse_request("GET /" + repeat("x", 20'000), 4096).status == 414);
    CHECK(parse_request("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                            + repeat("1;" + repeat("e", 50) + "\r\nx\r\n", 400),
                        4096)
              .status
          == 413);
}

TEST_CASE("a request error keeps its type and status")
{
    const http::request_error refusal(431, errc::limit_exceeded, "the header has more fields than 3");
    CHECK(std::string_view(refusal.what()).find("read request") != std::string_view::npos);
    const result<void> kept = refusal;
    try {
        kept.error().raise();
    } catch (const http::request_error& raised) {
        CHECK(raised.status() == 431);
        CHECK(raised.code() == errc::limit_exceeded);
    }
}
