// messages: what is said while a download runs: errors, -v, and the heads of responses.
#pragma once

#include "display.hpp"
#include "options.hpp"

#include <cstdio>
#include <portico/http/request.hpp>

namespace http_get {

/// Says what went wrong, unless nothing is to be said.
void complain(const settings& chosen, display& shown, std::string_view what);

/// A request as -v shows it, without its passwords.
std::string describe(const portico::http::request& asked);
/// The same for a response.
std::string describe(const portico::http::response_head& answered);

/// Where the heads of responses go (-D).
class head_file {
public:
    /// Empties the file. Throws `portico::error`.
    explicit head_file(std::string path);
    ~head_file();
    head_file(const head_file&) = delete;
    head_file& operator=(const head_file&) = delete;
    void write(const portico::http::response_head& head, display& shown);

private:
    std::string path_;
    std::FILE* file_ = nullptr;
};

} // namespace http_get
