// The files of a backend: one set of cases for the operating system's and for those in memory.
#include "catch.hpp"
#include "support/folder.hpp"

#include <array>
#include <cerrno>
#include <memory>
#include <portico/core/backend.hpp>
#include <portico/memory/memory_backend.hpp>
#include <string>

using namespace portico;
using namespace std::chrono_literals;
using kind = file_status::kind;

namespace {

/// A backend, and a folder that it has.
struct place {
    const char* name;
    std::unique_ptr<backend> outside;
    std::string folder;
    std::string operator()(const std::string& file) const { return folder + '/' + file; }
};

template <class Body>
void in_every_place(const Body& body)
{
    const test::temporary_folder real;
    const place places[] = {{"operating system", make_os_backend(), real.path()},
                            {"memory", std::make_unique<memory_backend>(), "/tmp"}};
    for (const place& each : places) {
        INFO(each.name);
        REQUIRE(each.outside->make_folder(each.folder));
        body(*each.outside, each);
    }
}

std::error_code system_code(int number)
{
    return {number, std::system_category()};
}

/// Opens, writes and closes; the code of what failed first.
std::error_code write(backend& outside, const std::string& path, file_mode mode, bytes data)
{
    const auto opened = outside.open_file(path, mode);
    if (!opened)
        return opened.error().code();
    if (const auto written = (*opened)->write(data); !written)
        return written.error().code();
    const auto closed = (*opened)->close();
    return closed ? std::error_code() : closed.error().code();
}

std::string content(backend& outside, const std::string& path)
{
    return outside.read_file(path, 1 << 20).value();
}

std::string read_rest(file& from, std::size_t size_of_part = 3)
{
    std::string all;
    for (std::string part(size_of_part, '\0');;) {
        const std::size_t got = from.read(part).value();
        if (got == 0)
            return all;
        all.append(part, 0, got);
    }
}

} // namespace

TEST_CASE("files are created anew, truncated, extended, renamed over another and removed")
{
    in_every_place([](backend& outside, const place& at) {
        CHECK_FALSE(write(outside, at("one"), file_mode::create_new, "first"));
        CHECK(write(outside, at("one"), file_mode::create_new, "again") == system_code(EEXIST));
        CHECK(content(outside, at("one")) == "first");
        CHECK_FALSE(write(outside, at("one"), file_mode::extend, " and second"));
        CHECK(content(outside, at("one")) == "first and second");
        CHECK_FALSE(write(outside, at("one"), file_mode::truncate, "third"));
        CHECK(content(outside, at("one")) == "third");
        CHECK_FALSE(write(outside, at("two"), file_mode::extend, "made by extend"));
        CHECK(outside.rename_file(at("one"), at("two")));
        CHECK(content(outside, at("two")) == "third");
        CHECK(outside.status_of(at("one")).error().code() == system_code(ENOENT));
        CHECK(outside.rename_file(at("one"), at("two")).error().code() == system_code(ENOENT));
        CHECK(outside.rename_file(at("two"), at("two")));
        CHECK(content(outside, at("two")) == "third");
        CHECK(outside.remove_file(at("two")));
        CHECK(outside.remove_file(at("two")).error().code() == system_code(ENOENT));
        CHECK(outside.open_file(at("two"), file_mode::read).error().code() == system_code(ENOENT));
    });
}

TEST_CASE("reading begins at the start and goes on by itself, while writing goes on at the end")
{
    in_every_place([](backend& outside, const place& at) {
        REQUIRE(outside.write_file(at("file"), "0123456789"));
        const auto opened = outside.open_file(at("file"), file_mode::extend).value();
        std::array<char, 4> part{};
        CHECK(opened->read(part).value() == 4);
        CHECK(std::string(part.data(), 4) == "0123");
        CHECK(opened->write("abc"));
        CHECK(read_rest(*opened) == "456789abc");
        CHECK(opened->read(part).value() == 0);
        CHECK(opened->write("def"));
        CHECK(read_rest(*opened) == "def");
        CHECK(opened->close());
        CHECK(content(outside, at("file")) == "0123456789abcdef");
    });
}

