// http_server: a server of HTTP for tests of clients. It takes nothing but strict requests, and keeps them.
#pragma once

#include "catch.hpp"
#include "support/servers.hpp"

#include <functional>
#include <portico/http/request_parser.hpp>
#include <string>
#include <utility>
#include <vector>

namespace test {

/// What is answered: these bytes, and then perhaps the end.
struct http_reply {
    http_reply(std::string text, bool last = false) : bytes(std::move(text)), is_last(last) {}
    http_reply(const char* text) : bytes(text) {}
    std::string bytes;
    bool is_last = false;
};

/// A response with this body.
inline std::string http_response(const std::string& body, const std::string& more = {}, const std::string& status = "200 OK")
{
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + more + "\r\n" + body;
}

class http_server {
public:
    using answerer = std::function<http_reply(const portico::http::request_head&)>;
    explicit http_server(answerer answer) : answer_(std::move(answer)) {}

    struct asked {
        portico::http::request_head head;
        portico::time_point at;
        unsigned connection; // of which number
        std::string field(std::string_view name) const { return std::string(head.fields.find(name).value_or("")); }
    };
    std::vector<asked> requests;
    unsigned connections = 0;

    /// What a server of portico calls.
    auto handler()
    {
        return [this](portico::connection& peer) { return serve(peer, ++connections); };
    }

private:
    portico::task<> serve(portico::connection& peer, unsigned number)
    {
        portico::context& own = co_await portico::this_context();
        portico::bytes input;
        for (;;) {
            portico::http::request_parser parser;
            for (;;) {
                const auto found = parser.next(input);
                if (found == portico::http::request_parser::event::end)
                    break;
                if (found != portico::http::request_parser::event::need_more)
                    continue;
                input = co_await peer.read_some();
                if (input.empty())
                    co_return;
            }
            requests.push_back({parser.head(), own.now(), number});
            const http_reply reply = answer_(parser.head());
            co_await peer.write(reply.bytes);
            if (reply.is_last)
                co_return;
        }
    }
    answerer answer_;
};

/// Runs `body()`, a task, while the server listens at these ports of 127.0.0.1.
template <class Body>
portico::task<> while_serving(http_server& which, std::vector<std::uint16_t> ports, const Body& body)
{
    std::vector<portico::address> where;
    for (const std::uint16_t port : ports)
        where.push_back(portico::tcp("127.0.0.1", port));
    portico::server serving(where, which.handler());
    serving.on_error([](const portico::connection&, const std::exception_ptr&) {});
    co_await while_serving(serving, [&](endpoints) { return body(); });
}

} // namespace test
