// What a parser of messages made of a stream, as a value, for tests and fuzzers: however the bytes come, it is equal.
#pragma once

#include <algorithm>
#include <cstddef>
#include <portico/error.hpp>
#include <portico/http/request_parser.hpp>
#include <portico/http/response_parser.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace portico::inline v0_1::http {

template <class Head>
struct parser_outcome {
    std::vector<Head> interim;
    Head head;
    std::string body;
    portico::fields trailers;
    std::string_view left; // behind the message
    bool has_head = false;
    bool ended_itself = false; // not by the end of the stream
    bool reusable = false;
    std::error_code error;
    int status = 0;     // with which a request is refused
    std::string detail; // may name more or fewer of the peer's bytes, as the pieces have them
};

using request_outcome = parser_outcome<request_head>;
using response_outcome = parser_outcome<response_head>;

template <class Head>
bool same(const parser_outcome<Head>& left, const parser_outcome<Head>& right)
{
    return left.interim == right.interim && left.head == right.head && left.body == right.body
           && left.trailers == right.trailers && left.left == right.left && left.has_head == right.has_head
           && left.ended_itself == right.ended_itself && left.reusable == right.reusable && left.error == right.error
           && left.status == right.status;
}

/// Who takes the body: the parser out of its input, or the caller past the parser.
enum class body_through { parser, caller };

/// Feeds one message in pieces of `piece` bytes, and then the end of the stream.
template <class Parser, class Head>
void feed(Parser& parser, std::string_view& rest, std::size_t piece, body_through taker, parser_outcome<Head>& outcome)
{
    using event = typename Parser::event;
    for (;;) {
        if (taker == body_through::caller) {
            const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(parser.body_ahead(), rest.size()));
            outcome.body += rest.substr(0, count);
            parser.body_taken(count);
            rest.remove_prefix(count);
        }
        const bytes given = bytes(rest).subview(0, piece);
        bytes input = given;
        const event found = parser.next(input);
        rest.remove_prefix(given.size() - input.size());
        if (found == event::need_more) {
            if (!input.empty())
                throw misuse("need_more, but input is left");
            if (rest.empty())
                return parser.finish();
        } else if (found == event::head) {
            outcome.head = parser.head();
            outcome.has_head = true;
        } else if (found == event::data) {
            const bool in_input = parser.data().data() >= given.data() && parser.data().end() <= given.end();
            if (parser.data().empty() || (!in_input && input.size() < given.size()))
                throw misuse("data that is no view into the input");
            outcome.body += parser.data();
        } else if (found == event::end) {
            outcome.ended_itself = true;
            return;
        } else {
            outcome.interim.push_back(parser.head());
        }
    }
}

template <class Parser, class Head>
parser_outcome<Head> parse(Parser parser, std::string_view stream, std::size_t piece, body_through taker)
{
    parser_outcome<Head> outcome;
    try {
        std::string_view rest = stream;
        feed(parser, rest, piece, taker, outcome);
        outcome.reusable = parser.reusable();
        outcome.trailers = parser.trailers();
        outcome.left = rest;
    } catch (const protocol_error& failure) {
        outcome.error = failure.code();
        outcome.detail = failure.detail();
        if (const auto* refusal = dynamic_cast<const request_error*>(&failure))
            outcome.status = refusal->status();
    }
    return outcome;
}

inline response_outcome parse_response(std::string_view method, std::string_view stream, std::size_t piece,
                                       body_through taker = body_through::parser, const http::limits& limits = {},
                                       response_options options = {})
{
    return parse<response_parser, response_head>(response_parser(method, limits, options), stream, piece, taker);
}

inline request_outcome parse_request(std::string_view stream, std::size_t piece,
                                     body_through taker = body_through::parser,
                                     const http::limits& limits = request_limits)
{
    return parse<request_parser, request_head>(request_parser(limits), stream, piece, taker);
}

} // namespace portico::http
