// messages: see messages.hpp.
#include "messages.hpp"

#include "columns.hpp"
#include "output.hpp"

#include <cerrno>
#include <fmt/format.h>
#include <portico/wire/text.hpp>

namespace http_get {

namespace http = portico::http;

namespace {

std::string to_text(const http::response_head& head)
{
    std::string text = fmt::format("HTTP/1.{} {:03} {}\r\n", head.minor_version, head.status, head.reason);
    for (const auto& [name, value] : head.fields)
        text += fmt::format("{}: {}\r\n", name, value);
    return text + "\r\n";
}

/// Lines of a message, each with a mark in front.
std::string marked(std::string_view mark, const std::string& text)
{
    std::string shown;
    for (const std::string& line : lines_of(text))
        shown += fmt::format("{} {}\n", mark, printable(line));
    return shown;
}

portico::error file_error(const char* operation, const std::string& path)
{
    return {std::error_code(errno, std::system_category()), operation, path};
}

} // namespace

std::string describe(const http::request& asked)
{
    std::string text = fmt::format("{} {}\n", asked.method(), asked.target());
    for (const auto& [name, value] : asked.fields()) {
        const bool is_secret = portico::text::equals_ignoring_case(name, "Authorization")
                               || portico::text::equals_ignoring_case(name, "Proxy-Authorization");
        text += fmt::format("{}: {}\n", name, is_secret ? value.substr(0, value.find(' ')) + " ..." : value);
    }
    return marked(">", text);
}

std::string describe(const http::response_head& answered)
{
    return marked("<", to_text(answered));
}

void complain(const settings& chosen, display& shown, std::string_view what)
{
    if (!chosen.silent || chosen.shows_errors)
        shown.print(fmt::format("http_get: {}\n", what));
}

head_file::head_file(std::string path) : path_(std::move(path))
{
    if (path_.empty() || path_ == "-")
        return;
    file_ = std::fopen(path_.c_str(), "we");
    if (file_ == nullptr)
        throw file_error("open file", path_);
}

head_file::~head_file()
{
    if (file_ != nullptr)
        std::fclose(file_);
}

void head_file::write(const http::response_head& head, display& shown)
{
    if (path_ == "-")
        print(shown, to_text(head));
    else if (file_ != nullptr) {
        const std::string text = to_text(head);
        if (std::fwrite(text.data(), 1, text.size(), file_) != text.size() || std::fflush(file_) != 0)
            throw file_error("write file", path_);
    }
}

} // namespace http_get
