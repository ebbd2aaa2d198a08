// receiver: what becomes of a body that is saved, and which responses are refused.
#include "catch.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <portico/http/receiver.hpp>
#include <portico/memory/memory_backend.hpp>
#include <stdlib.h>
#include <string>
#include <utility>

using namespace portico;

namespace {

using files = std::map<std::string, std::string>;

http::response_head head_of(int status, std::string reason = "OK", std::string location = {})
{
    http::response_head made;
    made.status = status;
    made.reason = std::move(reason);
    if (!location.empty())
        made.fields.add("Location", std::move(location));
    return made;
}

/// What `check_success` says of it; empty where it is a success.
std::string refusal_of(const http::response_head& head)
{
    try {
        http::check_success(head);
    } catch (const reply_error& failure) {
        CHECK(failure.status() == head.status);
        return failure.what();
    }
    return {};
}

std::error_code failure_of(http::receiver& into, bytes data)
{
    try {
        into.on_data(data);
    } catch (const error& failure) {
        return failure.code();
    }
    return {};
}

/// A folder on disk, removed at the end.
class folder {
public:
    folder()
    {
        std::string name = std::filesystem::temp_directory_path() / "portico-XXXXXX";
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    ~folder() { std::filesystem::remove_all(path_); }
    std::string path(const char* name) const { return path_ / name; }
    files content() const
    {
        files found;
        for (const auto& each : std::filesystem::directory_iterator(path_)) {
            std::ifstream in(each.path(), std::ios::binary);
            found[each.path().filename()] = std::string(std::istreambuf_iterator<char>(in), {});
        }
        return found;
    }

private:
    std::filesystem::path path_;
};

} // namespace

TEST_CASE("a file appears under its name when it is whole, and replaces the one that was there")
{
    memory_backend outside;
    outside.files()["file"] = "as before";
    {
        http::file_receiver saving(outside, "file");
        CHECK(outside.files() == files{{"file", "as before"}});
        saving.on_head(head_of(200));
        saving.on_data("first, ");
        CHECK(outside.files() == files{{"file", "as before"}, {"file.part", "first, "}});
        saving.on_data("second");
        saving.on_end({});
        CHECK(outside.files() == files{{"file", "first, second"}});
    }
    CHECK(outside.files() == files{{"file", "first, second"}});
}

TEST_CASE("a response without a body is an empty file")
{
    memory_backend outside;
    http::file_receiver saving(outside, "file");
    saving.on_head(head_of(204));
    saving.on_end({});
    CHECK(outside.files() == files{{"file", ""}});
}

TEST_CASE("a receiver that is not told of the end removes what it has written, and what lay there from an earlier one")
{
    memory_backend outside;
    outside.files() = {{"file", "as before"}, {"file.part", "left by a program that was killed"}};
    {
        http::file_receiver saving(outside, "file");
        saving.on_head(head_of(200));
        CHECK(outside.files().at("file.part").empty());
        saving.on_data("half of");
    }
    CHECK(outside.files() == files{{"file", "as before"}});
}

TEST_CASE("a disk that is full and a file that cannot be renamed are errors that name the file, and leave nothing")
{
    memory_backend outside;
    outside.free_space(4);
    {
        http::file_receiver saving(outside, "file");
        saving.on_head(head_of(200));
        CHECK(failure_of(saving, "four") == std::error_code());
        CHECK(failure_of(saving, "more") == std::error_code(ENOSPC, std::system_category()));
    }
    CHECK(outside.files().empty());
    {
        http::file_receiver saving(outside, "file");
        saving.on_head(head_of(200));
        outside.files().clear(); // someone else removes it
        try {
            saving.on_end({});
            FAIL("renamed what is not there");
        } catch (const error& failure) {
            CHECK(failure.code() == std::error_code(ENOENT, std::system_category()));
            CHECK(failure.target().starts_with("file"));
        }
    }
    CHECK(outside.files().empty());
}

TEST_CASE("every status but 2xx, and 3xx that lead nowhere, is refused, in a line that says what the server answered")
{
    for (const int status : {200, 201, 204, 206, 299, 300, 302})
        CHECK(refusal_of(head_of(status)).empty());
    CHECK(refusal_of(head_of(404, "Not Found")) == "download: the server answered 404 Not Found");
    CHECK(refusal_of(head_of(500, "")) == "download: the server answered 500");
    CHECK(refusal_of(head_of(302, "Found", "http://other/")) ==
          "download: the server answered 302 Found and points to http://other/");
    CHECK(refusal_of(head_of(404, "Not Found", "http://other/")) == "download: the server answered 404 Not Found");
    CHECK(refusal_of(head_of(300, "Multiple", "/one")) == "download: the server answered 300 Multiple and points to /one");
    CHECK(refusal_of(head_of(304, "Not Modified")) == "download: the server answered 304 Not Modified");
    CHECK(refusal_of(head_of(101, "Switching Protocols")) == "download: the server answered 101 Switching Protocols");
    CHECK(refusal_of(head_of(301, "\x1b[2J\r\n", "\x07")) ==
          "download: the server answered 301 \\x1b[2J\\r\\n and points to \\x07");
    CHECK(refusal_of(head_of(999, std::string(100'000, 'x'))).size() < 200);
}

TEST_CASE("a response that is refused opens no file")
{
    memory_backend outside;
    outside.files()["file"] = "as before";
    {
        http::file_receiver saving(outside, "file");
        CHECK_THROWS_AS(saving.on_head(head_of(404)), reply_error);
    }
    CHECK(outside.files() == files{{"file", "as before"}});
}

TEST_CASE("save_to makes a receiver for each exchange")
{
    auto backend = std::make_unique<memory_backend>();
    memory_backend& outside = *backend;
    context own(std::move(backend));
    const http::receiver_maker maker = http::save_to("file");
    for (const char* const body : {"first", "second"}) {
        const std::unique_ptr<http::receiver> saving = maker(own);
        saving->on_head(head_of(200));
        saving->on_data(body);
        saving->on_end({});
        CHECK(outside.files() == files{{"file", body}});
    }
}

TEST_CASE("on disk too a file is replaced when the new one is whole, and nothing is left of one that is not")
{
    const folder where;
    const std::unique_ptr<backend> outside = make_os_backend();
    std::ofstream(where.path("file")) << "as before";
    {
        http::file_receiver saving(*outside, where.path("file"));
        saving.on_head(head_of(200));
        saving.on_data("half of");
        CHECK(where.content() == files{{"file", "as before"}, {"file.part", "half of"}});
    }
    CHECK(where.content() == files{{"file", "as before"}});
    {
        http::file_receiver saving(*outside, where.path("file"));
        saving.on_head(head_of(200));
        saving.on_data("new");
        saving.on_end({});
    }
    CHECK(where.content() == files{{"file", "new"}});
}

TEST_CASE("a device is written to in place, and is still there afterwards")
{
    const std::unique_ptr<backend> outside = make_os_backend();
    {
        http::file_receiver saving(*outside, "/dev/full");
        saving.on_head(head_of(200));
        CHECK(failure_of(saving, "data") == std::error_code(ENOSPC, std::system_category()));
    }
    CHECK(std::filesystem::is_character_file("/dev/full"));
    CHECK_FALSE(std::filesystem::exists("/dev/full.part"));
}
