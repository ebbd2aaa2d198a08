// Downloads over memory: the file is whole under its name or is not there, whatever cuts, changes and lies.
#include "catch.hpp"
#include "support/http_server.hpp"

#include <portico/core/deadline.hpp>
#include <portico/http/download.hpp>
#include <string>

using namespace portico;
using namespace std::chrono_literals;
using test::http_reply, test::http_response, test::http_server;

namespace {

const std::vector<std::uint16_t> web{80};

std::string body_of(std::size_t size, unsigned seed = 1)
{
    std::string body(size, '\0');
    for (char& each : body)
        each = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
    return body;
}

/// A server's file, of which it gives ranges, and says which version it is.
struct served_file {
    std::string body;
    std::string tag = "\"one\"";
    bool has_ranges = true;

    http_reply operator()(const http::request_head& asked) const
    {
        const std::string validator = tag.empty() ? "" : "ETag: " + tag + "\r\n";
        const auto range = asked.fields.find("Range");
        const auto version = asked.fields.find("If-Range");
        if (!has_ranges || !range || (version && *version != tag))
            return http_response(body, validator);
        const std::size_t begin = std::stoul(std::string(range->substr(6)));
        const std::string whole = std::to_string(body.size());
        if (begin >= body.size())
            return http_response("", "Content-Range: bytes */" + whole + "\r\n", "416 Range Not Satisfiable");
        return http_response(body.substr(begin),
                             validator + "Content-Range: bytes " + std::to_string(begin) + '-'
                                 + std::to_string(body.size() - 1) + '/' + whole + "\r\n",
                             "206 Partial Content");
    }
};

/// A world in which one file is downloaded, perhaps more than once.
struct world : test::memory_world {
    explicit world(http_server::answerer answer) : server(std::move(answer))
    {
        memory.advance_when_idle();
        memory.add_host("files.test", {*parse_ip("127.0.0.1")});
    }
    world() : world([this](const http::request_head& asked) { return file(asked); }) {}

    /// What became of a download of http://files.test/file to "file": none, or the failure.
    std::optional<error> get(const http::download_options& how = {}, memory_link first = {})
    {
        std::optional<error> failure;
        own.run(download(how, first, failure));
        return failure;
    }

    std::map<std::string, std::string>& files() { return memory.files(); }
    bool has(const std::string& name) { return files().contains(name); }

    served_file file;
    http_server server;
    http::downloaded made;
    std::vector<duration> waits; ///< before each retry
    std::string last; ///< why the last download failed

private:
    struct watching final : http::download_observer {
        explicit watching(world& whole) : in(whole) {}
        void on_retry(const error&, duration wait) override
        {
            in.memory.link({}); // the fault has passed
            in.waits.push_back(wait);
        }
        world& in;
    };
    task<> download(http::download_options how, memory_link first, std::optional<error>& failure)
    {
        co_await while_serving(server, web, [&] { return download_once(how, first, failure); });
    }
    task<> download_once(const http::download_options& how, memory_link first, std::optional<error>& failure)
    {
        watching told(*this);
        http::client with;
        memory.link(first);
        auto outcome = co_await as_result(http::download(with, url("http://files.test/file"), "file", how, &told));
        memory.link({});
        if (outcome)
            made = *outcome;
        else
            failure = outcome.error();
        last = failure ? failure->what() : "";
    }
};

http::download_options retrying(unsigned count)
{
    http::download_options how;
    how.retry.count = count;
    return how;
}

memory_link cut_after(std::uint64_t count)
{
    memory_link how;
    how.cut_after = count;
    return how;
}

} // namespace

TEST_CASE("download: wherever the link is cut, a retry goes on where it was, and the file is identical")
{
    const std::string body = body_of(600);
    std::size_t resumed = 0;
    for (std::uint64_t cut = 0; cut <= 720; ++cut) {
        CAPTURE(cut);
        world here;
        here.file.body = body;
        REQUIRE_FALSE(here.get(retrying(2), cut_after(cut)));
        REQUIRE(here.files() == std::map<std::string, std::string>{{"file", body}});
        REQUIRE(here.server.requests.size() <= 2);
        if (here.server.requests.size() == 2 && !here.server.requests[1].field("Range").empty()) {
            ++resumed;
            CHECK(here.made.received == body.size()); // not a byte twice
            CHECK(here.server.requests[1].field("If-Range") == "\"one\"");
        }
    }
    CHECK(resumed > 500);
}

