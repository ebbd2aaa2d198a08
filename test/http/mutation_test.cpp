// Ten thousand damaged responses over real sockets: what is saved whole is what the parser says, and everything ends.
#include "catch.hpp"
#include "http/parser_outcome.hpp"
#include "support/folder.hpp"
#include "support/servers.hpp"

#include <charconv>
#include <portico/core/deadline.hpp>
#include <portico/core/timer.hpp>
#include <portico/http/download.hpp>
#include <random>
#include <string>

using namespace portico;
using namespace std::chrono_literals;

namespace {

constexpr unsigned count = 10'000;
constexpr std::size_t most_bytes = 1 << 20, workers = 8;

const std::string gzip_of_a_thousand("\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\x4c\x1c\x05"
                                     "\xa3\x60\x14\x0c\x77\x00\x00\x03\xda\x38\x9a\xe8\x03\x00\x00", 29);

const std::vector<std::string>& good_responses()
{
    static const std::string ok = "HTTP/1.1 200 OK\r\n", digest = "Digest realm=\"x\", nonce=\"n\", qop=\"auth\"\r\n";
    static const std::vector<std::string> all{
        ok + "Content-Length: 5\r\nETag: \"one\"\r\n\r\nhello",
        ok + "Content-Length: 70000\r\nAccept-Ranges: bytes\r\n\r\n" + std::string(70'000, 'x'),
        ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;why=not\r\n, world\r\n0\r\nX-Trailer: 1\r\n\r\n",
        ok + "Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n000\r\nX: y\r\n\r\n",
        ok + "Connection: close\r\n\r\nuntil the end",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: </x>\r\n\r\n" + ok + "Content-Length: 2\r\n\r\nhi",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nold",
        "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/10\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 301 Moved\r\nLocation: /elsewhere\r\nContent-Length: 5\r\n\r\nmoved",
        "HTTP/1.1 302 Found\r\nLocation: http://two.test:8080/x?y#z\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nETag: \"one\"\r\n\r\n",
        "HTTP/1.1 401 Who\r\nWWW-Authenticate: " + digest + "Content-Length: 3\r\n\r\nwho",
        "HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic realm=\"a \\\"b\\\"\", Bearer x=y\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 407 Who\r\nProxy-Authenticate: " + digest + "Content-Length: 3\r\n\r\nwho",
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\nlost",
        "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
        ok + "Set-Cookie: a=b; Max-Age=9; Secure\r\nSet-Cookie: c=d; Domain=one.test\r\nContent-Length: 1\r\n\r\nc",
        ok + "Content-Disposition: attachment; filename=\"x\"; filename*=UTF-8''%c3%bc\r\nContent-Length: 1\r\n\r\nn",
        ok + "Content-Encoding: gzip\r\nContent-Length: 29\r\n\r\n" + gzip_of_a_thousand,
        ok + "X: one\r\n two\r\n\tthree\r\nLast-Modified: Tue, 13 Jun 2000 12:10:00 GMT\r\nContent-Length: 1\r\n\r\nf",
    };
    return all;
}

/// Damages a text, always in the same way for the same number.
class mutation {
public:
    explicit mutation(unsigned number) : random_(number) {}

    std::string response()
    {
        std::string text = any_of(good_responses());
        for (std::size_t times = 1 + below(3); times != 0 && !text.empty(); --times)
            damage(text);
        return text;
    }

private:
    std::size_t below(std::size_t limit) { return random_() % std::max<std::size_t>(limit, 1); }
    template <class T>
    const T& any_of(const std::vector<T>& all) { return all[below(all.size())]; }
    /// A place in it, more often in front, where the header is.
    std::size_t place_in(const std::string& text)
    {
        constexpr std::size_t front = 200;
        return below(below(4) == 0 ? text.size() : std::min(text.size(), front));
    }

    void damage(std::string& text)
    {
        static const std::vector<std::string> ends{"\n", "\r", "\r\n\r\n", "", "\n\r", std::string(1, '\0'), "\r\n "};
        static const std::vector<std::string> numbers{"0", "1", "-1", "+5", "5, 5", "99", "0x5", "7fffffffffffffff",
                                                      "9223372036854775807", "9223372036854775808",
                                                      "18446744073709551616"};
        const std::size_t at = place_in(text);
        switch (below(7)) {
        case 0: text[at] = static_cast<char>(text[at] ^ (1 << below(8))); break;
        case 1: text.resize(at); break;
        case 2: text.erase(at, 1 + below(8)); break;
        case 3: text.insert(at, text.substr(place_in(text), 1 + below(60))); break;
        case 4: text.insert(at, any_of(good_responses()).substr(below(30), 1 + below(80))); break;
        case 5: replace_next(text, at, "0123456789", any_of(numbers)); break;
        default: replace_next(text, at, "\r\n", any_of(ends)); break;
        }
    }
    static void replace_next(std::string& text, std::size_t at, const char* what, const std::string& by)
    {
        const std::size_t begin = text.find_first_of(what, at);
        if (begin != text.npos)
            text.replace(begin, std::min(text.find_first_not_of(what, begin), text.size()) - begin, by);
    }

    std::mt19937 random_;
};

http::response_outcome outcome_of(std::string_view text)
{
    return http::parse_response("GET", text, SIZE_MAX);
}

/// The response that the target of a request names.
std::string reply_to(std::string_view request)
{
    unsigned number = 0;
    const std::string_view digits = request.substr(std::min<std::size_t>(5, request.size()));
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return failure == std::errc() ? mutation(number).response() : good_responses().front();
}

/// Answers for as long as a client can make out where an answer ends.
task<> serve(connection& peer)
{
    for (;;) {
        const auto request = co_await peer.read_until("\r\n\r\n", 64 * 1024);
        if (!request)
            co_return;
        const std::string reply = reply_to(request->text());
        const std::size_t half = reply.size() / 2;
        if (half != 0)
            co_await peer.write(std::string_view(reply).substr(0, half));
        co_await yield();
        if (half != reply.size())
            co_await peer.write(std::string_view(reply).substr(half));
        const http::response_outcome outcome = outcome_of(reply);
        if (!outcome.reusable || !outcome.left.empty())
            co_return;
    }
}

class keeping final : public http::receiver {
public:
    void on_head(const http::response_head& head) override { status = head.status; }
    void on_data(bytes data) override { body += data.text(); }
    void on_end(const fields&) override { ended = true; }
    std::string body;
    int status = 0;
    bool ended = false;
};

/// Gets all of them, several at a time, and notes what went wrong.
class getting {
public:
    explicit getting(const endpoint& server) : server_(server), with_(options()) {}

    std::vector<std::string> faults;
    std::size_t whole = 0, failed = 0;

    task<> run()
    {
        co_await scope([&](task_group& group) -> task<> {
            for (std::size_t i = 0; i < workers; ++i)
                group.spawn(work());
            co_return;
        });
        with_.close_idle();
        check(with_.connections() == 0, "connections are left");
        check(folder_.size() == 0, "files are left");
    }

private:
    /// Whatever a redirect leads to is this server.
    http::client_options options()
    {
        http::client_options made;
        made.connections_per_host = workers;
        made.connections = workers;
        made.connect = [this](const address&, connect_options how) { return connect(server_, std::move(how)); };
        return made;
    }
    http::request_options request() const
    {
        http::request_options how;
        how.redirects = 3;
        how.login = http::login("Aladdin", "open sesame");
        how.scheme = http::authentication::any;
        how.decode = number_ % 4 == 3;
        how.most_bytes = most_bytes;
        return how;
    }

    void check(bool good, const std::string& what)
    {
        if (!good)
            faults.push_back(what);
    }
    void check(bool good, unsigned number, const char* what) { check(good, std::to_string(number) + ": " + what); }

    task<> work()
    {
        while (number_ < count) {
            const unsigned number = number_++;
            if (number % 2 == 0)
                co_await get(number);
            else
                co_await download(number);
            check(with_.connections() <= workers, number, "too many connections");
        }
    }

    /// Whether it ended well; a hang is a fault.
    template <class T>
    bool judge(unsigned number, const result<T>& outcome)
    {
        ++(outcome ? whole : failed);
        check(outcome || outcome.error().code() != errc::timed_out, number, "it hangs");
        return outcome.has_value();
    }
    /// Where the client does more with a response than to hand it out.
    static bool is_handled(int status)
    {
        return (status >= 300 && status < 400) || status == 401;
    }
    static url url_of(unsigned number) { return url("http://one.test/" + std::to_string(number)); }

    task<> get(unsigned number)
    {
        keeping into;
        const auto outcome = co_await as_result(with_deadline(20s, with_.get(url_of(number), request(), into)));
        const std::string text = mutation(number).response();
        const http::response_outcome expected = outcome_of(text);
        const bool good = judge(number, outcome);
        check(good == into.ended, number, "it ended well, and yet it did not");
        check(into.body.size() <= most_bytes, number, "too much");
        if (is_handled(expected.head.status) || expected.head.fields.contains("Content-Encoding"))
            co_return;
        check(good == !expected.error, number, "success and failure are not what the parser says");
        check(!good || (into.body == expected.body && into.status == expected.head.status), number, "something else");
    }

    task<> download(unsigned number)
    {
        const std::string name = std::to_string(number);
        http::download_options how;
        how.request = request();
        how.retry.count = 0;
        const auto outcome = co_await as_result(
            with_deadline(20s, http::download(with_, url_of(number), folder_.path(name), how)));
        const std::string text = mutation(number).response();
        const http::response_outcome expected = outcome_of(text);
        const bool good = judge(number, outcome);
        const bool is_there = std::filesystem::exists(folder_.path(name));
        check(is_there == (good && !outcome->unchanged), number, "a file is there, or not");
        if (is_there)
            check(folder_.content(name).size() <= most_bytes, number, "too much");
        if (is_there && !is_handled(expected.head.status) && !expected.head.fields.contains("Content-Encoding"))
            check(!expected.error && folder_.content(name) == expected.body, number, "something else was saved");
        if (!expected.error && expected.head.status == 200 && !expected.head.fields.contains("Content-Encoding"))
            check(good, number, "a good response was not saved");
        for (const char* const end : {"", ".part", ".part.meta"}) // what is left to be gone on with is no fault
            std::filesystem::remove(folder_.path(name) + end);
    }

    endpoint server_;
    http::client with_;
    test::temporary_folder folder_;
    unsigned number_ = 0;
};

} // namespace

TEST_CASE("http::client: ten thousand damaged responses end, and what is taken for whole is what the parser says")
{
    context own;
    server serving(test::anywhere, serve);
    serving.on_error([](const connection&, const std::exception_ptr&) {});
    own.run([](server& which) -> task<> {
        co_await test::while_serving(which, [&](test::endpoints where) -> task<> {
            getting all(where.front());
            co_await all.run();
            CAPTURE(all.faults);
            CHECK(all.faults.empty());
            CHECK(all.whole + all.failed == count);
            CHECK(all.whole > count / 10);
            CHECK(all.failed > count / 10);
        });
    }(serving));
}
