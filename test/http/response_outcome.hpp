// What a response parser made of a stream, as a value, for tests and the fuzzer: however the bytes come, it is equal.
#pragma once

#include <algorithm>
#include <cstddef>
#include <portico/error.hpp>
#include <portico/http/response_parser.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace portico::inline v0_1::http {

struct response_outcome {
    std::vector<response_head> interim;
    response_head head;
    std::string body;
    portico::fields trailers;
    std::string_view left; // behind the response
    bool has_head = false;
    bool ended_itself = false; // not by the end of the stream
    bool reusable = false;
    std::error_code error;
    std::string detail; // may name more or fewer of the peer's bytes, as the pieces have them
};

inline bool same(const response_head& left, const response_head& right)
{
    return left.minor_version == right.minor_version && left.status == right.status && left.reason == right.reason
           && left.fields == right.fields;
}

inline bool same(const response_outcome& left, const response_outcome& right)
{
    const auto equal = [](const response_head& one, const response_head& other) { return same(one, other); };
    return std::ranges::equal(left.interim, right.interim, equal) && same(left.head, right.head)
           && left.body == right.body && left.trailers == right.trailers && left.left == right.left
           && left.has_head == right.has_head && left.ended_itself == right.ended_itself
           && left.reusable == right.reusable && left.error == right.error;
}

/// Who takes the body: the parser out of its input, or the caller past the parser.
enum class body_through { parser, caller };

/// Feeds one response in pieces of `piece` bytes, and then the end of the stream.
inline response_outcome parse_response(std::string_view method, std::string_view stream, std::size_t piece,
                                       body_through taker = body_through::parser, const http::limits& limits = {})
{
    using event = response_parser::event;
    response_outcome outcome;
    response_parser parser(method, limits);
    std::string_view rest = stream;
    const auto feed = [&] {
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
            switch (found) {
            case event::need_more:
                if (!input.empty())
                    throw misuse("need_more, but input is left");
                if (rest.empty())
                    return parser.finish();
                break;
            case event::interim: outcome.interim.push_back(parser.head()); break;
            case event::head:
                outcome.head = parser.head();
                outcome.has_head = true;
                break;
            case event::data:
                if (parser.data().empty() || parser.data().data() < given.data()
                    || parser.data().end() > given.data() + given.size())
                    throw misuse("data that is no view into the input");
                outcome.body += parser.data();
                break;
            case event::end: outcome.ended_itself = true; return;
            }
        }
    };
    try {
        feed();
        outcome.reusable = parser.reusable();
        outcome.trailers = parser.trailers();
        outcome.left = rest;
    } catch (const protocol_error& failure) {
        outcome.error = failure.code();
        outcome.detail = failure.detail();
    }
    return outcome;
}

} // namespace portico::http
