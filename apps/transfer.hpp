// transfer: one of the downloads that the command line asks for, with what is said about it.
#pragma once

#include "exit_status.hpp"
#include "messages.hpp"
#include "output.hpp"

namespace http_get {

/// A URL of the command line, and what was given for it.
class job {
public:
    job(std::size_t position, std::string what) : number(position), url(std::move(what)) {}

    std::size_t number; ///< from 0
    std::string url;
    std::string output; ///< empty: named after the URL
    std::string sha256; ///< empty: anything
};

/// What the downloads of a command line share; it outlives them.
class session {
public:
    session(const settings& all, display& on, portico::http::client& by, portico::http::proxy_settings through)
        : chosen(all), shown(on), with(by), proxies(std::move(through)), heads(all.head_file) {}

    const settings& chosen;
    display& shown;
    portico::http::client& with;
    portico::http::proxy_settings proxies; ///< those of the client
    head_file heads;
    standard_output output;
};

/// Downloads it, and says what there is to say: on the display, and in the words of -v, -D and -w. What prevents it is
/// said, too, and becomes the status. Cancelled, it says whether another time can go on.
portico::task<exit_status> transfer(session& in, job what);

} // namespace http_get