TEST_CASE("a file that was truncated is written to at its new end")
{
    in_every_place([](backend& outside, const place& at) {
        REQUIRE(outside.write_file(at("file"), "0123456789"));
        const auto opened = outside.open_file(at("file"), file_mode::extend).value();
        CHECK(opened->truncate(4));
        CHECK(opened->write("abc"));
        CHECK(opened->status().value().size == 7);
        CHECK(opened->truncate(9));
        CHECK(opened->write("!"));
        CHECK(opened->sync());
        CHECK(opened->close());
        CHECK(content(outside, at("file")) == std::string("0123abc\0\0!", 10));
    });
}

TEST_CASE("a file is for what it was opened for")
{
    in_every_place([](backend& outside, const place& at) {
        REQUIRE(outside.write_file(at("file"), "content"));
        const auto reading = outside.open_file(at("file"), file_mode::read).value();
        CHECK_FALSE(reading->write("x"));
        CHECK_FALSE(reading->truncate(0));
        std::array<char, 4> part{};
        const auto writing = outside.open_file(at("new"), file_mode::create_new).value();
        CHECK_FALSE(writing->read(part));
        CHECK(content(outside, at("file")) == "content");
        CHECK(content(outside, at("new")).empty());
        CHECK(reading->close());
        CHECK_FALSE(reading->read(part));
    });
}

TEST_CASE("a file with a lock is nobody else's until it is closed")
{
    in_every_place([](backend& outside, const place& at) {
        auto first = outside.open_file(at("file"), file_mode::extend).value();
        const auto second = outside.open_file(at("file"), file_mode::extend).value();
        const auto other = outside.open_file(at("other"), file_mode::extend).value();
        CHECK(first->lock().value());
        CHECK(first->lock().value());
        CHECK_FALSE(second->lock().value());
        CHECK(other->lock().value());
        REQUIRE(outside.rename_file(at("file"), at("renamed")));
        CHECK_FALSE(second->lock().value());
        const auto third = outside.open_file(at("renamed"), file_mode::read).value();
        CHECK_FALSE(third->lock().value());
        first.reset();
        CHECK(third->lock().value());
        CHECK_FALSE(second->lock().value());
        CHECK(third->close());
        CHECK(second->lock().value());
    });
}

TEST_CASE("a file that is renamed, replaced or removed stays the same to who has it open")
{
    in_every_place([](backend& outside, const place& at) {
        const auto opened = outside.open_file(at("file"), file_mode::extend).value();
        CHECK(opened->write("one"));
        const file_status before = outside.status_of(at("file")).value();
        CHECK(before.number == opened->status().value().number);
        CHECK(before.device == opened->status().value().device);
        REQUIRE(outside.rename_file(at("file"), at("renamed")));
        CHECK(opened->write(" two"));
        CHECK(content(outside, at("renamed")) == "one two");
        CHECK(outside.status_of(at("renamed")).value().number == before.number);
        CHECK_FALSE(outside.status_of(at("file")));
        REQUIRE(outside.write_file(at("renamed"), "another"));
        CHECK(opened->write(" three"));
        CHECK(content(outside, at("renamed")) == "another");
        CHECK(read_rest(*opened) == "one two three");
        CHECK(opened->status().value().size == 13);
        CHECK(opened->status().value().number == before.number);
        CHECK(outside.status_of(at("renamed")).value().number != before.number);
    });
}

