// output: standard output as a file to which a download can go. A terminal gets nothing that would steer it.
#pragma once

#include "display.hpp"

#include <portico/core/file.hpp>

namespace http_get {

/// Writes a text to standard output, so that it cannot steer a terminal; above the display where both are on a terminal. Throws `portico::error`.
void print(display& shown, const std::string& text);

/// What comes from elsewhere, for a terminal: `printable`, with the ends of lines and tabs as they are.
std::string printable_lines(std::string_view text);

/// Standard output.
class standard_output final : public portico::file {
public:
    standard_output();
    ~standard_output() override;
    standard_output(const standard_output&) = delete;
    standard_output& operator=(const standard_output&) = delete;

    portico::result<std::size_t> read(std::span<char> destination) override;
    portico::result<void> write(portico::bytes data) override;
    portico::result<void> truncate(std::uint64_t size) override;
    portico::result<void> sync() override { return {}; }
    portico::result<bool> lock() override { return true; }
    portico::result<portico::file_status> status() override { return portico::file_status(); }
    portico::result<void> close() override { return {}; }
    /// That of a regular file. Into a pipe the system would wait for a reader, and nobody could interrupt it.
    int native_handle() const noexcept override;
    bool is_terminal() const noexcept { return is_terminal_; }

private:
    bool is_terminal_, is_regular_;
    std::string split_; // the beginning of a character whose rest is still to come
};

} // namespace http_get