TEST_CASE("download: wherever the link is cut, without a retry there is no file, and a later download completes it")
{
    const std::string body = body_of(300);
    for (std::uint64_t cut = 0; cut <= 420; ++cut) {
        CAPTURE(cut);
        world here;
        here.file.body = body;
        const auto failure = here.get(retrying(0), cut_after(cut));
        REQUIRE(failure.has_value() != here.has("file"));
        REQUIRE(here.has("file.part") == here.has("file.part.meta"));
        if (!failure)
            continue;
        REQUIRE_FALSE(here.get(retrying(0)));
        REQUIRE(here.files() == std::map<std::string, std::string>{{"file", body}});
    }
}

TEST_CASE("download: what cannot be proved to be the same file is downloaded anew")
{
    const std::string body = body_of(300), tag = GENERATE("", "W/\"weak\"");
    for (std::uint64_t cut = 0; cut <= 400; cut += 3) {
        CAPTURE(cut, tag);
        world here;
        here.file.body = body;
        here.file.tag = tag;
        REQUIRE_FALSE(here.get(retrying(1), cut_after(cut)));
        REQUIRE(here.files().at("file") == body);
        for (const auto& each : here.server.requests)
            CHECK(each.field("Range").empty());
    }
}

TEST_CASE("download: a file that changes between two parts is never mixed")
{
    const std::string old = body_of(300), changed = body_of(280, 7);
    const bool knows_if_range = GENERATE(true, false);
    for (std::uint64_t cut = 0; cut <= 400; ++cut) {
        CAPTURE(cut);
        world here;
        here.file.body = old;
        const auto failure = here.get(retrying(0), cut_after(cut));
        if (!failure)
            continue;
        here.file.body = changed;
        here.file.tag = "\"two\"";
        if (!knows_if_range) // and sends a part of what it has now
            here.server = http_server([&](http::request_head asked) {
                asked.fields.remove("If-Range");
                return here.file(asked);
            });
        REQUIRE_FALSE(here.get(retrying(0)));
        REQUIRE(here.files() == std::map<std::string, std::string>{{"file", changed}});
    }
}

TEST_CASE("download: a part that begins elsewhere, or is of a file of another length, is not taken")
{
    const std::string body = body_of(1000);
    const std::string range = GENERATE("bytes 399-999/1000", "bytes 401-999/1000", "bytes 0-999/1000", "bytes 400-999/1001",
                                       "bytes=400", "lines 400-999/1000", "", "bytes 400-999/1000, bytes 400-999/1000");
    CAPTURE(range);
    world here([&](const http::request_head& asked) -> http_reply {
        if (!asked.fields.contains("Range"))
            return http_response(body, "ETag: \"one\"\r\n");
        const std::string field = range.empty() ? "" : "Content-Range: " + range + "\r\n";
        return http_response(body.substr(400), "ETag: \"one\"\r\n" + field, "206 Partial Content");
    });
    here.files() = {{"file.part", body.substr(0, 400)},
                    {"file.part.meta", "portico.part 1\nurl: http://files.test/file\nvalidator: \"one\"\nlength: 1000\n"}};
    CHECK_FALSE(here.get());
    CHECK(here.files() == std::map<std::string, std::string>{{"file", body}});
    CHECK(here.server.requests.size() == 2);
}

