// download: a URL to a file, which appears under its name only when it is whole and checked.
#pragma once

#include <chrono>
#include <portico/http/client.hpp>

namespace portico::inline v0_1::http {

/// When and how often a download is tried again. Each time it goes on where it was, if the server can prove that the
/// file has not changed (a strong ETag or a Last-Modified, by If-Range), and else from the beginning.
struct retry_options {
    /// How often. Not set: three times, and only where a transfer was cut that can go on where it was.
    std::optional<unsigned> count;
    duration delay{}; ///< before each; 0: one second, then twice as long each time, less up to half of it by chance
    duration longest_delay = std::chrono::minutes(1); ///< that this grows to
    duration time = no_timeout; ///< no try begins later than this, nor waits for a Retry-After that ends later
    bool all_errors = false;    ///< also where another try is unlikely to help
    bool refused = false;       ///< also where a connection was refused
};

/// Is told of a download as it goes.
class download_observer {
public:
    virtual ~download_observer() = default;
    virtual void on_interim(const response_head&) {} ///< see `receiver::on_interim`
    virtual void on_head(const response_head&) {}    ///< of each response that is taken, errors too
    virtual void on_name(const std::string& path) { (void)path; } ///< under which it will be saved
    /// Bytes of the file so far (what was there before included), and in all where that is known.
    virtual void on_progress(std::uint64_t received, std::optional<std::uint64_t> total) { (void)received, (void)total; }
    virtual void on_retry(const error& why, duration wait) { (void)why, (void)wait; } ///< it will be tried again
};

/// What an existing file under the name means.
enum class existing : unsigned char {
    refuse,   ///< an error, before anything is asked for
    replace,  ///< replaced, when the new one is whole
    number    ///< stays: the new one is NAME.1, NAME.2 ... up to 100
};

/// How a URL is downloaded, and what becomes of the file.
class download_options {
public:
    download_options() = default;

    request_options request;     ///< what is asked, and how
    retry_options retry;         ///< when it is tried again
    existing if_exists = existing::refuse; ///< what an existing file means
    /// The server may name the file (Content-Disposition, else the last URL); the path is then what it is called where
    /// the server does not, and says the folder. A file named so never replaces another.
    bool name_from_server = false;
    /// Only where it is newer than the file that is there (If-Modified-Since); otherwise it ends well, `unchanged`.
    bool if_changed = false;
    /// The same with a time. A server that sends an older file all the same is not listened to.
    std::optional<std::chrono::sys_seconds> modified_since;
    std::optional<std::chrono::sys_seconds> unmodified_since; ///< the other way round (If-Unmodified-Since)
    /// Goes on behind the existing file itself, whatever it is (curl's `-C`): from this byte; `continue_at_end`: from its
    /// end. Nothing proves that it is the same file, and it stays under its name while it grows.
    std::optional<std::uint64_t> continue_at;
    static constexpr std::uint64_t continue_at_end = UINT64_MAX; ///< see `continue_at`
    std::string sha256;          ///< what the file must have, in hexadecimal; empty: anything
    bool sync = false;           ///< returns when the file is on the disk (fsync)
    bool keep_time = false;      ///< the file has the time of Last-Modified
    bool create_folders = false; ///< that the path names
    bool remove_on_error = false; ///< nothing stays of what cannot be completed, not even what could be resumed
    bool keep_error_body = false; ///< saves the body of an HTTP error too, and then fails
    bool include_head = false;   ///< the head of the response goes into the file, before the body
    /// Written to in place of the path, as the body comes; it outlives the download.
    file* output = nullptr;
};

/// What became of a download.
class downloaded {
public:
    downloaded() = default;

    response_facts response;     ///< of the last request
    std::string path;            ///< under which it was saved; empty: it was not (`unchanged`)
    std::uint64_t size = 0;      ///< of the file, in bytes
    std::uint64_t received = 0;  ///< bytes that came over the network for it
    unsigned retries = 0;        ///< how often it was tried again
    bool unchanged = false;      ///< the server said that there is nothing new
};

/// Downloads a URL to a file. It is written to PATH.part and renamed when it is whole; what is there of an earlier
/// download, as PATH.part with PATH.part.meta beside it (the URL, what proves that the file is the same, and its
/// length; written once it takes longer than 1 MiB or 1 s), is gone on with. A path that is no regular file (a device, a
/// pipe) is written to as the body comes. The memory it takes does not depend on the size.
/// Completes when the file is there under its name. Fails with the errors of `client::get`; `reply_error` for an HTTP
/// error; of operation `check file` where it has another SHA-256; of operation `resume` where `continue_at` cannot be
/// had; and with those of files. What can be resumed then stays; nothing else does. The same when it is cancelled.
task<downloaded> download(client& with, url from, std::string path, download_options how = {},
                          download_observer* observer = nullptr);

} // namespace portico::http
