// os_file: files by POSIX calls.
#include "backend.hpp"
#include "socket.hpp"
#include "splice_pipe.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace portico::inline v0_1::os {

namespace {

using namespace std::chrono;

file_status status_from(const struct stat& found)
{
    file_status made;
    made.what = S_ISREG(found.st_mode)   ? file_status::kind::regular
                : S_ISDIR(found.st_mode) ? file_status::kind::folder
                                         : file_status::kind::special;
    made.size = static_cast<std::uint64_t>(found.st_size);
    made.modified = system_clock::time_point(
        duration_cast<system_clock::duration>(seconds(found.st_mtim.tv_sec) + nanoseconds(found.st_mtim.tv_nsec)));
    made.device = found.st_dev;
    made.number = found.st_ino;
    return made;
}

class os_file final : public file {
public:
    os_file(descriptor handle, std::string path) : handle_(std::move(handle)), path_(std::move(path)) {}

    result<std::size_t> read(std::span<char> destination) override
    {
        ssize_t got;
        do {
            got = ::pread(handle_.get(), destination.data(), destination.size(), static_cast<off_t>(read_));
            if (got < 0 && errno == ESPIPE)
                got = ::read(handle_.get(), destination.data(), destination.size());
        } while (got < 0 && errno == EINTR);
        if (got < 0)
            return failed("read file");
        read_ += static_cast<std::uint64_t>(got);
        return static_cast<std::size_t>(got);
    }

    result<void> write(bytes data) override
    {
        errno = write_all(handle_.get(), data);
        if (errno != 0)
            return failed("write file");
        return {};
    }

    result<void> truncate(std::uint64_t size) override
    {
        if (::ftruncate(handle_.get(), static_cast<off_t>(size)) != 0 || ::lseek(handle_.get(), 0, SEEK_END) < 0)
            return failed("truncate file");
        return {};
    }

    result<void> sync() override
    {
        if (::fsync(handle_.get()) != 0)
            return failed("sync file");
        return {};
    }

    result<bool> lock() override
    {
        if (::flock(handle_.get(), LOCK_EX | LOCK_NB) == 0)
            return true;
        if (errno == EWOULDBLOCK)
            return false;
        return failed("lock file");
    }

    result<file_status> status() override
    {
        struct stat found {};
        if (::fstat(handle_.get(), &found) != 0)
            return failed("look at file");
        return status_from(found);
    }

    result<void> close() override
    {
        if (handle_ && ::close(handle_.release()) != 0 && errno != EINTR)
            return failed("close file");
        return {};
    }

    int native_handle() const noexcept override { return handle_.get(); }

private:
    error failed(const char* operation) const { return {last_error(), operation, path_}; }

    descriptor handle_;
    std::string path_;
    std::uint64_t read_ = 0; // where the next read begins
};

int flags_of(file_mode mode) noexcept
{
    switch (mode) {
    case file_mode::read: return O_RDONLY;
    case file_mode::create_new: return O_WRONLY | O_CREAT | O_EXCL;
    case file_mode::truncate: return O_WRONLY | O_CREAT | O_TRUNC;
    case file_mode::extend: break;
    }
    return O_RDWR | O_CREAT | O_NOFOLLOW;
}

/// The name behind symbolic links; the path itself where there is nothing yet.
std::string real_path(const std::string& path)
{
    const std::unique_ptr<char, decltype(&std::free)> found(::realpath(path.c_str(), nullptr), &std::free);
    return found ? found.get() : path;
}

result<void> write_and_close(file& to, bytes data)
{
    return to.write(data).and_then([&] { return to.close(); });
}

} // namespace

result<std::unique_ptr<file>> backend::open_file(const std::string& path, file_mode mode)
{
    descriptor handle(::open(path.c_str(), O_CLOEXEC | O_NOCTTY | flags_of(mode), 0666));
    if (!handle || (mode == file_mode::extend && ::lseek(handle.get(), 0, SEEK_END) < 0 && errno != ESPIPE))
        return error(last_error(), "open file", path);
    return std::unique_ptr<file>(new os_file(std::move(handle), path));
}

