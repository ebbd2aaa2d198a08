// Fuzzes the response parser: however a stream comes, in one piece, byte by byte or past the parser, it means the same.
#include "../http/parser_outcome.hpp"
#include "fuzz.hpp"
#include <cstddef>
#include <cstdint>
#include <string_view>

/// The first byte of the input chooses the method, the options and whether limits are tight; the rest is the stream.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace portico::http;
    if (size == 0)
        return 0;
    const unsigned choice = data[0];
    const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
    constexpr std::string_view methods[] = {"GET", "HEAD", "CONNECT", "GET"};
    response_options options;
    options.http09 = (choice & 0x04) != 0;
    options.ignore_content_length = (choice & 0x08) != 0;
    options.transfer_codings = (choice & 0x10) != 0;
    options.raw = (choice & 0x20) != 0;
    portico::http::limits limits;
    if (choice & 0x80) {
        limits.header_bytes = 128;
        limits.line_bytes = 64;
        limits.fields = 4;
        limits.interim_responses = 1;
        limits.chunk_extension_bytes = 8;
        limits.body_bytes = 16;
    }
    const auto parse = [&](std::size_t piece, body_through taker) {
        response_outcome outcome = parse_response(methods[choice & 3], stream, piece, taker, limits, options);
        if (options.raw && outcome.error)
            outcome.body.clear(); // framing is delivered before it is known to be wrong, as far as it has come
        return outcome;
    };
    const response_outcome whole = parse(size, body_through::parser);
    require(same(whole, parse(1, body_through::parser)));
    require(same(whole, parse(1, body_through::caller)));
    require(same(whole, parse(size, body_through::caller)));
    return 0;
}
