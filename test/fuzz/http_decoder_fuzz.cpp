// Fuzzes the removal of content codings: a body means the same in one piece and byte by byte, and has no more bytes than
// are allowed.
#include "fuzz.hpp"
#include "http/decoder.hpp"
#include <cstddef>
#include <cstdint>
#include <portico/error.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::uint64_t most_decoded = 1 << 18;

struct decoding {
    std::string output;
    std::error_code failure;
};

decoding decode(const std::vector<std::string_view>& codings, portico::bytes body, std::size_t piece)
{
    decoding found;
    try {
        const auto decoder = portico::http::decoder::make(codings, most_decoded);
        for (; !body.empty(); body.remove_prefix(piece)) {
            portico::bytes input = body.subview(0, piece);
            for (auto output = decoder->next(input); !output.empty(); output = decoder->next(input)) {
                require(output.size() <= 16384);
                found.output += output.text();
            }
        }
        decoder->finish();
    } catch (const portico::protocol_error& failure) {
        found.failure = failure.code();
    }
    require(found.output.size() <= most_decoded);
    return found;
}

} // namespace

/// The first byte of the input says which codings: two bits for each of two or three; the rest is the body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    constexpr std::string_view names[] = {"gzip", "deflate", "br", "zstd"};
    std::vector<std::string_view> codings{names[data[0] & 3]};
    for (int shift = 2; (data[0] >> shift & 0xc) != 0 && shift < 6; shift += 2)
        codings.push_back(names[data[0] >> shift & 3]);
    const portico::bytes body(reinterpret_cast<const char*>(data) + 1, size - 1);
    const decoding whole = decode(codings, body, body.size() + 1), bytewise = decode(codings, body, 1);
    // What comes out before a failure depends on the pieces, and so does whether the limit or damage is met first.
    require((whole.failure == portico::errc::truncated) == (bytewise.failure == portico::errc::truncated));
    require(bool(whole.failure) == bool(bytewise.failure) && (whole.failure || whole.output == bytewise.output));
    return 0;
}
