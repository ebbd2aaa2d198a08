// transfer: see transfer.hpp.
#include "transfer.hpp"

#include "columns.hpp"
#include "write_out.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <portico/core/deadline.hpp>
#include <portico/http/content_disposition.hpp>
#include <portico/http/date.hpp>
#include <portico/http/international.hpp>
#include <portico/net/connection.hpp>
#include <portico/wire/text.hpp>

namespace http_get {

namespace http = portico::http;
using command_line::seconds;

namespace {

std::string name_in(const std::string& path)
{
    return path.substr(path.rfind('/') + 1);
}

/// A download as it goes, for all who want to know of it.
class observer final : public http::download_observer {
public:
    observer(session& in, shown_transfer& line) : in_(in), line_(line) {}

    std::string path, part_of, etag, content_type;
    int status = 0;

    void on_interim(const http::response_head& head) override { show(head); }
    void on_head(const http::response_head& head) override
    {
        show(head);
        status = head.status;
        etag = head.fields.find("ETag").value_or("");
        content_type = head.fields.find("Content-Type").value_or("");
    }
    void on_name(const std::string& where) override
    {
        if (part_of.empty())
            part_of = where; // before a server calls it otherwise
        path = where;
        line_.rename(name_in(where));
    }
    void on_progress(std::uint64_t received, std::optional<std::uint64_t> total) override
    {
        line_.update(received, total);
    }
    void on_retry(const portico::error& why, portico::duration wait) override
    {
        const double waits = std::chrono::duration<double>(wait).count();
        line_.note(fmt::format("retry in {:.0f} s", waits));
        if ((in_.shown.is_on() && !in_.chosen.quiet) || in_.chosen.verbose)
            complain(in_.chosen, in_.shown, fmt::format("{}; it is tried again in {:.1f} s", why.what(), waits));
    }

private:
    void show(const http::response_head& head)
    {
        in_.heads.write(head, in_.shown);
        if (in_.chosen.verbose)
            in_.shown.print(describe(head));
    }
    session& in_;
    shown_transfer& line_;
};

/// Path and query as they were typed, dot segments too.
std::string typed_target(const std::string& url)
{
    const std::size_t scheme = url.find("://");
    const std::size_t authority = scheme < url.find_first_of("/?#") ? scheme + 3 : 0;
    const std::size_t begin = url.find_first_of("/?#", authority);
    if (begin == url.npos)
        return "/";
    std::string target = url.substr(begin, url.find('#', begin) - begin);
    if (!target.starts_with('/'))
        target.insert(0, "/");
    std::string sent;
    for (const char each : target)
        sent += each > ' ' && each < '\x7f' ? std::string(1, each)
                                            : fmt::format("%{:02X}", static_cast<unsigned char>(each));
    return sent;
}

void set_conditions(const settings& chosen, portico::backend& outside, http::download_options& how)
{
    if (!chosen.time_condition.empty()) {
        const bool not_newer = chosen.time_condition.starts_with('-');
        const std::string text = chosen.time_condition.substr(not_newer ? 1 : 0);
        auto moment = http::parse_date(text);
        if (const auto there = moment ? portico::result<portico::file_status>({}) : outside.status_of(text); !moment) {
            if (!there)
                refuse("-z", text, "it is neither a date nor a file");
            moment = std::chrono::floor<std::chrono::seconds>(there->modified);
        }
        (not_newer ? how.unmodified_since : how.modified_since) = moment;
    }
    if (!chosen.etag_from.empty()) {
        const auto known = outside.read_file(chosen.etag_from, 8192);
        const std::string tag(portico::text::trim(known ? lines_of(*known + '\n').front() : ""));
        how.request.fields.set("If-None-Match", tag.empty() ? "\"\"" : tag);
    }
}

/// What the library is told of a job, but for its name.
http::download_options options_for(session& in, const job& what)
{
    const settings& chosen = in.chosen;
    http::download_options how = chosen.each;
    how.sha256 = what.sha256;
    how.if_exists = chosen.numbers_names ? http::existing::number
                    : chosen.replaces || !what.output.empty() ? http::existing::replace
                                                              : http::existing::refuse;
    how.name_from_server = chosen.each.name_from_server && what.output.empty();
    how.include_head = chosen.include_head || chosen.head_only;
    how.keep_error_body = how.keep_error_body || !chosen.fails;
    if (chosen.head_only)
        how.request.method = "HEAD";
    if (what.output == "-" || (chosen.head_only && what.output.empty()))
        how.output = &in.output;
    if (chosen.path_as_is)
        how.request.target = typed_target(what.url);
    if (!chosen.cookies.empty())
        how.request.fields.add("Cookie", chosen.cookies);
    return how;
}

std::string path_for(const settings& chosen, const job& what, const portico::url& from)
{
    std::string name = what.output.empty() ? http::file_name(from) : what.output;
    if (chosen.output_folder.empty() || name.starts_with('/'))
        return name;
    return chosen.output_folder + (chosen.output_folder.ends_with('/') ? "" : "/") + name;
}

double since(portico::time_point begin, portico::time_point now)
{
    return std::chrono::duration<double>(now - begin).count();
}

/// A URL as it was typed, less user and password.
std::string without_login(std::string url)
{
    const std::size_t scheme = url.find("://");
    const std::size_t begin = scheme < url.find_first_of("/?#") ? scheme + 3 : 0;
    const std::size_t end = url.substr(0, url.find_first_of("/?#", begin)).rfind('@');
    return end == url.npos || end < begin ? url : url.erase(begin, end + 1 - begin);
}

download_facts facts_of(const job& what, const http::downloaded& got, const observer& seen)
{
    download_facts facts;
    facts.urlnum = what.number;
    facts.url = without_login(what.url);
    facts.url_effective = got.response.effective_url.empty() ? facts.url : got.response.effective_url;
    facts.scheme = facts.url_effective.substr(0, std::min(facts.url_effective.find("://"), facts.url_effective.size()));
    facts.filename_effective = got.path.empty() ? seen.path : got.path;
    facts.content_type = seen.content_type;
    facts.response_code = got.response.status != 0 ? got.response.status : seen.status;
    const auto address = [](const portico::endpoint& of) {
        return of.family() == portico::endpoint::family::none ? std::string() : portico::address_text(of);
    };
    facts.remote_ip = address(got.response.remote);
    facts.local_ip = address(got.response.local);
    facts.remote_port = got.response.remote.port();
    facts.local_port = got.response.local.port();
    facts.size_download = got.received;
    const auto time = [](portico::duration of) { return std::chrono::duration<double>(of).count(); };
    facts.time_connect = time(got.response.connected);
    facts.time_appconnect = time(got.response.secured);
    facts.time_starttransfer = time(got.response.first_byte);
    facts.num_redirects = got.response.redirects;
    facts.num_connects = got.response.connections;
    facts.num_retries = got.retries;
    return facts;
}

std::string explain(const settings& chosen, const portico::error& failure)
{
    if (failure.phase() == portico::phase::total)
        return fmt::format("not complete after {} seconds", chosen.max_time);
    const bool is_there = failure.operation() == "open file" && failure.code() == std::errc::file_exists;
    if (is_there && chosen.each.name_from_server)
        return fmt::format("open file {}: File exists; --no-clobber keeps both, -o chooses another name",
                           printable(failure.target()));
    if (is_there)
        return fmt::format("{}; --clobber replaces it, --no-clobber keeps both, -C - goes on behind it, "
                           "--if-changed looks whether there is a newer one", failure.what());
    return failure.what();
}

/// A download while it runs.
class running {
public:
    running(session& in, job what, portico::context& own)
        : in_(in), what_(std::move(what)), own_(own), begin_(own.now()),
          line_(in.shown, without_login(what_.url), begin_), seen_(in, line_) {}

