// output: see output.hpp.
#include "output.hpp"

#include "columns.hpp"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace http_get {

namespace {

portico::error failure(int number, const char* operation)
{
    return {std::error_code(number, std::system_category()), operation, "standard output"};
}

portico::result<void> write_all(std::string_view text)
{
    while (!text.empty()) {
        const ssize_t count = ::write(STDOUT_FILENO, text.data(), text.size());
        if (count >= 0) {
            text.remove_prefix(static_cast<std::size_t>(count));
        } else if (errno == EAGAIN) { // others made it non-blocking
            pollfd ready{STDOUT_FILENO, POLLOUT, 0};
            if (::poll(&ready, 1, -1) < 0)
                return failure(errno, "write file");
        } else { // EINTR, too: a signal ends it, where nobody reads
            return failure(errno, "write file");
        }
    }
    return {};
}

/// The bytes at the end of a text that begin a character of UTF-8, or the end of a line, but do not end it.
std::size_t unfinished(std::string_view text)
{
    if (text.ends_with('\r'))
        return 1;
    for (std::size_t size = 1; size <= 3 && size <= text.size(); ++size) {
        const auto octet = static_cast<unsigned char>(text[text.size() - size]);
        if ((octet & 0xc0) != 0x80)
            return octet >= 0xc0 && (octet >= 0xf0 ? 4u : octet >= 0xe0 ? 3u : 2u) > size ? size : 0;
    }
    return 0;
}

} // namespace

void print(display& shown, const std::string& text)
{
    const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
    if (shown.is_on() && is_terminal && text.ends_with('\n'))
        shown.print(printable_lines(text));
    else
        write_all(is_terminal ? printable_lines(text) : text).value();
}

std::string printable_lines(std::string_view text)
{
    std::string shown;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of("\r\n\t"), text.size());
        shown += printable(text.substr(0, end));
        text.remove_prefix(end);
        if (text.empty())
            break;
        if (text[0] != '\r') // a terminal needs none before the end of a line, and one elsewhere hides what was there
            shown += text[0];
        else if (text.size() > 1 && text[1] != '\n')
            shown += "\\r";
        text.remove_prefix(1);
    }
    return shown;
}

standard_output::standard_output() : is_terminal_(::isatty(STDOUT_FILENO) == 1)
{
    struct stat found {};
    is_regular_ = ::fstat(STDOUT_FILENO, &found) == 0 && S_ISREG(found.st_mode);
}

standard_output::~standard_output()
{
    static_cast<void>(write_all(printable(split_)));
}

portico::result<std::size_t> standard_output::read(std::span<char>)
{
    return failure(EBADF, "read file");
}

portico::result<void> standard_output::write(portico::bytes data)
{
    const std::string_view text(data.data(), data.size());
    if (!is_terminal_)
        return write_all(text);
    const std::string all = split_ + std::string(text);
    const std::size_t whole = all.size() - unfinished(all);
    split_ = all.substr(whole);
    return write_all(printable_lines(std::string_view(all).substr(0, whole)));
}

portico::result<void> standard_output::truncate(std::uint64_t)
{
    return failure(ESPIPE, "truncate file");
}

int standard_output::native_handle() const noexcept
{
    return is_regular_ ? STDOUT_FILENO : -1;
}

} // namespace http_get
