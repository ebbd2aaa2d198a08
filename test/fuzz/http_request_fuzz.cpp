// Fuzzes the request parser: however a stream comes it means the same, and what was understood can be sent on.
#include "../http/parser_outcome.hpp"
#include "fuzz.hpp"
#include <cstddef>
#include <cstdint>
#include <portico/http/request.hpp>
#include <string>
#include <string_view>

namespace {

/// A request that was taken is one that our own serialiser writes, and that is then taken to be the same.
void check_sent_on(const portico::http::request_outcome& taken)
{
    using namespace portico::http;
    const request again(taken.head.method, taken.head.target, taken.head.fields);
    const std::string head = again.serialise();
    const request_outcome reread = parse_request(head, head.size());
    request_head expected = taken.head;
    expected.minor_version = 1;
    if (taken.head.fields.contains("Host"))
        require(reread.has_head && reread.head == expected);
    else
        require(reread.status == 400);
}

} // namespace

/// The first byte of the input chooses whether limits are tight; the rest is the stream.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace portico::http;
    if (size == 0)
        return 0;
    const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
    portico::http::limits most = request_limits;
    if (data[0] & 0x80) {
        most.header_bytes = 128;
        most.line_bytes = 64;
        most.fields = 4;
        most.chunk_extension_bytes = 8;
        most.body_bytes = 16;
    }
    const request_outcome whole = parse_request(stream, size, body_through::parser, most);
    require(same(whole, parse_request(stream, 1, body_through::parser, most)));
    require(same(whole, parse_request(stream, 1, body_through::caller, most)));
    require(same(whole, parse_request(stream, size, body_through::caller, most)));
    if (whole.has_head)
        check_sent_on(whole);
    return 0;
}
