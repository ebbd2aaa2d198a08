// HTTP requests to bytes, and what is refused on the way.
#include "catch.hpp"

#include <portico/error.hpp>
#include <portico/http/request.hpp>
#include <string>

using namespace portico;
using namespace std::string_literals;

TEST_CASE("a request is its request line, its fields in order, and an empty line")
{
    http::request request("GET", url("http://user:secret@[fe80::1%25eth0]:8080/a b?c#d"));
    request.fields().add("Accept", "*/*");
    request.fields().add("X-Empty", "");
    CHECK(request.method() == "GET");
    CHECK(request.target() == "/a%20b?c");
    CHECK(request.serialise() == "GET /a%20b?c HTTP/1.1\r\nHost: [fe80::1]:8080\r\nAccept: */*\r\nX-Empty: \r\n\r\n");
    CHECK(http::request("OPTIONS", "*").serialise() == "OPTIONS * HTTP/1.1\r\n\r\n");
}

TEST_CASE("a request that would let something be injected is refused, and the error names it")
{
    const auto refusal = [](const http::request& request) -> std::string {
        try {
            request.serialise();
        } catch (const error& failure) {
            CHECK(failure.code() == errc::malformed);
            return failure.what();
        }
        return "nothing was refused";
    };
    const auto with = [](std::string name, std::string value) {
        http::request request("GET", "/");
        request.fields().add(std::move(name), std::move(value));
        return request;
    };
    CHECK(refusal(http::request("", "/")) == "write request: the method is no token: ");
    CHECK(refusal(http::request("GET /", "/")) == "write request: the method is no token: GET /");
    for (const std::string& target : {""s, "/a b"s, "/\r\nA: b"s, "/\0"s, "/\x7f"s, "/\xc3\xab"s}) {
        CAPTURE(target);
        CHECK(refusal(http::request("GET", target)).find("the target is empty or holds") != std::string::npos);
    }
    for (const std::string& name : {""s, "A B"s, "A:"s, "A\r\nB"s, "A\0"s, "\xc3\xab"s, " A"s}) {
        CAPTURE(name);
        CHECK(refusal(with(name, "x")).find("a field name is no token") != std::string::npos);
    }
    for (const std::string& value : {"a\r\nB: c"s, "\n"s, "\r"s, "a\0b"s}) {
        CAPTURE(value);
        CHECK(refusal(with("A", value)).find("the field A holds CR, LF or NUL") != std::string::npos);
    }
    CHECK(refusal(with("A", "a\r\nB: c")) == "write request: the field A holds CR, LF or NUL: a\\r\\nB: c");
    CHECK(refusal(with("A", " \t\xc3\xab")) == "nothing was refused");
}
