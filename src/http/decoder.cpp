// decoder: zlib, brotli and zstd behind one face, and one inside the other. Each is asked for 16 KiB at a time.
#include "http/decoder.hpp"

#include <algorithm>
#include <array>
#include <brotli/decode.h>
#include <cstddef>
#include <limits>
#include <new>
#include <portico/error.hpp>
#include <portico/wire/text.hpp>
#include <string>
#include <utility>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

namespace portico::inline v0_1::http {

namespace {

constexpr std::size_t most_codings = 5; // as many as curl takes

[[noreturn]] void fail(errc code, std::string detail)
{
    throw protocol_error(code, "decode response", std::move(detail));
}

} // namespace

class coding {
public:
    explicit coding(std::string_view name) : name_(name) {}
    coding(const coding&) = delete;
    coding& operator=(const coding&) = delete;
    virtual ~coding() = default;

    /// As `decoder::next`.
    bytes next(bytes& input)
    {
        std::size_t count = 0;
        while (count == 0 && (more_ || !input.empty())) {
            if (ended_)
                begin_again();
            begun_ = true;
            count = step(input, buffer_.data(), buffer_.size());
            more_ = count == buffer_.size() && !ended_;
        }
        return {buffer_.data(), count};
    }

    void finish() const
    {
        if (begun_ && !ended_)
            fail(errc::truncated, name_ + " ended too early");
    }

protected:
    /// Decodes until the input or the space for output is used up, or until the end; returns the size of the output.
    virtual std::size_t step(bytes& input, char* output, std::size_t size) = 0;
    /// There is more input behind the end.
    virtual void begin_again() { malformed("there is something behind its end"); }

    [[noreturn]] void malformed(const char* why) const
    {
        fail(errc::malformed, name_ + ": " + (why != nullptr ? why : "it is damaged"));
    }
    void set_ended(bool ended) { ended_ = ended; }

private:
    std::string name_;
    std::array<char, 16384> buffer_;
    bool begun_ = false, ended_ = false, more_ = false; // more_: there may be output without further input
};

namespace {

/// gzip and deflate.
class zlib_coding final : public coding {
public:
    zlib_coding(std::string_view name, bool is_gzip) : coding(name), is_gzip_(is_gzip)
    {
        if (::inflateInit2(&stream_, MAX_WBITS + (is_gzip ? 16 : 0)) != Z_OK)
            throw std::bad_alloc();
    }
    ~zlib_coding() override { (void)::inflateEnd(&stream_); }

private:
    std::size_t step(bytes& input, char* output, std::size_t size) override
    {
        if (!is_gzip_ && !std::exchange(known_, true) && (input[0] & 0xf) != Z_DEFLATED)
            (void)::inflateReset2(&stream_, -MAX_WBITS); // without a header: RFC 1951 alone
        const auto given =
            static_cast<uInt>(std::min<std::size_t>(input.size(), std::numeric_limits<uInt>::max()));
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data())); // zlib only reads it
        stream_.avail_in = given;
        stream_.next_out = reinterpret_cast<Bytef*>(output);
        stream_.avail_out = static_cast<uInt>(size);
        const int outcome = ::inflate(&stream_, Z_NO_FLUSH);
        if (outcome == Z_MEM_ERROR)
            throw std::bad_alloc();
        if (outcome != Z_OK && outcome != Z_STREAM_END && outcome != Z_BUF_ERROR)
            malformed(outcome == Z_NEED_DICT ? "it needs a dictionary" : stream_.msg);
        input.remove_prefix(given - stream_.avail_in);
        set_ended(outcome == Z_STREAM_END);
        return size - stream_.avail_out;
    }

    void begin_again() override
    {
        if (!is_gzip_)
            coding::begin_again();
        (void)::inflateReset(&stream_); // another member, RFC 1952 section 2.2
    }

    z_stream stream_{};
    bool is_gzip_;
    bool known_ = false; // whether there is a header
};

class brotli_coding final : public coding {
public:
    brotli_coding() : coding("br"), state_(::BrotliDecoderCreateInstance(nullptr, nullptr, nullptr))
    {
        if (state_ == nullptr)
            throw std::bad_alloc();
    }
    ~brotli_coding() override { ::BrotliDecoderDestroyInstance(state_); }

private:
    std::size_t step(bytes& input, char* output, std::size_t size) override
    {
        std::size_t available = input.size(), space = size;
        auto next = reinterpret_cast<const std::uint8_t*>(input.data());
        auto out = reinterpret_cast<std::uint8_t*>(output);
        const auto outcome = ::BrotliDecoderDecompressStream(state_, &available, &next, &space, &out, nullptr);
        if (outcome == BROTLI_DECODER_RESULT_ERROR)
            malformed(::BrotliDecoderErrorString(::BrotliDecoderGetErrorCode(state_)));
        input.remove_prefix(input.size() - available);
        set_ended(outcome == BROTLI_DECODER_RESULT_SUCCESS);
        return size - space;
    }

