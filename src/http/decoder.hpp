// decoder: removes the content codings of a body while it arrives (RFC 9110 section 8.4), in memory of fixed size.
#pragma once

#include <cstdint>
#include <memory>
#include <portico/bytes.hpp>
#include <string_view>
#include <vector>

namespace portico::inline v0_1::http {

/// What `decoder` can remove, as an Accept-Encoding field says it.
constexpr std::string_view accepted_codings = "gzip, deflate, br, zstd";

/// One coding of a body; see decoder.cpp.
class coding;

/// Removes gzip (RFC 1952, of several members too), deflate (RFC 1950, and without its wrapping as some servers send
/// it), br (RFC 7932) and zstd (RFC 8878, with the window of RFC 9659), up to five of them one inside the other. Each
/// holds 16 KiB of output and its window (gzip and deflate 32 KiB, zstd up to 8 MiB, br up to 16 MiB).
///
/// Its errors are `protocol_error`s of "decode response", after which it is of no further use: `errc::malformed`,
/// `errc::truncated`, `errc::limit_exceeded`.
class decoder {
public:
    /// For the elements of a Content-Encoding (or Transfer-Encoding) field in their order, the one applied last at the
    /// end; null where nothing is to be removed ("identity" and "none" are nothing). More than `most` bytes of output
    /// are an error. Throws `errc::malformed` for a coding that is not known, and for more than five.
    static std::unique_ptr<decoder> make(const std::vector<std::string_view>& codings, std::uint64_t most);
    ~decoder();

    /// Takes from the input what is needed for the next piece of output: at most 16 KiB, valid until the next call. It
    /// is empty where all the input has been taken and more is needed. A few bytes may mean gigabytes: who calls in a
    /// loop gives others their turn.
    bytes next(bytes& input);
    /// After an empty piece: it is empty because a lot was done that came to nothing; more is to be had without input.
    bool has_more() const noexcept { return has_more_; }

    /// The body is complete: `errc::truncated` where its codings are not. A body of no bytes at all is.
    void finish() const;

private:
    struct layer;
    explicit decoder(std::uint64_t most);
    bytes next_of(std::size_t index, bytes& input);

    std::vector<layer> layers_; // the outermost first
    std::uint64_t most_;
    unsigned steps_ = 0;
    bool has_more_ = false;
};

} // namespace portico::http
