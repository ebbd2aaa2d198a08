// options: the command line of http_get. Spelled as curl's where curl has it; the defaults are a downloader's.
#pragma once

#include "values.hpp"

#include <portico/http/download.hpp>

/// The program `http_get`.
namespace http_get {

/// What is downloaded, and how. What needs no further thought is in the library's options already.
class settings {
public:
    settings();

    std::vector<std::string> urls;    ///< in the order given, those of `input_file` not among them
    std::vector<std::string> outputs; ///< of the first, the second ... URL; `-` is standard output
    std::vector<std::string> sha256;  ///< the same
    std::string input_file;           ///< with further URLs; `-` is standard input
    std::string output_folder;        ///< in which relative names are; empty: the current one
    bool numbers_names = false;       ///< an existing file stays, and the new one is NAME.1 ...
    bool replaces = false;            ///< an existing file is replaced, also by one named after a URL
    std::string cookie_jar;           ///< where cookies go in the end; empty: nowhere
    std::vector<std::string> cookie_files;
    std::string cookies;              ///< `NAME=VALUE; ...`, sent beside those
    std::string login;                ///< `USER:PASSWORD`
    bool basic = false, digest = false, any = false; ///< the schemes for it; none: Basic
    std::optional<std::string> proxy, no_proxy; ///< in place of the environment's
    std::string proxy_login;          ///< for a proxy whose URL has none
    bool proxy_digest = false, proxy_any = false;
    std::vector<host_entry> hosts;    ///< of two for the same, the last counts
    std::vector<detour> detours;      ///< the first one that fits counts
    std::string unix_socket;          ///< to which all connections go, if any
    portico::resolve_query::family family = portico::resolve_query::family::any;
    std::string netrc_file;           ///< in place of `~/.netrc`; it must be there
    bool needs_netrc = false, looks_for_netrc = false; ///< `~/.netrc` must, may be there
    bool path_as_is = false;          ///< the dot segments of a URL stay
    bool fails = true;                ///< an HTTP error is a failure
    bool in_parallel = false;
    std::size_t parallel = 50;        ///< downloads at a time
    double max_time = 0;              ///< for each download, in seconds; 0: for ever
    bool head_only = false, include_head = false;
    std::string head_file;            ///< for the heads of responses; `-` is standard output; empty: none
    std::string time_condition;       ///< a date or a file, with `-` in front of it: not newer than that
    std::string etag_from, etag_to;   ///< files; empty: none
    std::string write_out;            ///< a format, see write_out.hpp
    bool verbose = false;
    bool quiet = false;               ///< errors, and nothing else
    bool silent = false, shows_errors = false; ///< nothing at all; but errors

    portico::http::client_options client;
    portico::http::download_options each;
};

/// Reads the command line, and the files that it names as texts of options (`@FILE`). Passwords in it are overwritten:
/// others could see them in the list of processes. Returns the exit status where the program is to end now: 0 after
/// `--help` and `--version`, 2 after it has said on standard error what is wrong.
std::optional<int> read_command_line(int count, char** arguments, settings& chosen);

} // namespace http_get
