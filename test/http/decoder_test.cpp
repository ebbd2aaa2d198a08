// decoder: every coding whole, byte by byte, cut at every byte and damaged, and what an attacker would send.
#include "catch.hpp"

#include "http/decoder.hpp"
#include <cstdint>
#include <portico/error.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <zlib.h>
#include <zstd.h>

using namespace portico;

namespace {

constexpr std::uint64_t no_limit = UINT64_MAX;
const std::string fox = "The quick brown fox jumps over the lazy dog. The quick brown fox jumps over the lazy dog.\n";
constexpr unsigned char brotli_fox[] = {
    0x1b, 0x59, 0x00, 0x88, 0xac, 0x0e, 0x78, 0xd3, 0xd0, 0xab, 0x6c, 0xba, 0x84, 0xd8, 0x3d, 0xf1,
    0x25, 0x55, 0x19, 0x5a, 0x92, 0x99, 0xb1, 0x95, 0x02, 0x48, 0x83, 0x9c, 0xe1, 0xe9, 0xa9, 0xb0,
    0xb7, 0x06, 0x71, 0x99, 0xcb, 0x0b, 0x1b, 0x70, 0xe0, 0x90, 0x05, 0xb2, 0xbf, 0x90, 0xdf, 0xa0,
    0xd3, 0x0a, 0x67, 0x0e, 0x8f, 0x13, 0xb5, 0x29, 0x64, 0x84, 0x4b, 0xfb, 0xb4, 0xc6, 0x02};
/// A MiB of zeros.
constexpr unsigned char brotli_zeros[] = {
    0x5b, 0xff, 0xff, 0x8f, 0x7f, 0x02, 0x20, 0x1e, 0x0b, 0x04, 0x72, 0xef, 0x1f, 0x00};

template <std::size_t Size>
std::string text_of(const unsigned char (&octets)[Size])
{
    return {reinterpret_cast<const char*>(octets), Size};
}

/// zlib's window bits say which format: 31 is gzip, 15 that with zlib's header, -15 raw.
std::string deflated(const std::string& plain, int window_bits)
{
    z_stream stream{};
    REQUIRE(::deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 9, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string made(::deflateBound(&stream, plain.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
    stream.avail_in = static_cast<uInt>(plain.size());
    stream.next_out = reinterpret_cast<Bytef*>(made.data());
    stream.avail_out = static_cast<uInt>(made.size());
    REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
    made.resize(stream.total_out);
    ::deflateEnd(&stream);
    return made;
}

std::string gzip(const std::string& plain)
{
    return deflated(plain, 31);
}

std::string zstd(const std::string& plain)
{
    std::string made(::ZSTD_compressBound(plain.size()), '\0');
    made.resize(::ZSTD_compress(made.data(), made.size(), plain.data(), plain.size(), 3));
    return made;
}

/// The codings by name, each with the same text in it.
std::vector<std::pair<std::string_view, std::string>> foxes()
{
    return {{"gzip", gzip(fox)},
            {"X-GZip", gzip(fox)},
            {"deflate", deflated(fox, 15)},
            {"deflate", deflated(fox, -15)},
            {"br", text_of(brotli_fox)},
            {"zstd", zstd(fox)}};
}

/// What a body in pieces of this size decodes to; throws as the decoder does.
std::string decoded(const std::vector<std::string_view>& codings, bytes body, std::size_t piece = SIZE_MAX,
                    std::uint64_t most = no_limit)
{
    const auto decoder = http::decoder::make(codings, most);
    REQUIRE(decoder != nullptr);
    std::string whole;
    for (; !body.empty(); body.remove_prefix(piece)) {
        bytes input = body.subview(0, piece);
        for (bytes output = decoder->next(input); !output.empty(); output = decoder->next(input)) {
            CHECK(output.size() <= 16384);
            whole.append(output.text());
        }
    }
    decoder->finish();
    return whole;
}

/// The code and the detail of what goes wrong.
std::pair<std::error_code, std::string> failure_of(const std::vector<std::string_view>& codings, bytes body,
                                                   std::uint64_t most = no_limit)
{
    try {
        (void)decoded(codings, body, SIZE_MAX, most);
    } catch (const protocol_error& failure) {
        CHECK(failure.operation() == "decode response");
        return {failure.code(), failure.detail()};
    }
    return {};
}

} // namespace

TEST_CASE("a coding is removed whether its bytes come at once or one by one")
{
    for (const auto& [name, body] : foxes()) {
        CAPTURE(name);
        CHECK(decoded({name}, body) == fox);
        CHECK(decoded({name}, body, 1) == fox);
        CHECK(decoded({name}, body, 7) == fox);
    }
}

TEST_CASE("a body that ends before its coding does is truncated, wherever it ends")
{
    for (const auto& [name, body] : foxes())
        for (std::size_t size = 1; size < body.size(); ++size) {
            CAPTURE(name, size);
            CHECK(failure_of({name}, bytes(body).subview(0, size)).first == errc::truncated);
        }
}

TEST_CASE("a body without a byte is complete in every coding")
{
    for (const std::string_view name : {"gzip", "deflate", "br", "zstd"})
        CHECK(decoded({name, "gzip"}, "").empty());
}

TEST_CASE("bytes behind the end of a coding are refused unless they begin another member or frame")
{
    for (const auto& [name, body] : foxes()) {
        CAPTURE(name);
        CHECK(failure_of({name}, body + "garbage").first == errc::malformed);
    }
    CHECK(decoded({"gzip"}, gzip(fox) + gzip("") + gzip("more"), 1) == fox + "more");
    CHECK(decoded({"zstd"}, zstd(fox) + zstd("") + zstd("more"), 1) == fox + "more");
    CHECK(failure_of({"deflate"}, deflated(fox, 15) + deflated(fox, 15)).second
          == "deflate: there is something behind its end");
}

TEST_CASE("what is no such coding, or is damaged, is malformed and named")
{
    for (const std::string_view name : {"gzip", "deflate", "br", "zstd"}) {
        const auto [code, detail] = failure_of({name}, "\xff\xff this is plain text, whatever the header says");
        CHECK(code == errc::malformed);
        CHECK(detail.starts_with(std::string(name) + ": "));
    }
    std::string damaged = gzip(fox);
    damaged[damaged.size() - 8] ^= 1; // its checksum
    CHECK(failure_of({"gzip"}, damaged).second == "gzip: incorrect data check");
    CHECK(failure_of({"deflate"}, std::string("\x78\xbb\0\0\0\0", 6)).second == "deflate: it needs a dictionary");
}

TEST_CASE("several codings are removed from the last one to the first, and identity is none")
{
    const std::string body = gzip(zstd(deflated(fox, -15)));
    CHECK(decoded({"deflate", "identity", "zstd", "gzip"}, body) == fox);
    CHECK(decoded({"deflate", "none", "zstd", "gzip"}, body, 1) == fox);
    CHECK(http::decoder::make({"identity", "None"}, no_limit) == nullptr);
    CHECK(http::decoder::make({}, no_limit) == nullptr);
    for (std::size_t size = 1; size < body.size(); ++size)
        CHECK(failure_of({"deflate", "zstd", "gzip"}, bytes(body).subview(0, size)).first == errc::truncated);
    CHECK(failure_of({"gzip", "gzip"}, gzip(gzip(fox).substr(0, 30))).second == "gzip ended too early");
}

TEST_CASE("a coding that is not known, and the sixth one, are refused before a byte has come")
{
    CHECK_THROWS_AS(http::decoder::make({"gzip", "compress"}, no_limit), protocol_error);
    CHECK(failure_of({"x\033[2J"}, "").second == "the body has a coding that is not known: x\\x1b[2J");
    CHECK(http::decoder::make({"gzip", "gzip", "gzip", "gzip", "gzip", "identity"}, no_limit) != nullptr);
    CHECK(failure_of({"gzip", "gzip", "gzip", "gzip", "gzip", "gzip"}, "").second
          == "the body has more than 5 codings");
}

TEST_CASE("as many bytes may come out as were allowed, and not one more")
{
    for (const auto& [name, body] : foxes()) {
        CAPTURE(name);
        CHECK(decoded({name}, body, 1, fox.size()) == fox);
        CHECK(failure_of({name}, body, fox.size() - 1).first == errc::limit_exceeded);
    }
    CHECK(decoded({"br"}, text_of(brotli_zeros), SIZE_MAX, 1 << 20) == std::string(1 << 20, '\0'));
    CHECK(failure_of({"br"}, text_of(brotli_zeros), (1 << 20) - 1).second
          == "the decoded body has more bytes than 1048575");
}

TEST_CASE("a bomb comes out in pieces that the caller asks for one by one")
{
    const std::string bomb = gzip(gzip(std::string(64 << 20, 'x')));
    REQUIRE(bomb.size() < 1000);
    const auto decoder = http::decoder::make({"gzip", "gzip"}, no_limit);
    bytes input = bomb;
    std::size_t pieces = 0, total = 0;
    for (bytes piece = decoder->next(input); !piece.empty(); piece = decoder->next(input)) {
        ++pieces;
        total += piece.size();
    }
    decoder->finish();
    CHECK(total == 64 << 20);
    CHECK(pieces >= (64 << 20) / 16384);
}

TEST_CASE("a layer that swells and decodes to nothing is stopped too")
{
    std::string nothing;
    for (int count = 0; count < 10000; ++count)
        nothing += gzip("");
    CHECK(decoded({"gzip", "gzip"}, gzip(nothing)).empty());
    CHECK(failure_of({"gzip", "gzip"}, gzip(nothing), 1000).first == errc::limit_exceeded);
}

TEST_CASE("a zstd frame may ask for a window of 8 MiB, and for no more")
{
    // Magic number, a header without a size, 10 bits and so many more, and an empty last block.
    const auto frame = [](unsigned more_bits) {
        return std::string("\x28\xb5\x2f\xfd\0", 5) + static_cast<char>(more_bits << 3) + std::string("\1\0\0", 3);
    };
    CHECK(decoded({"zstd"}, frame(13)).empty());
    CHECK(failure_of({"zstd"}, frame(14)).second == "zstd: Frame requires too much memory for decoding");
}