    BrotliDecoderState* state_;
};

class zstd_coding final : public coding {
public:
    zstd_coding() : coding("zstd"), stream_(::ZSTD_createDStream())
    {
        if (stream_ == nullptr)
            throw std::bad_alloc();
        (void)::ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, 23); // RFC 9659 section 3: 8 MiB
    }
    ~zstd_coding() override { (void)::ZSTD_freeDStream(stream_); }

private:
    std::size_t step(bytes& input, char* output, std::size_t size) override
    {
        ZSTD_inBuffer from{input.data(), input.size(), 0};
        ZSTD_outBuffer to{output, size, 0};
        const std::size_t outcome = ::ZSTD_decompressStream(stream_, &to, &from);
        if (::ZSTD_isError(outcome) != 0) {
            if (::ZSTD_getErrorCode(outcome) == ZSTD_error_memory_allocation)
                throw std::bad_alloc();
            malformed(::ZSTD_getErrorName(outcome));
        }
        input.remove_prefix(from.pos);
        set_ended(outcome == 0);
        return to.pos;
    }

    void begin_again() override {} // another frame, RFC 8878 section 3.1

    ZSTD_DStream* stream_;
};

std::unique_ptr<coding> make_coding(std::string_view name)
{
    const auto is = [name](std::string_view other) { return text::equals_ignoring_case(name, other); };
    if (is("gzip") || is("x-gzip"))
        return std::make_unique<zlib_coding>("gzip", true);
    if (is("deflate"))
        return std::make_unique<zlib_coding>("deflate", false);
    if (is("br"))
        return std::make_unique<brotli_coding>();
    if (is("zstd"))
        return std::make_unique<zstd_coding>();
    if (is("identity") || is("none"))
        return nullptr;
    fail(errc::malformed, "the body has a coding that is not known: " + text::escape(name));
}

} // namespace

struct decoder::layer {
    std::unique_ptr<coding> codec;
    bytes input = {};       // what the layer before it has put out
    std::uint64_t made = 0; // bytes of output
};

decoder::decoder(std::uint64_t most) : most_(most) {}

decoder::~decoder() = default;

std::unique_ptr<decoder> decoder::make(const std::vector<std::string_view>& codings, std::uint64_t most)
{
    std::unique_ptr<decoder> made(new decoder(most));
    for (auto name = codings.rbegin(); name != codings.rend(); ++name) {
        std::unique_ptr<coding> next = make_coding(*name);
        if (next == nullptr)
            continue;
        if (made->layers_.size() == most_codings)
            fail(errc::malformed, "the body has more than " + std::to_string(most_codings) + " codings");
        made->layers_.push_back({std::move(next)});
    }
    return made->layers_.empty() ? nullptr : std::move(made);
}

bytes decoder::next(bytes& input)
{
    steps_ = 0;
    has_more_ = false;
    return next_of(layers_.size() - 1, input);
}

bytes decoder::next_of(std::size_t index, bytes& input)
{
    // What goes into a coding may be a little longer than what comes out of it, but not as long as somebody likes: a
    // layer whose output decodes to nothing would keep us busy for ever.
    constexpr std::uint64_t allowance = 65536;
    layer& here = layers_[index];
    const bool is_last = index + 1 == layers_.size();
    for (;;) {
        const bytes output = here.codec->next(index == 0 ? input : here.input);
        here.made += output.size();
        if (is_last ? here.made > most_ : here.made > allowance && here.made / 2 > most_)
            fail(errc::limit_exceeded, "the decoded body has more bytes than " + std::to_string(most_));
        if (!output.empty() || index == 0)
            return output;
        constexpr unsigned most_steps = 64;
        has_more_ = has_more_ || ++steps_ > most_steps;
        if (has_more_)
            return {};
        here.input = next_of(index - 1, input);
        if (here.input.empty())
            return {};
    }
}

void decoder::finish() const
{
    for (const layer& each : layers_)
        each.codec->finish();
}

} // namespace portico::http
