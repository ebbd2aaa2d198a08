// Fuzzes the response parser: however a stream comes, in one piece, byte by byte or past the parser, it means the same.
#include "../http/response_outcome.hpp"
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

/// The first byte of the input chooses the method and whether limits are tight; the rest is the stream.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace portico::http;
    if (size == 0)
        return 0;
    const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
    constexpr std::string_view methods[] = {"GET", "HEAD", "CONNECT"};
    const std::string_view method = methods[data[0] % 3];
    portico::http::limits limits;
    if (data[0] & 0x80) {
        limits.header_bytes = 128;
        limits.line_bytes = 64;
        limits.fields = 4;
        limits.interim_responses = 1;
        limits.chunk_extension_bytes = 8;
    }
    const auto parse = [&](std::size_t piece, body_through taker) {
        return parse_response(method, stream, piece, taker, limits);
    };
    const response_outcome whole = parse(size, body_through::parser);
    if (!same(whole, parse(1, body_through::parser)) || !same(whole, parse(1, body_through::caller))
        || !same(whole, parse(size, body_through::caller)))
        std::abort();
    return 0;
}