TEST_CASE("a rename to a new name never replaces anything")
{
    in_every_place([](backend& outside, const place& at) {
        REQUIRE(outside.write_file(at("from"), "mine"));
        REQUIRE(outside.write_file(at("to"), "theirs"));
        REQUIRE(outside.make_folder(at("folder")));
        const auto refused = outside.rename_new_file(at("from"), at("to"));
        CHECK(refused.error().code() == system_code(EEXIST));
        CHECK(refused.error().what() == "rename file " + at("from") + " to " + at("to") + ": File exists");
        CHECK(outside.rename_new_file(at("from"), at("folder")).error().code() == system_code(EEXIST));
        CHECK(content(outside, at("from")) == "mine");
        CHECK(content(outside, at("to")) == "theirs");
        CHECK(outside.rename_new_file(at("from"), at("free")));
        CHECK(content(outside, at("free")) == "mine");
        CHECK_FALSE(outside.status_of(at("from")));
        CHECK(outside.rename_new_file(at("from"), at("other")).error().code() == system_code(ENOENT));
    });
}

TEST_CASE("a small file is read as a whole, up to a limit")
{
    in_every_place([](backend& outside, const place& at) {
        REQUIRE(outside.write_file(at("file"), std::string(10'000, 'x')));
        CHECK(outside.read_file(at("file"), 10'000).value() == std::string(10'000, 'x'));
        const auto refused = outside.read_file(at("file"), 9'999);
        CHECK(refused.error().code() == errc::limit_exceeded);
        CHECK(refused.error().operation() == "read file");
        CHECK(refused.error().target() == at("file"));
        REQUIRE(outside.write_file(at("file"), ""));
        CHECK(outside.read_file(at("file"), 0).value().empty());
        CHECK(outside.read_file(at("none"), 1).error().code() == system_code(ENOENT));
        CHECK(outside.read_file(at.folder, 1).error().code() == system_code(EISDIR));
    });
}

TEST_CASE("a file that is written as a whole is replaced, also for those who have it open")
{
    in_every_place([](backend& outside, const place& at) {
        REQUIRE(outside.write_file(at("file"), "first"));
        const auto opened = outside.open_file(at("file"), file_mode::read).value();
        REQUIRE(outside.write_file(at("file"), "2nd"));
        CHECK(content(outside, at("file")) == "2nd");
        CHECK(read_rest(*opened) == "first");
        CHECK(outside.write_file(at.folder, "x").error().code() == system_code(EISDIR));
    });
}

TEST_CASE("what there is under a name: its kind, size and time")
{
    in_every_place([](backend& outside, const place& at) {
        CHECK(outside.status_of(at("file")).error().code() == system_code(ENOENT));
        REQUIRE(outside.write_file(at("file"), "12345"));
        const file_status found = outside.status_of(at("file")).value();
        CHECK(found.what == kind::regular);
        CHECK(found.size == 5);
        CHECK(outside.status_of(at.folder).value().what == kind::folder);
        const auto when = std::chrono::sys_days(std::chrono::year(1994) / 11 / 6) + 8h + 49min + 37s + 250ms;
        CHECK(outside.set_modification_time(at("file"), when));
        CHECK(outside.status_of(at("file")).value().modified == when);
        const auto before_1970 = std::chrono::system_clock::time_point(-1500ms);
        CHECK(outside.set_modification_time(at("file"), before_1970));
        CHECK(outside.status_of(at("file")).value().modified == before_1970);
        const auto opened = outside.open_file(at("file"), file_mode::extend).value();
        CHECK(opened->status().value().modified == before_1970);
        CHECK(opened->write("6"));
        CHECK(opened->status().value().modified > when);
        CHECK(outside.set_modification_time(at("none"), when).error().code() == system_code(ENOENT));
    });
}

TEST_CASE("a folder is made once, and is there the second time")
{
    in_every_place([](backend& outside, const place& at) {
        CHECK(outside.make_folder(at("folder")));
        CHECK(outside.make_folder(at("folder")));
        CHECK(outside.sync_folder(at("folder")));
        CHECK(outside.sync_folder(at("none")).error().code() == system_code(ENOENT));
        REQUIRE(outside.write_file(at("file"), "x"));
        CHECK(outside.make_folder(at("file")).error().code() == system_code(EEXIST));
        CHECK(outside.open_file(at("folder"), file_mode::extend).error().code() == system_code(EISDIR));
    });
}