    portico::task<exit_status> run()
    {
        exit_status status = success;
        try {
            co_await get();
        } catch (const portico::error& failure) {
            status = fail(failure);
        } catch (const portico::cancelled&) {
            say_what_stays();
            throw;
        }
        try {
            finish(status);
        } catch (const portico::error& failure) { // others go on: it is not theirs
            complain(in_.chosen, in_.shown, failure.what());
            status = status == success ? status_of(failure) : status;
        }
        co_return status;
    }

private:
    portico::task<> get()
    {
        const portico::url from = http::parse_url(what_.url);
        shown_url_ = from.to_string();
        http::download_options how = options_for(in_, what_);
        set_conditions(in_.chosen, own_.backend(), how);
        std::string path = path_for(in_.chosen, what_, from);
        line_.rename(name_in(path));
        const portico::duration limit = in_.chosen.max_time > 0 ? seconds(in_.chosen.max_time) : portico::no_timeout;
        got_ = co_await portico::with_deadline(
            limit, http::download(in_.with, from, std::move(path), std::move(how), &seen_));
        line_.end(own_.now(), got_.size, got_.received);
        if (!in_.chosen.etag_to.empty() && !got_.unchanged)
            own_.backend().write_file(in_.chosen.etag_to, seen_.etag + '\n').value();
    }

    exit_status fail(const portico::error& failure)
    {
        exit_status status = status_of(failure);
        if (status == http_error && !in_.chosen.fails && failure.operation() != "connect through proxy")
            return success;
        if (status == unknown_host && is_asked_of_proxy())
            status = unknown_proxy;
        error_ = explain(in_.chosen, failure);
        if (can_go_on())
            error_ += fmt::format("; the same command goes on with {}.part", printable(seen_.part_of));
        complain(in_.chosen, in_.shown, shown_url_.empty() ? error_ : shown_url_ + ": " + error_);
        return status;
    }

    bool is_asked_of_proxy() const
    {
        const auto via = in_.proxies.for_url(http::parse_url(what_.url));
        return via && via->scheme() != http::proxy::scheme::socks5;
    }

    bool can_go_on() const
    {
        return !seen_.part_of.empty() && own_.backend().status_of(seen_.part_of + ".part.meta").has_value();
    }

    void say_what_stays()
    {
        if (can_go_on())
            complain(in_.chosen, in_.shown,
                     fmt::format("{}: interrupted; the same command goes on with {}.part", shown_url_,
                                 printable(seen_.part_of)));
        else
            complain(in_.chosen, in_.shown, shown_url_ + ": interrupted");
    }

    void finish(exit_status status)
    {
        if (in_.chosen.write_out.empty())
            return;
        download_facts facts = facts_of(what_, got_, seen_);
        facts.exitcode = status;
        facts.errormsg = error_;
        facts.time_total = since(begin_, own_.now());
        const written_out said = write_out(in_.chosen.write_out, facts);
        print(in_.shown, said.output);
        if (!said.error.empty())
            in_.shown.print(printable_lines(said.error));
    }

    session& in_;
    job what_;
    portico::context& own_;
    portico::time_point begin_;
    shown_transfer line_;
    observer seen_;
    http::downloaded got_;
    std::string shown_url_, error_; // the first without a user's name and password
};

} // namespace

portico::task<exit_status> transfer(session& in, job what)
{
    portico::context& own = co_await portico::this_context();
    running all(in, std::move(what), own);
    co_return co_await all.run();
}

} // namespace http_get
