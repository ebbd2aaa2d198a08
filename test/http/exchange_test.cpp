// HTTP exchanges over memory: whole and byte by byte, and every way in which they end too early.
#include "catch.hpp"
#include "support/run_in_memory.hpp"

#include <cerrno>
#include <map>
#include <optional>
#include <portico/core/deadline.hpp>
#include <portico/http/exchange.hpp>
#include <portico/net/acceptor.hpp>
#include <portico/server/client.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace portico;
using namespace std::chrono_literals;
using test::run_in_memory;

namespace {

const std::string by_length = "HTTP/1.1 200 OK\r\nServer: a script that is longer than a request\r\n"
                              "X-Filler: ................................................................\r\n"
                              "Content-Length: 12\r\n\r\nhello\r\n\r\nyou";
const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                            "X-Filler: ........................................................................\r\n\r\n"
                            "5\r\nhello\r\n6;x=y\r\n\r\n\r\nyo\r\n1\r\nu\r\n0\r\nX-Trailer: kept\r\n\r\n";
const std::string body = "hello\r\n\r\nyou"; // of both

/// Keeps all that it is given.
class keeping final : public http::receiver {
public:
    void on_interim(const http::response_head& given) override { interim.push_back(given.status); }
    void on_head(const http::response_head& given) override { head = given; }
    void on_data(bytes data) override { received += data.text(); }
    void on_end(const fields& given) override
    {
        trailers = given;
        ++ends;
    }
    std::vector<int> interim;
    http::response_head head;
    std::string received;
    fields trailers;
    int ends = 0;
};

memory_link at_most_a_read(std::size_t count)
{
    memory_link how;
    how.most_a_read = count;
    return how;
}

/// Both ends of a link, as connections.
struct both_ends {
    both_ends(context& own, memory_backend& outside, const memory_link& how = {})
        : both_ends(own, (outside.link(how), outside.make_link())) {}
    both_ends(context& own, std::pair<transport_ptr, transport_ptr> ends)
        : here(own, std::move(ends.first)), there(own, std::move(ends.second)) {}
    connection here, there;
};

http::request get_request()
{
    return http::request("GET", url("http://example.test/"));
}

/// Sends these bytes, whatever is asked, and ends.
task<> answer(connection& peer, std::string_view reply)
{
    co_await peer.write(bytes(reply));
    (void)peer.shutdown_write();
}

struct exchanged {
    std::optional<http::reuse> again;
    std::optional<std::error_code> failure;
    std::string why;
    keeping into;
};

exchanged exchange_with(std::string_view reply, const memory_link& how = {}, const http::limits& most = {},
                        const char* method = "GET")
{
    return run_in_memory([&](context& own, memory_backend& outside) -> task<exchanged> {
        both_ends ends(own, outside, how);
        exchanged made;
        co_await answer(ends.there, reply);
        const http::request asked(method, url("http://example.test/"));
        http::exchange_options limited;
        limited.most = most;
        auto outcome = co_await as_result(http::exchange(ends.here, asked, made.into, limited));
        if (outcome) {
            made.again = *outcome;
        } else {
            made.failure = outcome.error().code();
            made.why = outcome.error().what();
        }
        co_return made;
    });
}

/// A download to "file" by `client` and `get`, from a server that sends a reply and ends: none, or the failure.
struct setting {
    std::string reply;
    memory_link link{};
    std::size_t free_space = SIZE_MAX;
    std::map<std::string, std::string> files{};
};

task<> serve_one(acceptor& source, std::string_view reply)
{
    connection peer = co_await source.accept();
    const auto asked = co_await as_result(peer.read_until("\r\n\r\n", 8192));
    if (!asked)
        co_return;
    (void)co_await as_result(peer.write(bytes(reply)));
    co_await peer.finish();
}

std::optional<std::error_code> download(setting& from)
{
    return run_in_memory([&](context&, memory_backend& outside) -> task<std::optional<std::error_code>> {
        outside.link(from.link);
        outside.files() = from.files;
        outside.free_space(from.free_space);
        outside.advance_when_idle();
        acceptor source = co_await listen(tcp("127.0.0.1", 0));
        std::optional<std::error_code> failure;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(serve_one(source, from.reply));
            client getting(tcp("127.0.0.1", source.local_endpoints().front().port()),
                           http::get(url("http://example.test/"), http::save_to("file")));
            auto ended = co_await as_result(getting.run());
            if (!ended)
                failure = ended.error().code();
            group.cancel();
        });
        from.files = outside.files();
        co_return failure;
    });
}