result<std::string> backend::read_file(const std::string& path, std::size_t limit)
{
    const auto opened = open_file(path, file_mode::read);
    if (!opened)
        return opened.error();
    std::string content;
    for (std::array<char, 4096> part;;) {
        const auto got = (*opened)->read(part);
        if (!got)
            return got.error();
        if (*got == 0)
            return content;
        if (*got > limit - content.size())
            return error(errc::limit_exceeded, "read file", path);
        content.append(part.data(), *got);
    }
}

result<void> backend::write_file(const std::string& path, bytes data)
{
    struct stat found {};
    const bool exists = ::stat(path.c_str(), &found) == 0;
    if (exists && !S_ISREG(found.st_mode))
        return open_file(path, file_mode::truncate).and_then([&](const std::unique_ptr<file>& special) {
            return write_and_close(*special, data);
        });
    const std::string where = real_path(path);
    std::string beside = where + ".XXXXXX";
    descriptor handle(::mkostemp(beside.data(), O_CLOEXEC)); // its mode is 0600
    if (!handle || (exists && ::fchmod(handle.get(), found.st_mode & 0777) != 0)) {
        const error failure(last_error(), "write file", path);
        if (handle)
            ::unlink(beside.c_str());
        return failure;
    }
    os_file made(std::move(handle), path);
    const auto outcome = write_and_close(made, data).and_then([&] { return rename_file(beside, where); });
    if (!outcome)
        ::unlink(beside.c_str());
    return outcome;
}

result<file_status> backend::status_of(const std::string& path)
{
    struct stat found {};
    int outcome = ::lstat(path.c_str(), &found);
    const bool is_link = outcome == 0 && S_ISLNK(found.st_mode);
    if (is_link)
        outcome = ::stat(path.c_str(), &found);
    if (outcome != 0)
        return error(last_error(), "look at file", path);
    file_status made = status_from(found);
    made.is_link = is_link;
    return made;
}

result<void> backend::set_modification_time(const std::string& path, system_clock::time_point modified)
{
    const auto whole = floor<seconds>(modified);
    const timespec times[2] = {
        {0, UTIME_OMIT},
        {whole.time_since_epoch().count(), duration_cast<nanoseconds>(modified - whole).count()}};
    if (::utimensat(AT_FDCWD, path.c_str(), times, 0) != 0)
        return error(last_error(), "set the time of file", path);
    return {};
}

result<void> backend::rename_file(const std::string& from, const std::string& to)
{
    if (std::rename(from.c_str(), to.c_str()) != 0)
        return error(last_error(), "rename file", from + " to " + to);
    return {};
}

// Where the file system cannot rename so, a second name is given and the first one removed.
result<void> backend::rename_new_file(const std::string& from, const std::string& to)
{
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0)
        return {};
    // File systems without it may not have links either: the name is taken first, and then replaced.
    if (errno == EINVAL || errno == ENOSYS)
        if (const descriptor taken(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)); taken) {
            if (std::rename(from.c_str(), to.c_str()) == 0)
                return {};
            const int why = errno;
            ::unlink(to.c_str());
            errno = why;
        }
    return error(last_error(), "rename file", from + " to " + to);
}

result<void> backend::remove_file(const std::string& path)
{
    if (::unlink(path.c_str()) != 0)
        return error(last_error(), "remove file", path);
    return {};
}

result<void> backend::make_folder(const std::string& path)
{
    struct stat found {};
    if (::mkdir(path.c_str(), 0777) == 0
        || (errno == EEXIST && ::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode)))
        return {};
    return error(last_error(), "make folder", path);
}

result<void> backend::sync_folder(const std::string& path)
{
    const descriptor handle(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!handle || ::fsync(handle.get()) != 0)
        return error(last_error(), "sync folder", path);
    return {};
}

} // namespace portico::os
