// values: what is given to options, from text. What is wrong in one is a `portico::error` that says so.
#pragma once

#include "command_line.hpp"

#include <cstdint>
#include <portico/http/login.hpp>
#include <portico/net/endpoint.hpp>
#include <portico/wire/fields.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace http_get {

/// Throws the error for a value: of operation `read option`, with the option as its target.
[[noreturn]] void refuse(const std::string& option, std::string_view value, std::string why);

/// A number of bytes: `1000`, `64k`, `1.5M`, `2G`, by powers of 1024.
std::uint64_t parse_size(const std::string& option, std::string_view text);

/// A time in seconds, with or without a fraction, from 0 to a billion.
double parse_seconds(const std::string& option, const std::string& text);

/// `USER:PASSWORD`. Without the colon the password is asked for at the terminal, where the program has one.
portico::http::login parse_login(const std::string& option, const std::string& text);

/// A field of a request as curl's -H takes it: `Name: value` is sent, `Name;` sent empty, `Name:` not sent, even if it
/// were otherwise.
void add_field(const std::string& text, portico::fields& sent, std::vector<std::string>& left_out);

/// The value of an option that may name a file which has it: `@FILE`, `@-` for standard input.
std::string text_or_file(const std::string& option, const std::string& value);
/// The whole of a file, or of standard input (`-`); at most 16 MiB.
std::string read_text(const std::string& option, const std::string& path);
/// The lines of a text, without their ends.
std::vector<std::string> lines_of(const std::string& text);

/// Where a host and port are, in place of what a look-up says; the host is still the one to be verified.
struct host_entry {
    std::string host; ///< in lower case, without brackets and a last dot; `*`: any
    std::uint16_t port;
    std::vector<portico::endpoint> addresses; ///< tried in this order; none: it is looked up as usual

    /// Reads `[+]HOST:PORT:ADDRESS[,ADDRESS...]` and `-HOST:PORT`, as curl's --resolve.
    static host_entry parse(const std::string& text);
};

/// To whom to connect in place of another: name and certificate stay those of the URL.
struct detour {
    std::string host; ///< in lower case; empty: any
    std::uint16_t port; ///< 0: any
    std::string to_host; ///< empty: the same
    std::uint16_t to_port; ///< 0: the same

    /// Reads `HOST1:PORT1:HOST2:PORT2`, as curl's --connect-to.
    static detour parse(const std::string& text);
};

/// A host as it is compared: in lower case, without a last dot.
std::string normal_host(std::string_view host);

} // namespace http_get