std::error_code system_code(int number)
{
    return {number, std::system_category()};
}

} // namespace

TEST_CASE("an exchange gives the receiver the response, however its bytes come")
{
    const auto most = GENERATE(std::size_t{1}, std::size_t{7}, SIZE_MAX);
    CAPTURE(most);
    const exchanged sized = exchange_with(by_length, at_most_a_read(most));
    CHECK(sized.again == http::reuse::yes);
    CHECK(sized.into.head.status == 200);
    CHECK(sized.into.received == body);
    CHECK(sized.into.ends == 1);
    const exchanged in_chunks = exchange_with(chunked, at_most_a_read(most));
    CHECK(in_chunks.again == http::reuse::yes);
    CHECK(in_chunks.into.received == body);
    CHECK(in_chunks.into.trailers.find("X-Trailer") == "kept");
    CHECK(in_chunks.into.ends == 1);
    const exchanged until_end = exchange_with("HTTP/1.1 200 OK\r\n\r\n" + body, at_most_a_read(most));
    CHECK(until_end.again == http::reuse::no);
    CHECK(until_end.into.received == body);
    CHECK(until_end.into.ends == 1);
    const exchanged late = exchange_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\n\r\n" + by_length,
                                         at_most_a_read(most));
    CHECK(late.into.interim == std::vector{100, 103});
    CHECK(late.into.received == body);
}

TEST_CASE("a body longer than any buffer comes through whole")
{
    std::string large(3 << 20, '\0');
    std::uint32_t seed = 1;
    for (char& each : large)
        each = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
    std::string reply = "HTTP/1.1 200 OK\r\nContent-Length: ";
    reply.append(std::to_string(large.size())).append("\r\n\r\n").append(large);
    setting from{std::move(reply)};
    CHECK_FALSE(download(from));
    CHECK(from.files.size() == 1);
    CHECK(from.files.at("file") == large);
}

TEST_CASE("an exchange says whether the connection can be used again")
{
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    const auto again = [](const std::string& reply, const char* method = "GET") {
        return exchange_with(reply, {}, {}, method).again;
    };
    CHECK(again(ok + "Content-Length: 2\r\n\r\nhi") == http::reuse::yes);
    CHECK(again("HTTP/1.1 204 No Content\r\n\r\n") == http::reuse::yes);
    CHECK(again(ok + "Content-Length: 2\r\n\r\n", "HEAD") == http::reuse::yes);
    CHECK(again(ok + "Connection: close\r\nContent-Length: 2\r\n\r\nhi") == http::reuse::no);
    CHECK(again("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi") == http::reuse::no);
    CHECK(again(ok + "\r\nhi") == http::reuse::no);
    CHECK(again(ok + "Content-Length: 2\r\n\r\nhiHTTP/1.1 200 nobody asked for this") == http::reuse::no);
}

TEST_CASE("two exchanges share a connection, each with its own request and response")
{
    const auto most = GENERATE(std::size_t{1}, SIZE_MAX);
    run_in_memory([=](context& own, memory_backend& outside) -> task<> {
        both_ends ends(own, outside, at_most_a_read(most));
        const auto serve = [&]() -> task<> {
            for (const std::string& reply : {chunked, by_length}) {
                const auto asked = co_await ends.there.read_until("\r\n\r\n", 8192);
                REQUIRE(asked);
                CHECK(asked->text() == get_request().serialise());
                co_await ends.there.write(reply);
            }
        };
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(serve());
            const http::request asked = get_request();
            keeping first, second;
            const http::reuse between = co_await http::exchange(ends.here, asked, first);
            CHECK(between == http::reuse::yes);
            const http::reuse after = co_await http::exchange(ends.here, asked, second);
            CHECK(after == http::reuse::yes);
            CHECK(first.received == body);
            CHECK(second.received == body);
            CHECK(ends.here.is_open());
        });
    });
}