TEST_CASE("download: a part is gone on with only if what is noted of it fits")
{
    const std::string body = body_of(1000);
    const std::string good = "portico.part 1\nurl: http://files.test/file\nvalidator: \"one\"\nlength: 1000\n";
    const std::string notes[] = {
        "", good.substr(0, good.size() - 1), "portico.part 2\n" + good.substr(15),
        "portico.part 1\nurl: http://other.test/file\nvalidator: \"one\"\nlength: 1000\n",
        "portico.part 1\nurl: http://files.test/file\nvalidator: \nlength: 1000\n",
        "portico.part 1\nurl: http://files.test/file\nvalidator: \"one\"\nlength: 3x\n",
        "portico.part 1\nurl: http://files.test/file\nvalidator: \"one\"\nlength: 399\n", std::string(70'000, 'x')};
    for (const std::string& note : notes) {
        CAPTURE(note);
        world here;
        here.file.body = body;
        here.files() = {{"file.part", body_of(400, 9)}, {"file.part.meta", note}};
        CHECK_FALSE(here.get());
        CHECK(here.files() == std::map<std::string, std::string>{{"file", body}});
        CHECK(here.server.requests.front().field("Range").empty());
    }
}

TEST_CASE("download: a part that is already whole needs no byte more")
{
    const std::string body = body_of(1000);
    world here;
    here.file.body = body;
    here.files() = {{"file.part", body},
                    {"file.part.meta", "portico.part 1\nurl: http://files.test/file\nvalidator: \"one\"\nlength: 1000\n"}};
    CHECK_FALSE(here.get());
    CHECK(here.files() == std::map<std::string, std::string>{{"file", body}});
    CHECK(here.made.received == 0);
    CHECK(here.made.size == 1000);
}

TEST_CASE("download: by itself, only what was cut and can go on is tried again")
{
    SECTION("cut")
    {
        world here;
        here.file.body = body_of(1000);
        CHECK_FALSE(here.get({}, cut_after(500)));
        CHECK(here.waits.size() == 1);
    }
    SECTION("cut, and there is nothing that proves that it is the same")
    {
        world here;
        here.file.body = body_of(1000);
        here.file.tag.clear();
        CHECK(here.get({}, cut_after(500)));
        CHECK(here.waits.empty());
        CHECK(here.files().empty());
    }
    SECTION("busy")
    {
        world here([](const http::request_head&) { return http_response("", "", "503 Service Unavailable"); });
        CHECK(here.get());
        CHECK(here.waits.empty());
    }
}

TEST_CASE("download: the time between tries doubles, less up to half by chance, up to its limit")
{
    world here([](const http::request_head&) { return http_response("", "", "503 Service Unavailable"); });
    http::download_options how = retrying(9);
    how.retry.longest_delay = 20s;
    const auto failure = here.get(how);
    REQUIRE(failure);
    CHECK(dynamic_cast<const reply_error*>(&*failure) == nullptr); // a copy, by value: its code is what it has
    CHECK(failure->code() == errc::refused);
    REQUIRE(here.waits.size() == 9);
    REQUIRE(here.server.requests.size() == 10);
    duration most = 1s;
    for (std::size_t i = 0; i < here.waits.size(); ++i, most = std::min<duration>(2 * most, 20s)) {
        CHECK(here.waits[i] <= most);
        CHECK(here.waits[i] >= most / 2);
        CHECK(here.server.requests[i + 1].at - here.server.requests[i].at == here.waits[i]);
    }
    CHECK(here.waits[7] != here.waits[8]);
}

TEST_CASE("download: Retry-After is kept to, in seconds and as a date, and a wait that is too long is not begun")
{
    const std::string value = GENERATE("7", "Thu, 01 Jan 2026 00:00:07 GMT");
    unsigned count = 0;
    world here([&](const http::request_head&) {
        return count++ == 0 ? http_response("", "Retry-After: " + value + "\r\n", "429 Too Many Requests") : http_response("it");
    });
    http::download_options how = retrying(3);
    const bool too_long = GENERATE(false, true);
    how.retry.time = too_long ? 6s : 8s;
    CHECK(here.get(how).has_value() == too_long);
    if (!too_long) {
        CHECK(here.waits == std::vector<duration>{7s});
        CHECK(here.files().at("file") == "it");
    }
}

TEST_CASE("download: tries are bounded by their number and by time")
{
    world here([](const http::request_head&) { return http_response("", "", "503 Service Unavailable"); });
    http::download_options how = retrying(1000);
    how.retry.delay = 1s;
    how.retry.time = 10s;
    CHECK(here.get(how));
    CHECK(here.waits.size() == 10);
    CHECK(here.get(retrying(2)));
    CHECK(here.waits.size() == 12);
}

TEST_CASE("download: an existing file is kept, replaced or joined by another, as asked")
{
    world here;
    here.file.body = "new";
    here.files() = {{"file", "old"}};
    SECTION("kept, and nobody is asked")
    {
        const auto failure = here.get();
        REQUIRE(failure);
        CHECK(failure->code() == std::errc::file_exists);
        CHECK(here.server.requests.empty());
        CHECK(here.files() == std::map<std::string, std::string>{{"file", "old"}});
    }
    SECTION("replaced")
    {
        http::download_options how;
        how.if_exists = http::existing::replace;
        CHECK_FALSE(here.get(how));
        CHECK(here.files() == std::map<std::string, std::string>{{"file", "new"}});
    }
    SECTION("joined")
    {
        http::download_options how;
        how.if_exists = http::existing::number;
        CHECK_FALSE(here.get(how));
        CHECK_FALSE(here.get(how));
        CHECK(here.files() == std::map<std::string, std::string>{{"file", "old"}, {"file.1", "new"}, {"file.2", "new"}});
        CHECK(here.made.path == "file.2");
    }
    SECTION("it appears while the download is under way")
    {
        here.files().clear();
        here.server = http_server([&](const http::request_head& asked) {
            here.files()["file"] = "somebody else's";
            return here.file(asked);
        });
        const auto failure = here.get();
        REQUIRE(failure);
        CHECK(failure->code() == std::errc::file_exists);
        CHECK(here.files().at("file") == "somebody else's");
    }
}

TEST_CASE("download: a file that is not what it should be does not appear")
{
    world here;
    here.file.body = "abc";
    http::download_options how;
    how.sha256 = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
    SECTION("it is")
    {
        CHECK_FALSE(here.get(how));
        CHECK(here.files().at("file") == "abc");
    }
    SECTION("it is not")
    {
        here.file.body = "abd";
        const auto failure = here.get(how);
        REQUIRE(failure);
        CHECK(failure->operation() == "check file");
        CHECK(here.files().empty());
    }
    SECTION("what an earlier download has left counts")
    {
        here.files() = {{"file.part", "ab"},
                        {"file.part.meta", "portico.part 1\nurl: http://files.test/file\nvalidator: \"one\"\nlength: 3\n"}};
        CHECK_FALSE(here.get(how));
        CHECK(here.made.received == 1);
        CHECK(here.files() == std::map<std::string, std::string>{{"file", "abc"}});
    }
    SECTION("what an earlier download has left is wrong")
    {
        here.files() = {{"file.part", "xx"},
                        {"file.part.meta", "portico.part 1\nurl: http://files.test/file\nvalidator: \"one\"\nlength: 3\n"}};
        CHECK(here.get(how));
        CHECK(here.files().empty());
    }
}

TEST_CASE("download: a name that the server chooses is made safe, stays in the folder, and replaces nothing")
{
    struct named {
        const char* disposition;
        const char* expected;
    };
    const named table[] = {{"attachment; filename=\"report.pdf\"", "report.pdf"},
                           {"attachment; filename=\"../../etc/passwd\"", "passwd"},
                           {"attachment; filename=\"..\"", "file"},
                           {"attachment; filename*=UTF-8''na%C3%AFve.txt", "na\xc3\xafve.txt"},
                           {"attachment", "file"}};
    for (const named& each : table) {
        CAPTURE(each.disposition);
        world here([&](const http::request_head&) {
            return http_response("data", std::string("Content-Disposition: ") + each.disposition + "\r\n");
        });
        http::download_options how;
        how.name_from_server = true;
        CHECK_FALSE(here.get(how));
        CHECK(here.files() == std::map<std::string, std::string>{{each.expected, "data"}});
        how.if_exists = http::existing::replace;
        here.files()[each.expected] = "old";
        const auto again = here.get(how);
        if (std::string_view(each.expected) == "file") // the user's name
            continue;
        REQUIRE(again);
        CHECK(again->code() == std::errc::file_exists);
        CHECK(here.files() == std::map<std::string, std::string>{{each.expected, "old"}});
    }
}

TEST_CASE("download: a disk that is full ends it with the reason, and what is there is kept to go on")
{
    world here;
    here.file.body = body_of(5000);
    here.memory.free_space(2000);
    const auto failure = here.get(retrying(3));
    REQUIRE(failure);
    CHECK(failure->code() == std::errc::no_space_on_device);
    CHECK(here.waits.empty());
    CHECK_FALSE(here.has("file"));
    here.memory.free_space(100'000);
    CHECK_FALSE(here.get());
    CHECK(here.files() == std::map<std::string, std::string>{{"file", here.file.body}});
}

TEST_CASE("download: a body with more bytes than allowed is not saved, whether it says so or not")
{
    const bool says = GENERATE(true, false);
    world here([&](const http::request_head&) {
        const std::string body = body_of(5000);
        return says ? http_reply(http_response(body)) : http_reply("HTTP/1.1 200 OK\r\n\r\n" + body, true);
    });
    http::download_options how;
    how.request.most_bytes = 4999;
    const auto failure = here.get(how);
    REQUIRE(failure);
    CHECK(failure->code() == errc::limit_exceeded);
    CHECK(here.files().empty());
    how.request.most_bytes = 5000;
    CHECK_FALSE(here.get(how));
    CHECK(here.files().at("file") == body_of(5000));
}

TEST_CASE("download: what has not changed is not fetched again")
{
    world here([](const http::request_head& asked) -> http_reply {
        if (asked.fields.contains("If-Modified-Since"))
            return "HTTP/1.1 304 Not Modified\r\n\r\n";
        return http_response("new");
    });
    here.files() = {{"file", "old"}};
    http::download_options how;
    how.if_changed = true;
    CHECK_FALSE(here.get(how));
    CHECK(here.made.unchanged);
    CHECK(here.files() == std::map<std::string, std::string>{{"file", "old"}});
    CHECK(here.server.requests.back().field("If-Modified-Since").ends_with("GMT"));
    here.files().clear();
    CHECK_FALSE(here.get(how));
    CHECK(here.files() == std::map<std::string, std::string>{{"file", "new"}});
}

TEST_CASE("download: continuing a file that is there goes on behind it, or says why not")
{
    world here;
    here.file.body = "0123456789";
    here.files() = {{"file", "01234"}};
    http::download_options how;
    how.continue_at = http::download_options::continue_at_end;
    SECTION("the rest comes")
    {
        CHECK_FALSE(here.get(how));
        CHECK(here.files() == std::map<std::string, std::string>{{"file", "0123456789"}});
    }
    SECTION("the server has no ranges")
    {
        here.file.has_ranges = false;
        const auto failure = here.get(how);
        REQUIRE(failure);
        CHECK(failure->operation() == "resume");
        CHECK(here.files() == std::map<std::string, std::string>{{"file", "01234"}});
    }
    SECTION("it is all there")
    {
        here.files()["file"] = here.file.body;
        CHECK_FALSE(here.get(how));
        CHECK(here.files() == std::map<std::string, std::string>{{"file", "0123456789"}});
    }
}

TEST_CASE("download: cancelled at any time, it leaves nothing or what can be gone on with")
{
    for (int turns = 0; turns < 60; ++turns) {
        CAPTURE(turns);
        world here;
        here.file.body = body_of(400'000);
        here.own.run([](world& in, int count) -> task<> {
            co_await while_serving(in.server, web, [&]() -> task<> {
                http::client with;
                co_await scope([&](task_group& group) -> task<> {
                    auto work = http::download(with, url("http://files.test/file"), "file");
                    auto drop = [](task<http::downloaded> all) -> task<> { (void)co_await std::move(all); };
                    group.spawn(drop(std::move(work)));
                    for (int i = 0; i < count; ++i)
                        co_await yield();
                    group.cancel();
                });
            });
        }(here, turns));
        REQUIRE(here.has("file.part") == here.has("file.part.meta"));
        if (here.has("file"))
            REQUIRE(here.files().at("file") == here.file.body);
        if (here.has("file"))
            continue;
        REQUIRE_FALSE(here.get());
        REQUIRE(here.files() == std::map<std::string, std::string>{{"file", here.file.body}});
    }
}

TEST_CASE("download: a rest that does not complete the file is no file, whatever it says of the whole")
{
    const std::string body = body_of(1000);
    const std::string range = GENERATE("bytes 400-499/*", "bytes 400-499/1000");
    const std::size_t length = GENERATE(std::size_t{100}, std::size_t{700});
    CAPTURE(range, length);
    world here([&](const http::request_head&) {
        return http_response(std::string(length, 'x'), "ETag: \"one\"\r\nContent-Range: " + range + "\r\n", "206 Partial Content");
    });
    here.files() = {{"file.part", body.substr(0, 400)},
                    {"file.part.meta", "portico.part 1\nurl: http://files.test/file\nvalidator: \"one\"\nlength: 1000\n"}};
    CHECK(here.get(retrying(0)));
    CHECK_FALSE(here.has("file"));
}

TEST_CASE("download: a part that nobody asked for, and a 304, are no file")
{
    world here([](const http::request_head& asked) {
        return asked.fields.contains("X") ? http_response("", "", "304 Not Modified")
                                          : http_response("01234", "Content-Range: bytes 0-4/1000\r\n", "206 Partial Content");
    });
    CHECK(here.get());
    http::download_options how;
    how.request.fields.add("X", "1");
    CHECK_FALSE(here.get(how));
    CHECK(here.made.unchanged);
    CHECK(here.files().empty());
    http::download_options asking;
    asking.request.fields.add("Range", "bytes=0-4");
    CHECK_FALSE(here.get(asking));
    CHECK(here.files() == std::map<std::string, std::string>{{"file", "01234"}});
}

TEST_CASE("download: what an earlier download has left is not touched by one that fails")
{
    const std::map<std::string, std::string> left{
        {"file.part", body_of(400)},
        {"file.part.meta", "portico.part 1\nurl: http://files.test/file\nvalidator: \"one\"\nlength: 1000\n"}};
    http::download_options how = retrying(0);
    SECTION("of an error whose body is wanted") { how.keep_error_body = true; }
    SECTION("with the head in the file") { how.include_head = true; }
    SECTION("decoded") { how.request.decode = true; }
    SECTION("of a range") { how.request.fields.add("Range", "bytes=0-9"); }
    world here([](const http::request_head&) { return http_response("no", "", "503 Service Unavailable"); });
    here.files() = left;
    CHECK(here.get(how));
    CHECK(here.files() == left);
}

TEST_CASE("download: the body of an error is saved where that is asked for, once it is whole")
{
    world here([](const http::request_head&) { return http_response("no such page", "", "404 Not Found"); });
    http::download_options how = retrying(2);
    how.retry.all_errors = true;
    how.keep_error_body = true;
    CHECK(here.get(how));
    CHECK(here.waits.size() == 2);
    CHECK(here.files() == std::map<std::string, std::string>{{"file", "no such page"}});
}

TEST_CASE("download: continuing hurts no file that is there, and makes none that is not")
{
    world here([](const http::request_head&) { return http_response("not found", "", "404 Not Found"); });
    http::download_options how;
    const bool at_end = GENERATE(true, false);
    how.continue_at = at_end ? http::download_options::continue_at_end : 3;
    how.keep_error_body = GENERATE(false, true);
    how.remove_on_error = GENERATE(false, true);
    CHECK(here.get(how));
    CHECK(here.files().empty());
    here.files() = {{"file", "012"}};
    CHECK(here.get(how));
    CHECK(here.files() == std::map<std::string, std::string>{{"file", "012"}});
}

TEST_CASE("download: a whole file that cannot get its name stays as a part")
{
    world here;
    here.file.body = "all of it";
    here.file.tag.clear();
    here.server = http_server([&](const http::request_head& asked) {
        here.files()["file"] = "somebody else's";
        return here.file(asked);
    });
    CHECK(here.get());
    CHECK(here.files().at("file.part") == "all of it");
}

TEST_CASE("download: a Retry-After of hours is not waited for")
{
    world here([](const http::request_head&) {
        return http_response("", "Retry-After: 99999999\r\n", "503 Service Unavailable");
    });
    CHECK(here.get(retrying(3)));
    CHECK(here.waits.empty());
}

TEST_CASE("download: of a slow transfer that is given up no byte is counted twice")
{
    const std::string body = body_of(100'000);
    world here;
    here.file.body = body;
    memory_link slow;
    slow.most_a_read = 1000;
    http::download_options how = retrying(5);
    how.request.speed.least = 1'000'000'000;
    how.request.speed.window = 1ns;
    (void)here.get(how, slow);
    CHECK((!here.has("file") || here.files().at("file") == body));
    how.request.speed = {};
    if (!here.has("file"))
        CHECK_FALSE(here.get(how));
    CHECK(here.files() == std::map<std::string, std::string>{{"file", body}});
}
