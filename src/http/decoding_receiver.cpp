// decoding_receiver: see decoding_receiver.hpp.
#include "http/decoding_receiver.hpp"

#include "http/decoder.hpp"
#include <portico/error.hpp>
#include <portico/wire/text.hpp>

namespace portico::inline v0_1::http {

namespace {

[[noreturn]] void too_large(std::uint64_t most)
{
    throw protocol_error(errc::limit_exceeded, "read response", "the body has more bytes than " + std::to_string(most));
}

} // namespace

decoding_receiver::decoding_receiver(receiver& into, bool content, bool transfer, std::uint64_t most)
    : into_(into), content_(content), transfer_(transfer), most_(most)
{}

decoding_receiver::~decoding_receiver() = default;

void decoding_receiver::on_head(const response_head& head)
{
    std::vector<std::string_view> codings;
    if (content_)
        codings = head.fields.elements("Content-Encoding");
    if (transfer_)
        for (const std::string_view each : head.fields.elements("Transfer-Encoding"))
            if (!text::equals_ignoring_case(each, "chunked"))
                codings.push_back(each);
    decoder_ = decoder::make(codings, most_);
    into_.on_head(head);
}

void decoding_receiver::on_data(bytes data)
{
    if (decoder_) {
        input_ = data;
        decoding_ = true;
        return;
    }
    count(data.size());
    into_.on_data(data);
}

/// A few bytes may mean gigabytes: they are made in pieces of a bounded size.
bool decoding_receiver::go_on()
{
    constexpr int pieces_at_a_time = 16;
    for (int i = 0; decoding_ && i < pieces_at_a_time; ++i) {
        const bytes piece = decoder_->next(input_);
        if (!piece.empty())
            into_.on_data(piece);
        else if (decoder_->has_more())
            break;
        else
            decoding_ = false;
    }
    return decoding_;
}

void decoding_receiver::on_moved(std::uint64_t moved)
{
    into_.on_moved(moved);
    count(moved);
}

void decoding_receiver::on_end(const fields& trailers)
{
    if (decoder_)
        decoder_->finish();
    into_.on_end(trailers);
}

void decoding_receiver::count(std::uint64_t bytes)
{
    if (bytes > most_ - given_)
        too_large(most_);
    given_ += bytes;
}

} // namespace portico::http