TEST_CASE("a reply that is wrong fails the exchange with the reason, and never completes the response")
{
    struct failing {
        const char* reply;
        errc code;
        const char* operation;
    };
    const failing table[] = {
        {"", errc::truncated, "wait for a response: "},
        {"SSH-2.0-OpenSSH_9.2\r\n", errc::malformed, "read response: "},
        {"HTTP/1.1 20 OK\r\n\r\n", errc::malformed, "read response: "},
        {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", errc::malformed, "read response: "},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n", errc::malformed, "read response: "},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", errc::truncated, "read response: "},
        {"HTTP/1.1 200", errc::truncated, "read response: "},
    };
    const auto most = GENERATE(std::size_t{1}, SIZE_MAX);
    for (const failing& each : table) {
        CAPTURE(each.reply, most);
        const exchanged made = exchange_with(each.reply, at_most_a_read(most));
        CHECK(made.failure == make_error_code(each.code));
        CHECK(made.why.starts_with(each.operation));
        CHECK(made.into.ends == 0);
    }
}

TEST_CASE("an exchange keeps to the limits that it is given")
{
    http::limits few;
    few.header_bytes = 100;
    CHECK(exchange_with(by_length, {}, few).failure == make_error_code(errc::limit_exceeded));
    few.header_bytes = 1000;
    CHECK_FALSE(exchange_with(by_length, {}, few).failure);
}

TEST_CASE("a request that could smuggle a line is refused before a byte of it is sent")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        both_ends ends(own, outside);
        http::request asked = get_request();
        asked.fields().add("X", "a\r\nEvil: b");
        keeping into;
        const auto outcome = co_await as_result(http::exchange(ends.here, asked, into));
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().code() == errc::malformed);
        CHECK(ends.here.bytes_written() == 0);
    });
}

TEST_CASE("what a receiver throws ends the exchange and reaches the caller")
{
    class refusing final : public http::receiver {
    public:
        void on_head(const http::response_head&) override {}
        void on_data(bytes) override { throw std::runtime_error("no more"); }
        void on_end(const fields&) override { FAIL("the response was not taken"); }
    };
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        both_ends ends(own, outside);
        co_await answer(ends.there, by_length);
        refusing into;
        const http::request asked = get_request();
        std::string caught;
        try {
            (void)co_await http::exchange(ends.here, asked, into);
        } catch (const std::runtime_error& failure) {
            caught = failure.what();
        }
        CHECK(caught == "no more");
    });
}

TEST_CASE("a reply that ends after any number of its bytes is never taken for a whole one")
{
    for (const std::string* const reply : {&by_length, &chunked})
        for (const std::size_t most : {std::size_t{1}, SIZE_MAX})
            for (std::size_t count = 0; count < reply->size(); ++count) {
                setting from{reply->substr(0, count), at_most_a_read(most)};
                CAPTURE(count, most);
                const auto failure = download(from);
                REQUIRE(failure == make_error_code(errc::truncated));
                REQUIRE(from.files.empty());
            }
}

TEST_CASE("wherever the link breaks, the file is whole or is not there")
{
    std::size_t whole = 0;
    for (const std::string* const reply : {&by_length, &chunked})
        for (std::size_t count = 0; count <= reply->size(); ++count) {
            setting from{*reply};
            from.link.cut_after = count;
            CAPTURE(count);
            const auto failure = download(from);
            REQUIRE((failure.has_value() == from.files.empty()));
            if (failure) {
                REQUIRE(*failure == system_code(ECONNRESET));
                continue;
            }
            REQUIRE(count == reply->size());
            REQUIRE(from.files.size() == 1);
            REQUIRE(from.files.at("file") == body);
            ++whole;
        }
    CHECK(whole == 2);
}

