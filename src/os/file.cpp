// os_file: files by POSIX calls.
#include "backend.hpp"
#include "socket.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace portico::inline v0_1::os {

namespace {

class os_file final : public file {
public:
    os_file(descriptor handle, std::string path) : handle_(std::move(handle)), path_(std::move(path)) {}

    result<void> write(bytes data) override
    {
        while (!data.empty()) {
            const ssize_t written = ::write(handle_.get(), data.data(), data.size());
            if (written >= 0)
                data.remove_prefix(static_cast<std::size_t>(written));
            else if (errno != EINTR)
                return error(last_error(), "write file", path_);
        }
        return {};
    }

    result<void> close() override
    {
        if (handle_ && ::close(handle_.release()) != 0 && errno != EINTR)
            return error(last_error(), "close file", path_);
        return {};
    }

private:
    descriptor handle_;
    std::string path_;
};

} // namespace

result<std::unique_ptr<file>> backend::open_file(const std::string& path, file_mode mode)
{
    const int how = mode == file_mode::create_new ? O_EXCL : mode == file_mode::truncate ? O_TRUNC : O_APPEND;
    descriptor handle(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | how, 0666));
    if (!handle)
        return error(last_error(), "open file", path);
    return std::unique_ptr<file>(new os_file(std::move(handle), path));
}

bool backend::is_special_file(const std::string& path)
{
    struct stat found {};
    return ::stat(path.c_str(), &found) == 0 && !S_ISREG(found.st_mode);
}

result<void> backend::rename_file(const std::string& from, const std::string& to)
{
    if (std::rename(from.c_str(), to.c_str()) != 0)
        return error(last_error(), "rename file " + from + " to", to);
    return {};
}

result<void> backend::remove_file(const std::string& path)
{
    if (::unlink(path.c_str()) != 0)
        return error(last_error(), "remove file", path);
    return {};
}

} // namespace portico::os
