// Files of the operating system: links, permissions, devices, and failures that only a real disk has.
#include "catch.hpp"
#include "support/folder.hpp"
#include "support/process.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <portico/core/backend.hpp>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace portico;
using kind = file_status::kind;

namespace {

std::error_code system_code(int number)
{
    return {number, std::system_category()};
}

unsigned permissions(const std::string& path)
{
    struct stat found {};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    return found.st_mode & 0777;
}

} // namespace

TEST_CASE("a file that is written as a whole is its owner's alone, unless it had other permissions before")
{
    const auto outside = make_os_backend();
    const test::temporary_folder folder;
    REQUIRE(outside->write_file(folder.path("jar"), "secret"));
    CHECK(permissions(folder.path("jar")) == 0600);
    REQUIRE(::chmod(folder.path("jar").c_str(), 0644) == 0);
    REQUIRE(outside->write_file(folder.path("jar"), "shared"));
    CHECK(permissions(folder.path("jar")) == 0644);
    CHECK(folder.content("jar") == "shared");
    CHECK(folder.size() == 1);
}

TEST_CASE("a file that cannot be written as a whole stays as it was, and nothing is left beside it")
{
    const auto outside = make_os_backend();
    const test::temporary_folder folder;
    REQUIRE(outside->write_file(folder.path("jar"), "before"));
    test::child_process child([&] {
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit small{4, 4};
        if (::setrlimit(RLIMIT_FSIZE, &small) != 0)
            return 2;
        const auto written = outside->write_file(folder.path("jar"), "longer than four bytes");
        return written || written.error().code() != system_code(EFBIG) || written.error().operation() != "write file"
                       || written.error().target() != folder.path("jar")
                   ? 1
                   : 0;
    });
    CHECK(child.exit_status() == 0);
    CHECK(folder.content("jar") == "before");
    CHECK(folder.size() == 1);
    CHECK(outside->write_file(folder.path("none/jar"), "x").error().code() == system_code(ENOENT));
}

TEST_CASE("symbolic links: writing as a whole follows them, extending and creating do not")
{
    const auto outside = make_os_backend();
    const test::temporary_folder folder;
    REQUIRE(outside->write_file(folder.path("file"), "content"));
    REQUIRE(::symlink("file", folder.path("link").c_str()) == 0);
    CHECK(outside->open_file(folder.path("link"), file_mode::extend).error().code() == system_code(ELOOP));
    CHECK(outside->open_file(folder.path("link"), file_mode::create_new).error().code() == system_code(EEXIST));
    CHECK(outside->rename_new_file(folder.path("file"), folder.path("link")).error().code() == system_code(EEXIST));
    CHECK(outside->write_file(folder.path("link"), "changed"));
    CHECK(folder.content("file") == "changed");
    CHECK(std::filesystem::is_symlink(folder.path("link")));
    CHECK(folder.size() == 2);
    CHECK(outside->status_of(folder.path("link")).value().size == 7);
}

TEST_CASE("what is no regular file is written to where it is")
{
    const auto outside = make_os_backend();
    const test::temporary_folder folder;
    CHECK(outside->status_of("/dev/null").value().what == kind::special);
    CHECK(outside->write_file("/dev/null", "gone"));
    CHECK(outside->status_of("/dev/null").value().what == kind::special);
    CHECK(outside->read_file("/dev/null", 1).value().empty());
    const auto full = outside->write_file("/dev/full", "x");
    CHECK(full.error().code() == system_code(ENOSPC));
    CHECK(std::string(full.error().what()) == "write file /dev/full: No space left on device");
    REQUIRE(::mkfifo(folder.path("pipe").c_str(), 0600) == 0);
    CHECK(outside->status_of(folder.path("pipe")).value().what == kind::special);
    const auto both = outside->open_file(folder.path("pipe"), file_mode::extend).value(); // neither end waits then
    CHECK(outside->write_file(folder.path("pipe"), "through"));
    std::string got(20, '\0');
    CHECK(both->read(got).value() == 7);
    CHECK(got.substr(0, 7) == "through");
}

TEST_CASE("a lock holds against other processes, and ends with the one that had it")
{
    const auto outside = make_os_backend();
    const test::temporary_folder folder;
    test::child_process owner([&] {
        const auto mine = outside->open_file(folder.path("file"), file_mode::extend).value();
        test::say(mine->lock().value() ? "mine" : "not mine");
        return ::pause();
    });
    REQUIRE(owner.read_line() == "mine");
    const auto opened = outside->open_file(folder.path("file"), file_mode::extend).value();
    CHECK_FALSE(opened->lock().value());
    owner.send_signal(SIGKILL);
    owner.wait();
    CHECK(opened->lock().value());
}

TEST_CASE("the descriptor of a file is closed when it is, and on exec")
{
    const auto outside = make_os_backend();
    const test::temporary_folder folder;
    const auto opened = outside->open_file(folder.path("file"), file_mode::create_new).value();
    const int handle = opened->native_handle();
    REQUIRE(handle >= 0);
    CHECK((::fcntl(handle, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(opened->close());
    CHECK(::fcntl(handle, F_GETFD) == -1);
    CHECK(opened->native_handle() == -1);
    CHECK(opened->write("x").error().code() == system_code(EBADF));
}