TEST_CASE("wherever the disk is full, the file that was there before stays as it was")
{
    for (std::size_t space = 0; space < body.size(); ++space) {
        setting from{chunked, at_most_a_read(1), space, {{"file", "as before"}}};
        CAPTURE(space);
        REQUIRE(download(from) == system_code(ENOSPC));
        REQUIRE(from.files == std::map<std::string, std::string>{{"file", "as before"}});
    }
    setting enough{chunked, at_most_a_read(1), body.size(), {{"file", "as before"}}};
    CHECK_FALSE(download(enough));
    CHECK(enough.files == std::map<std::string, std::string>{{"file", body}});
}

TEST_CASE("any other status than success leaves no file")
{
    for (const int status : {304, 404, 500, 999}) {
        setting from{"HTTP/1.1 " + std::to_string(status) + " No\r\nContent-Length: 2\r\n\r\nno"};
        CAPTURE(status);
        CHECK(download(from) == make_error_code(errc::refused));
        CHECK(from.files.empty());
    }
}

TEST_CASE("a server that stops in the middle: the connection's timeout ends the exchange, and nothing is left")
{
    for (const std::size_t count : {std::size_t{0}, std::size_t{20}, by_length.size() - 1})
        run_in_memory([&](context& own, memory_backend& outside) -> task<> {
            outside.advance_when_idle();
            both_ends ends(own, outside);
            ends.here.timeout(3s);
            co_await ends.there.write(std::string_view(by_length).substr(0, count));
            const time_point begin = own.now();
            const handler getting = http::get(url("http://example.test/"), http::save_to("file"));
            const auto outcome = co_await as_result(getting(ends.here));
            REQUIRE_FALSE(outcome);
            CHECK(outcome.error().code() == errc::timed_out);
            CHECK(outcome.error().phase() == phase::read);
            CHECK(own.now() - begin == 3s);
            CHECK(outside.files().empty());
        });
}

TEST_CASE("a download that is cancelled leaves nothing")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        both_ends ends(own, outside);
        const handler getting = http::get(url("http://example.test/"), http::save_to("file"));
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(getting(ends.here));
            co_await ends.there.write(std::string_view(by_length).substr(0, by_length.size() - 1));
            co_await outside.settle();
            CHECK(outside.files().size() == 1);
            CHECK(outside.files().at("file.part") == body.substr(0, 11));
            group.cancel();
        });
        CHECK(outside.files().empty());
    });
}

TEST_CASE("get is a handler: it asks for the URL, closes, and can be used for many connections, also at a time")
{
    run_in_memory([](context& own, memory_backend& outside) -> task<> {
        int made = 0;
        http::receiver_maker into = [&](context& its) -> std::unique_ptr<http::receiver> {
            return std::make_unique<http::file_receiver>(its.backend(), std::to_string(++made));
        };
        const handler getting = http::get(url("http://me:secret@example.test:8080/a%20b?c#d"), std::move(into));
        both_ends one(own, outside), other(own, outside);
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(getting(one.here));
            group.spawn(getting(other.here));
            for (both_ends* const each : {&other, &one}) {
                const auto asked = co_await each->there.read_until("\r\n\r\n", 8192);
                REQUIRE(asked);
                const std::string text(asked->text());
                CHECK(text.starts_with("GET /a%20b?c HTTP/1.1\r\n"));
                CHECK(text.find("\r\nHost: example.test:8080\r\n") != text.npos);
                CHECK(text.find("\r\nConnection: close\r\n") != text.npos);
                CHECK(text.find("secret") == text.npos);
                co_await each->there.write(each == &one ? chunked : by_length);
            }
        });
        CHECK_FALSE(one.here.is_open());
        CHECK_FALSE(other.here.is_open());
        CHECK(outside.files() == std::map<std::string, std::string>{{"1", body}, {"2", body}});
    });
}
